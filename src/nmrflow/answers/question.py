"""From a peak list to a question."""

from collections.abc import Sequence
from dataclasses import replace

from nmrflow.chem.domain import Domain
from nmrflow.chem.formula import parse_formula, plain_formula
from nmrflow.errors import SpectrumError
from nmrflow.formats.text_reader import as_peaks
from nmrflow.model.questions import Asked
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import Peak
from nmrflow.spectra.question import Question
from nmrflow.spectra.solvents import split_foreign_lines


def ask(
    peaks: Asked,
    axis: ShiftAxis,
    *,
    formula: str | None = None,
    domain: Domain | None = None,
    keeps_solvent: bool = False,
) -> Question:
    """Make a question of a peak list, without the lines of solvent and reference.

    A single line that may be the solvent's by its place alone is the compound's where the formula
    has exactly as many atoms as there are peaks, and in a publication's sentence, whose authors
    leave out the solvent; elsewhere it is left out. The other reading stands beside the question
    (``other_reading``) where neither is certain.

    Equal shifts become one peak, of as many atoms as there were.

    Args:
        peaks: The spectrum; a question is returned as it is, with the formula if one is given.
        axis: Says which numbers are shifts.
        formula: As C10H14, where it is known.
        domain: Which formulas make sense; None: all.
        keeps_solvent: Take the lines of solvent and reference for the compound's.

    Raises:
        SpectrumError: If the list cannot be read, or nothing but such lines is in it.
        StructureError: If the formula is none, or of no molecule of the domain.
    """
    if formula is not None:
        if domain is not None:
            domain.count(formula)
        formula = plain_formula(formula)
    if isinstance(peaks, Question):
        return peaks if formula is None else _with_formula(peaks, formula)
    listed = as_peaks(peaks, axis)
    nucleus = axis.nucleus
    own, left_out = (listed.peaks, ()) if keeps_solvent else split_foreign_lines(listed, nucleus)
    certain = tuple(line for line in left_out if not line.may_be_own)
    foreign = {id(line.peak) for line in certain}
    all_own = tuple(peak for peak in listed.peaks if id(peak) not in foreign)
    if not own:
        if not _needs_all(all_own, formula, nucleus):
            lines = ", ".join(map(str, left_out))
            raise SpectrumError(
                f"nothing but lines of solvent and reference ({lines}); if they are the "
                "compound's, say --keep-solvent (in Python: nmrflow.answers.question.ask, "
                "keeps_solvent=True)"
            )
        own, left_out = all_own, certain
    few = Question(replace(listed, peaks=_without_repeats(own)), left_out, formula, nucleus)
    if len(certain) == len(left_out):
        return few
    doubtful = ", ".join(str(line) for line in left_out if line.may_be_own)
    remark = (
        f"taken for the compound's, though a solvent or reference has a line there: {doubtful}"
    )
    merged = replace(listed, peaks=_without_repeats(all_own), remarks=(*listed.remarks, remark))
    many = Question(merged, certain, formula, nucleus)
    if _needs_all(all_own, formula, nucleus):
        return many
    # Of 13 published spectra with a single line in such a place, 10 have one carbon too few
    # without it, and 1 has one too many with it. Among peaks that are all annotated a bare one
    # is the solvent's.
    is_own = listed.is_published and any(not _is_annotated(peak) for peak in own)
    return replace(many, other_reading=few) if is_own else replace(few, other_reading=many)


def _is_annotated(peak: Peak) -> bool:
    return bool(peak.multiplicity or peak.n_carbons or peak.note or peak.atoms)


def _with_formula(question: Question, formula: str) -> Question:
    other = question.other_reading
    other = None if other is None else replace(other, formula=formula)
    return replace(question, formula=formula, other_reading=other)


def _needs_all(peaks: Sequence[Peak], formula: str | None, nucleus: Nucleus) -> bool:
    """Whether a formula has as many atoms as there are peaks, each counted by its atoms."""
    if formula is None:
        return False
    return sum(p.n_carbons or 1 for p in peaks) == parse_formula(formula).get(nucleus.element)


def remarks_on(question: Question) -> tuple[str, ...]:
    """What whoever asks should know of how a question was understood, as sentences."""
    element = question.nucleus.element
    found = [f"{remark[:1].upper()}{remark[1:]}." for remark in question.peaks.remarks]
    if question.left_out:
        found.append(f"Left out: {', '.join(map(str, question.left_out))}.")
    if doubtful := [str(line) for line in question.left_out if line.may_be_own]:
        found.append(
            f"By their places alone these may also be the compound's: {', '.join(doubtful)}; "
            "--keep-solvent takes them so."
        )
    if question.formula is not None:
        n_atoms = parse_formula(question.formula).get(element, 0)
        n_peaks = len(set(question.shifts_ppm))
        if n_peaks > n_atoms:
            those = f"{n_atoms} {question.nucleus.noun}s of {question.formula}"
            why = "some are not the compound's"
            found.append(f"{n_peaks} peaks are more than the {those}: {why}.")
    return tuple(found)


def _without_repeats(peaks: Sequence[Peak]) -> tuple[Peak, ...]:
    """A shift that is listed once for each carbon is one peak of so many carbons."""
    found: dict[tuple[float, str | None], Peak] = {}
    for peak in peaks:
        key = (peak.shift_ppm, peak.multiplicity)
        if first := found.get(key):
            n_carbons = (first.n_carbons or 1) + (peak.n_carbons or 1)
            atoms = tuple(dict.fromkeys(first.atoms + peak.atoms))
            peak = replace(first, n_carbons=n_carbons, atoms=atoms)
        found[key] = peak
    return tuple(found.values())
