"""From a peak list to a question."""

from collections.abc import Sequence
from dataclasses import replace

from nmrflow.chem.domain import Domain
from nmrflow.chem.formula import parse_formula, plain_formula
from nmrflow.errors import SpectrumError
from nmrflow.formats.text_reader import as_peaks
from nmrflow.model.questions import Asked
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList
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
        return peaks if formula is None else replace(peaks, formula=formula)
    listed = as_peaks(peaks, axis)
    own, left_out = (
        (listed.peaks, ()) if keeps_solvent else split_foreign_lines(listed, axis.nucleus)
    )
    if not own:
        lines = ", ".join(map(str, left_out))
        raise SpectrumError(
            f"nothing but lines of solvent and reference ({lines}); if they are the compound's, "
            "say --keep-solvent (in Python: nmrflow.answers.question.ask, keeps_solvent=True)"
        )
    merged = PeakList(_without_repeats(own), listed.metadata, listed.remarks)
    return Question(merged, left_out, formula, axis.nucleus)


def remarks_on(question: Question) -> tuple[str, ...]:
    """What whoever asks should know of how a question was understood, as sentences."""
    element = question.nucleus.element
    found = [f"{remark[:1].upper()}{remark[1:]}." for remark in question.peaks.remarks]
    if question.left_out:
        found.append(f"Left out: {', '.join(map(str, question.left_out))}.")
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
