"""From a spectrum to structures: the network's own, somebody's candidates, or a known one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nmrflow.answers.candidates import (
    Candidate,
    order,
    scores_of,
    weigh,
    weigh_drawn,
    with_probabilities,
)
from nmrflow.answers.fit import Fit, fit
from nmrflow.answers.prediction import LEVEL
from nmrflow.answers.question import ask
from nmrflow.chem.structure import Structure
from nmrflow.errors import SpectrumError
from nmrflow.model.questions import Asked
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.question import Question

N_SAMPLES = 600
"""Draws for a question, and for what stands against candidates that somebody gives."""

N_SHOWN = 10


@dataclass(frozen=True)
class Elucidation:
    """The network's own candidates for a question.

    Args:
        question: What was asked.
        candidates: Best first, those asked for.
        n_distinct: Number of distinct molecules drawn, of which they are the first.
        n_samples: Number of draws.
        n_invalid: Draws that are no molecule, none of the formula, or without a spectrum.
        seed: Of the draws.
    """

    question: Question
    candidates: tuple[Candidate, ...]
    n_distinct: int
    n_samples: int
    n_invalid: int
    seed: int

    @property
    def probability(self) -> float | None:
        """Calibrated probability that the truth is among the candidates, 0 without any."""
        return self.candidates[-1].probability if self.candidates else 0.0


@dataclass(frozen=True)
class Ranking:
    """Somebody's candidates for a question, in order.

    Args:
        question: What was asked.
        candidates: Best first.
        none_fits: Whether probably none of them is the truth; None without a calibration.
    """

    question: Question
    candidates: tuple[Candidate, ...]
    none_fits: bool | None

    @property
    def probability(self) -> float | None:
        """Calibrated probability that the truth is among the candidates."""
        return self.candidates[-1].probability


def elucidate(
    model: TrainedFlow,
    peaks: Asked,
    *,
    formula: str | None = None,
    n_samples: int = N_SAMPLES,
    seed: int = 0,
    n_shown: int = N_SHOWN,
) -> Elucidation:
    """Draw structures for a spectrum and order them.

    Args:
        model: The network.
        peaks: The spectrum.
        formula: As C10H14, if it is known.
        n_samples: Draws; more of them find rarer structures.
        seed: Of the draws: the same gives the same list.
        n_shown: Most candidates returned.

    Raises:
        SpectrumError: If the network has no likelihood, a number is below 1, or as
            :func:`nmrflow.answers.question.ask`.
        StructureError: If the formula is of no molecule that the network knows.

    Example:
        >>> import nmrflow
        >>> model = nmrflow.load_pretrained("hydrocarbons")
        >>> toluene = "137.9, 129.1, 128.3, 125.3, 21.5"
        >>> elucidate(model, toluene, n_samples=50).candidates[0].structure.connectivity
        'Cc1ccccc1'
    """
    if n_shown < 1:
        raise SpectrumError(f"n_shown={n_shown}: at least 1")
    question = ask(peaks, model.axis, formula=formula, domain=model.domain)
    if not model.has_likelihood:
        raise SpectrumError("this network has no likelihood of structures")
    (drawn,) = model.iterate_proposals([question], n_samples, seed, explains=False)
    valid = of_question(drawn, question)
    found = weigh_drawn(model, question, valid)
    all_scores = scores_of(found)
    among = model.calibration.among if model.calibration else None
    shown = with_probabilities(order(found)[:n_shown], all_scores, among)
    return Elucidation(question, shown, len(found), n_samples, len(drawn) - len(valid), seed)


def of_question(drawn: Sequence[Proposal], question: Question) -> list[Proposal]:
    """The proposals that are molecules, have a spectrum, and are of the formula that was told.

    Told a formula, a network may still, rarely, draw another.
    """
    element, formula = question.nucleus.element, question.formula
    molecules = ((p, p.structure) for p in drawn if p.structure)
    return [p for p, s in molecules if element in s.elements and formula in (None, s.formula)]


def rank(
    model: TrainedFlow,
    peaks: Asked,
    structures: Sequence[Structure | str],
    *,
    formula: str | None = None,
) -> Ranking:
    """Order somebody's candidates by how well they fit a spectrum.

    The order does not depend on that of the input. Where all candidates have one formula, and
    the question tells none, that formula is taken as known.

    Args:
        model: The network.
        peaks: The spectrum.
        structures: The candidates, or their SMILES; one that is given twice is listed twice.
        formula: As C10H14, if it is known.

    Raises:
        StructureError: If there is no candidate, one lies outside the network's domain, or the
            formula is none.
        SpectrumError: As :func:`nmrflow.answers.question.ask`.
    """
    question = ask(peaks, model.axis, formula=formula, domain=model.domain)
    structures = model.read_structures(structures)
    formulas = {structure.formula for structure in structures}
    is_told = model.takes_formula and not any(structure.charges for structure in structures)
    if question.formula is None and len(formulas) == 1 and is_told:
        question = replace(question, formula=formulas.pop())
    weighed = weigh(model, question, structures)
    ordered = order([replace(candidate, place=k) for k, candidate in enumerate(weighed)])
    if model.calibration is None:
        return Ranking(question, ordered, None)
    rivals = elucidate(model, question, n_samples=N_SAMPLES, n_shown=N_SAMPLES)
    ordered = with_probabilities(ordered, scores_of(rivals.candidates), model.calibration.given)
    everything = ordered[-1].probability or 0.0
    return Ranking(question, ordered, everything < model.calibration.none_fits_below)


def assign(model: TrainedFlow, peaks: Asked, structure: Structure | str) -> Fit:
    """Match the peaks of a question to a structure's carbons, best in all.

    Equivalent carbons share a peak; unlike carbons do where there are fewer peaks than
    carbons. Of more peaks than carbons some belong to none.

    Raises:
        StructureError: If the structure lies outside the network's domain.
        SpectrumError: As :func:`nmrflow.answers.question.ask`.
    """
    question = ask(peaks, model.axis)
    predicted = model.predict_shifts([structure], LEVEL)[0]
    return fit(predicted, question.peaks, model.axis.nucleus)


def say_trust(answer: Elucidation | Ranking) -> str:
    """One sentence on how probable it is that the truth is among the candidates."""
    n = len(answer.candidates)
    if not n:
        advice = "check the peaks and the formula, or draw more samples."
        return f"No draw was a molecule, or none of the formula: {advice}"
    if answer.probability is None:
        how = "python -m nmrflow.evaluation.calibrate makes one"
        return f"This network has no calibration ({how}): how far to trust the order is not known."
    those = "these candidates" if n > 1 else "this candidate"
    if all(candidate.contradiction for candidate in answer.candidates):
        return f"None fits: all of {those} are ruled out." if n > 1 else "It is ruled out."
    source = "as calibrated on held-out spectra"
    if isinstance(answer, Ranking) and answer.question.formula is None:
        source = "roughly: calibrated, on held-out spectra, for candidates of one formula"
    chance = f"{100 * answer.probability:.0f} %"
    if not 0.01 <= answer.probability <= 0.99:
        chance = "above 99 %" if answer.probability > 0.5 else "below 1 %"
    among = f"the true structure is among {those}"
    if isinstance(answer, Ranking) and answer.none_fits:
        return f"Probably none fits: the chance that {among} is {chance}, {source}."
    return f"{among.capitalize()} with a probability of {chance}, {source}."
