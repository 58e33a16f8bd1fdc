"""What is said of an answer, in sentences: how it was understood, and how far to trust it."""

from nmrflow.answers import conditions
from nmrflow.answers.check import Check, Verdict
from nmrflow.answers.elucidation import Elucidation, Ranking
from nmrflow.answers.fit import Fit
from nmrflow.answers.hits import Search
from nmrflow.chem.formula import parse_formula
from nmrflow.library.filters import described
from nmrflow.spectra.question import NOTHING_KNOWN, Question


def remarks_on(question: Question) -> tuple[str, ...]:
    """What whoever asks should know of how a question was understood, as sentences."""
    element = question.nucleus.element
    found = [f"{remark[:1].upper()}{remark[1:]}." for remark in question.peaks.remarks]
    if question.left_out:
        those = "it" if len(question.left_out) == 1 else "them"
        lines = ", ".join(map(str, question.left_out))
        found.append(f"Left out: {lines}; --keep-solvent keeps {those}.")
    if question.kept:
        lines = ", ".join(f"{line.peak.shift_ppm:g} ppm" for line in question.kept)
        names = " and ".join(dict.fromkeys(line.name for line in question.kept))
        found.append(f"Kept: {lines}, where {names} has a line too; taken for the compound's.")
    if question.formula is not None:
        n_atoms = parse_formula(question.formula).get(element, 0)
        n_peaks = len(set(question.shifts_ppm))
        if n_peaks > n_atoms:
            those = f"{n_atoms} {question.nucleus.noun}s of {question.formula}"
            why = "some are not the compound's"
            found.append(f"{n_peaks} peaks are more than the {those}: {why}.")
    return tuple(found)


def remarks_on_fit(fit: Fit) -> tuple[str, ...]:
    """What a structure leaves over, and which of its equivalent carbons were told apart.

    Atoms are counted from 1, in the structure's own order.
    """
    found = [sentence.capitalize() for sentence in _unexplained(fit)]
    if unseen := ", ".join(_atoms(group.atoms) for group in fit.unseen):
        found.append(f"Without a peak of its own: atom {unseen}.")
    for groups in fit.diastereotopic:
        atoms = " and ".join(_atoms(group.atoms) for group in groups)
        found.append(
            f"Atoms {atoms} are equivalent by their bonds, but diastereotopic: they may have "
            "shifts of their own; which of them has which is not told."
        )
    return tuple(found)


def say_trust(answer: Elucidation | Ranking) -> str:
    """One sentence on how probable it is that the truth is among the candidates."""
    n = len(answer.candidates)
    if not n:
        if isinstance(answer, Elucidation) and answer.ruled_out:
            return "Nothing that was found is as it must be: check what is known, and the peaks."
        advice = "check the peaks and the formula (--formula), or draw more (--samples)."
        return f"No draw was a molecule, or none of the formula: {advice}"
    those = "these candidates" if n > 1 else "this candidate"
    if all(candidate.contradiction for candidate in answer.candidates):
        return f"None fits: all of {those} are ruled out." if n > 1 else "It is ruled out."
    if answer.outside:
        return f"No probability can be given: {answer.outside}."
    if isinstance(answer, Elucidation) and not answer.is_calibrated:
        return (
            f"The network itself gives {those} a probability {_of_percent(answer.mass)}"
            f"{' together' if n > 1 else ''}; that was not calibrated on held-out spectra."
        )
    if answer.probability is None:
        how = "python -m nmrflow.evaluation.calibrate makes one"
        return f"This network has no calibration ({how}): how far to trust the order is not known."
    source = "as calibrated on held-out spectra"
    if isinstance(answer, Ranking) and answer.question.formula is None:
        source = (
            "roughly: calibrated, on held-out spectra, for candidates of one formula (--formula)"
        )
    chance = _percent(answer.probability)
    among = f"the true structure is among {those}"
    if isinstance(answer, Ranking) and answer.none_fits:
        return f"Probably none fits: the chance that {among} is {chance}, {source}."
    return f"{among.capitalize()} with a probability {_of_percent(answer.probability)}, {source}."


def _of_percent(probability: float) -> str:
    """As it stands behind "a probability"."""
    told = _percent(probability)
    return f"of {told}" if told[0].isdigit() else told


def _percent(probability: float) -> str:
    if 0.01 <= probability <= 0.99:
        return f"{100 * probability:.0f} %"
    return "above 99 %" if probability > 0.5 else "below 1 %"


def say_check(found: Check) -> tuple[str, ...]:
    """What is to be thought of a structure against a spectrum, the verdict last."""
    said = []
    for pair in found.exchanges:
        one, other = pair.one, pair.other
        said.append(
            f"{one.measured.shift_ppm:g} ppm (atom {_atoms(one.group.atoms)}) and "
            f"{other.measured.shift_ppm:g} ppm (atom {_atoms(other.group.atoms)}) fit better "
            "exchanged."
        )
    if found.unassigned:
        atoms = ", ".join(_atoms(group.atoms) for group in found.unassigned)
        said.append(f"Nothing is assigned to atom {atoms}.")
    if n := found.fit.n_extra:
        said.append(f"{n} {'peak' if n == 1 else 'peaks'} more than symmetry allows for.")
    if n := found.fit.n_missing:
        noun = found.question.nucleus.noun
        those = f"One group of {noun}s has" if n == 1 else f"{n} groups of {noun}s have"
        said.append(f"{those} no peak.")
    wrong = [one for one in found.carbons if one.verdict != Verdict.FITS]
    counted = f"{len(wrong)} of {len(found.carbons)} groups of carbons do not fit well"
    how = (
        ""
        if found.probability is None
        else (
            f" (beside the isomer that fits best, at even odds, it would be the right one with "
            f"{100 * found.probability:.0f} %)"
        )
    )
    if found.fit.contradiction:
        said.append(f"The structure does not fit: {found.fit.contradiction}.")
    elif found.verdict == Verdict.NO_FIT:
        said.append(f"The structure does not fit the spectrum{how}; {counted}.")
    elif found.verdict == Verdict.DOUBTFUL and found.is_assigned and not found.best_wrong:
        said.append(f"The structure fits the spectrum, but not as it is assigned{how}; {counted}.")
    elif found.verdict == Verdict.DOUBTFUL:
        said.append(f"Doubtful: {counted}{how}.")
    else:
        said.append(f"The structure fits the spectrum{how}.")
    if found.probability is None and not found.fit.contradiction:
        said.append("This verdict is not calibrated for such a spectrum.")
    return tuple(said)


def say_search(found: Search) -> str:
    """One sentence on how far to trust the hits of a library."""
    n = len(found.candidates)
    if not n:
        advice = "check the formula, the mass and the other filters"
        return f"No molecule of the library passes ({found.n_library:,} are in it): {advice}."
    return (
        "How probable it is that the true structure is in this library is not calibrated: look at "
        "how many peaks are matched, and how well."
    )


def say_all(answer: Elucidation | Ranking | Search) -> tuple[str, ...]:
    """How the question was understood, what the first candidate leaves over, how far to trust."""
    found = list(remarks_on(answer.question))
    if isinstance(answer, Search):
        found += described(answer.filters, answer.n_passed, answer.n_library)
    if isinstance(answer, Elucidation) and answer.question.conditions != NOTHING_KNOWN:
        found.append(_say_conditions(answer))
    first = answer.candidates[0].matched if answer.candidates else None
    if first is not None:
        found += [f"The first candidate: {sentence}" for sentence in _unexplained(first)]
    return (*found, say_search(answer) if isinstance(answer, Search) else say_trust(answer))


def _say_conditions(answer: Elucidation) -> str:
    known = "; ".join(conditions.described(answer.question.conditions))
    n = answer.ruled_out.total()
    parts = ", ".join(f"{words}: {number}" for words, number in answer.ruled_out.most_common())
    rest = f"{n} of {answer.n_samples} found are ruled out ({parts})" if n else "none is ruled out"
    return f"Known besides: {known}; {rest}."


def _unexplained(fit: Fit) -> tuple[str, ...]:
    peaks = ", ".join(f"{peak.shift_ppm:g}" for peak in fit.unexplained)
    return (f"no {fit.prediction.nucleus.noun} explains {peaks} ppm.",) if peaks else ()


def _atoms(atoms: tuple[int, ...]) -> str:
    return "+".join(str(atom + 1) for atom in atoms)
