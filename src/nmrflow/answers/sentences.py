"""How far an answer can be trusted, in a sentence."""

from nmrflow.answers.elucidation import Elucidation, Ranking


def say_trust(answer: Elucidation | Ranking) -> str:
    """One sentence on how probable it is that the truth is among the candidates."""
    n = len(answer.candidates)
    if not n:
        return (
            "No draw was a molecule, or none of the formula: check the peaks and the formula, or "
            "draw more samples."
        )
    if answer.probability is None:
        return (
            "This network has no calibration (python -m nmrflow.evaluation.calibrate makes one): "
            "how far to trust the order is not known."
        )
    those = "these candidates" if n > 1 else "this candidate"
    if all(candidate.contradiction for candidate in answer.candidates):
        return f"None fits: all of {those} are ruled out." if n > 1 else "It is ruled out."
    source = "as calibrated on held-out spectra"
    if isinstance(answer, Ranking) and answer.question.formula is None:
        source = "roughly: calibrated, on held-out spectra, for candidates of one formula"
    if isinstance(answer, Ranking) and answer.none_fits:
        return (
            f"Probably none fits: the chance that the true structure is among {those} is "
            f"{_percent(answer.probability)}, {source}."
        )
    return (
        f"The true structure is among {those} with a probability of "
        f"{_percent(answer.probability)}, {source}."
    )


def _percent(probability: float) -> str:
    if probability < 0.01:
        return "below 1 %"
    return "above 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"
