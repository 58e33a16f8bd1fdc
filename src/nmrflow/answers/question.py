"""From a peak list to a question."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from nmrflow.answers.conditions import check_conditions
from nmrflow.chem.domain import Domain
from nmrflow.chem.formula import parse_formula, plain_formula
from nmrflow.errors import SpectrumError
from nmrflow.formats.text_reader import as_peaks
from nmrflow.model.questions import Asked
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import Peak
from nmrflow.spectra.question import Conditions, Question
from nmrflow.spectra.solvents import ForeignLine, split_foreign_lines

SOLVENT_ODDS = 1.6
"""Nats, odds of 5 to 1: by how much an answer must be better for a line to be another's."""

Found = TypeVar("Found")


def ask(
    peaks: Asked,
    axis: ShiftAxis,
    *,
    formula: str | None = None,
    domain: Domain | None = None,
    keeps_solvent: bool = False,
    conditions: Conditions | None = None,
) -> Question:
    """Make a question of a peak list, without the lines of solvent and reference.

    A single line that may be the solvent's by its place alone is the compound's where the formula
    has exactly as many atoms as there are peaks, and in a publication's sentence, whose authors
    leave out the solvent; elsewhere it is left out. :func:`best_reading` tries it the other way.

    Equal shifts become one peak, of as many atoms as there were.

    Args:
        peaks: The spectrum; a question is returned as it is, with the formula if one is given.
        axis: Says which numbers are shifts.
        formula: As C10H14, where it is known.
        domain: Which formulas make sense; None: all.
        keeps_solvent: Take the lines of solvent and reference for the compound's.
        conditions: What else is known of the molecule; None: nothing, or what a question says.

    Raises:
        SpectrumError: If the list cannot be read, or nothing but such lines is in it.
        StructureError: If the formula is none, or of no molecule of the domain; or as
            :func:`nmrflow.answers.conditions.check_conditions`.
    """
    question = _ask(peaks, axis, formula=formula, domain=domain, keeps_solvent=keeps_solvent)
    if conditions is not None:
        question = replace(question, conditions=conditions)
    check_conditions(question, domain)
    return question


def _ask(
    peaks: Asked,
    axis: ShiftAxis,
    *,
    formula: str | None,
    domain: Domain | None,
    keeps_solvent: bool,
) -> Question:
    if formula is not None:
        if domain is not None:
            domain.check_formula(formula)
        formula = plain_formula(formula)
    if isinstance(peaks, Question):
        question = peaks if formula is None else replace(peaks, formula=formula)
        needed = _keeping(question, *_doubtful(question))
        return needed if _needs_all(needed.peaks.peaks, formula, axis.nucleus) else question
    listed, nucleus = as_peaks(peaks, axis), axis.nucleus
    own, left_out = (listed.peaks, ()) if keeps_solvent else split_foreign_lines(listed, nucleus)
    certain = tuple(line for line in left_out if not line.may_be_own)
    foreign = {id(line.peak) for line in certain}
    every = tuple(peak for peak in listed.peaks if id(peak) not in foreign)
    kept: tuple[ForeignLine, ...] = ()
    # Of 13 published spectra with a single line in such a place, 10 have one carbon too few
    # without it, and 1 has one too many with it. Among peaks that are all annotated a bare one
    # is the solvent's.
    is_own = listed.is_published and any(not _is_annotated(peak) for peak in own)
    if is_own or _needs_all(every, formula, nucleus):
        kept = tuple(line for line in left_out if line.may_be_own)
        own, left_out = every, certain
    if not own:
        lines = ", ".join(map(str, left_out))
        raise SpectrumError(
            f"nothing but lines of solvent and reference ({lines}); if they are the compound's, "
            "say --keep-solvent (in Python: nmrflow.answers.question.ask, keeps_solvent=True)"
        )
    merged = replace(listed, peaks=_without_repeats(own))
    return Question(merged, left_out, formula, nucleus, kept)


def best_reading(
    question: Question, max_atoms: int, answer: Callable[[Question], tuple[Found, float]]
) -> tuple[Question, Found]:
    """The question, its doubtful lines taken as the answer is best, and its answer.

    A single line at the place of a solvent's is the solvent's or the compound's as the question
    has it, unless the answer is better by :data:`SOLVENT_ODDS` where it is the other's.

    Args:
        question: With lines left out, or kept, that may be the other's.
        max_atoms: Most atoms of the nucleus that a molecule has, where no formula tells.
        answer: Answers a question, and says how good the answer is, in nats.
    """
    found, best = answer(question)
    if _needs_all(question.peaks.peaks, question.formula, question.nucleus):
        return question, found
    for line in (*_doubtful(question), *question.kept):
        is_kept = line in question.kept
        other = _leaving(question, line) if is_kept else _keeping(question, line)
        if other is None or len(set(other.shifts_ppm)) > _most_peaks(question, max_atoms):
            continue
        own, score = answer(other)
        if score > best + SOLVENT_ODDS:
            question, found, best = other, own, score
    return question, found


def _doubtful(question: Question) -> tuple[ForeignLine, ...]:
    return tuple(line for line in question.left_out if line.may_be_own)


def _keeping(question: Question, *lines: ForeignLine) -> Question:
    """The question with lines among the compound's, where a list of that order would have them."""
    peaks = list(question.peaks.peaks)
    falls = peaks[0].shift_ppm >= peaks[-1].shift_ppm
    for line in lines:
        shift = line.peak.shift_ppm
        peaks.insert(sum((peak.shift_ppm > shift) == falls for peak in peaks), line.peak)
    return replace(
        question,
        peaks=replace(question.peaks, peaks=_without_repeats(peaks)),
        left_out=tuple(line for line in question.left_out if line not in lines),
        kept=(*question.kept, *lines),
    )


def _leaving(question: Question, line: ForeignLine) -> Question | None:
    """The question without a line that was kept; None if it is one with another, or all."""
    peaks = tuple(peak for peak in question.peaks.peaks if peak != line.peak)
    if not peaks or len(peaks) == len(question.peaks.peaks):
        return None
    return replace(
        question,
        peaks=replace(question.peaks, peaks=peaks),
        left_out=(*question.left_out, line),
        kept=tuple(one for one in question.kept if one != line),
    )


def _most_peaks(question: Question, max_atoms: int) -> int:
    if question.formula is None:
        return max_atoms
    return parse_formula(question.formula).get(question.nucleus.element, 0)


def _is_annotated(peak: Peak) -> bool:
    return bool(peak.multiplicity or peak.n_carbons or peak.note or peak.atoms)


def _needs_all(peaks: Sequence[Peak], formula: str | None, nucleus: Nucleus) -> bool:
    """Whether a formula has as many atoms as there are peaks, each counted by its atoms."""
    if formula is None:
        return False
    return sum(p.n_carbons or 1 for p in peaks) == parse_formula(formula).get(nucleus.element)


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
