"""From a peak list to a question."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from nmrflow.chem.domain import Domain
from nmrflow.chem.formula import parse_formula, plain_formula
from nmrflow.errors import SpectrumError
from nmrflow.formats.text_reader import as_peaks
from nmrflow.model.questions import Asked
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Question
from nmrflow.spectra.solvents import MULTIPLET_PPM, ForeignLine, split_foreign_lines

SOLVENT_ODDS = 1.6
"""Nats, odds of 5 to 1: a line at the place of the solvent's is the solvent's until then."""

Found = TypeVar("Found")


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
    merged = PeakList(_without_repeats(own), listed.metadata)
    return Question(merged, left_out, formula, axis.nucleus)


def best_reading(
    question: Question, max_atoms: int, answer: Callable[[Question], tuple[Found, float]]
) -> tuple[Question, Found]:
    """The question, maybe with lines kept that stand where a solvent's would, and its answer.

    A single line may be the compound's. It is taken for that where the answer is better by
    :data:`SOLVENT_ODDS`.

    Args:
        question: Without those lines.
        max_atoms: Most atoms of the nucleus that a molecule has, where no formula tells.
        answer: Answers a question, and says how good the answer is, in nats.
    """
    found, best = answer(question)
    for line in _alone(question.left_out):
        other = _keeping(question, line)
        if len(set(other.shifts_ppm)) <= _most_peaks(question, max_atoms):
            own, score = answer(other)
            if score > best + SOLVENT_ODDS:
                question, found, best = other, own, score
    return question, found


def _alone(lines: Sequence[ForeignLine]) -> list[ForeignLine]:
    """Lines that are no part of a multiplet, and that nobody has called the solvent's."""

    def n_near(line: ForeignLine) -> int:
        away = (abs(one.peak.shift_ppm - line.peak.shift_ppm) for one in lines)
        return sum(ppm <= 2 * MULTIPLET_PPM for ppm in away)

    return [line for line in lines if not line.peak.note and n_near(line) == 1]


def _keeping(question: Question, line: ForeignLine) -> Question:
    """The question with a line among the compound's, where a list of that order would have it."""
    peaks, shift = list(question.peaks.peaks), line.peak.shift_ppm
    falls = peaks[0].shift_ppm >= peaks[-1].shift_ppm
    n_before = sum((peak.shift_ppm > shift) == falls for peak in peaks)
    peaks.insert(n_before, line.peak)
    return replace(
        question,
        peaks=PeakList(tuple(peaks), question.peaks.metadata),
        left_out=tuple(one for one in question.left_out if one is not line),
        kept=(*question.kept, line),
    )


def _most_peaks(question: Question, max_atoms: int) -> int:
    if question.formula is None:
        return max_atoms
    return parse_formula(question.formula).get(question.nucleus.element, 0)


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
