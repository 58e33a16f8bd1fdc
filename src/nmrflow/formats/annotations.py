"""What stands behind a shift: kinds and numbers of atoms, letters, and other notes."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import NamedTuple

from nmrflow.formats.shift_words import COUNT, words
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.solvents import n_solvent_lines, split_foreign_lines

NOTE_END = re.compile(r"(?!(?<=[0-9]),(?=[0-9]))[,;](?![^()]{0,40}\))")
"""Between notes; not within '12,5 Hz' or 'J(C,F)'."""

_N_KEPT = 1_024
_COUPLING = re.compile(r"J|[Hh]z")
_TIMES = re.compile(rf"{COUNT} ?[x×X*] ?(\S.*)|(\S.*?) ?[x×X*] ?{COUNT}")


class Said(NamedTuple):
    """What is said behind a shift, and whether a letter told the multiplicity."""

    multiplicity: str | None = None
    n_carbons: int | None = None
    note: str = ""
    is_letter: bool = False


@lru_cache(_N_KEPT)
def read_notes(notes: tuple[str, ...], nucleus: Nucleus) -> Said:
    """What notes say; the same ones stand behind many a peak.

    Args:
        notes: What stood in brackets.
        nucleus: Whose peak they stand behind.
    """
    if not notes:
        return Said()
    text = " ".join(", ".join(notes).split())
    groups, counts, rest = list[str](), list[int](), list[str]()
    for part in filter(None, map(str.strip, NOTE_END.split(text))):
        group, count, note = _read_part(part, nucleus)
        # 2C counts atoms; it does not say that they bear no hydrogen.
        groups += [group] if group and not (count and group == nucleus.element) else []
        counts += [count] if count else []
        rest += [note] if note else []
    if len(groups) > 1 or len(counts) > 1:
        # Unlike atoms under one peak: neither one multiplicity nor one number is true of it.
        return Said(note=text)
    counts = counts or _count_labels(rest, nucleus)
    multiplicity = words(nucleus).letters.get(groups[0].upper()) if groups else None
    told = [note for note in rest if note.upper() in nucleus.multiplicities]
    is_letter = len(told) == 1 and not groups and not _COUPLING.search(text)
    if is_letter:
        multiplicity = told[0].upper()
        rest.remove(told[0])
    return Said(multiplicity, counts[0] if counts else None, ", ".join(rest), is_letter)


def without_idle_letters(peaks: PeakList, by_letter: Sequence[bool], nucleus: Nucleus) -> PeakList:
    """Peaks without the letters that say nothing of hydrogens, which become notes.

    In a decoupled spectrum every line is a singlet, but for couplings to other nuclei: an ``s``
    behind every line, and letters among lines with coupling constants, are such ones. Lines of
    the solvent, which deuterium splits, do not count.

    Args:
        peaks: The list, with the metadata that name the solvent.
        by_letter: For each peak whether its multiplicity was told by a letter, not by a group.
        nucleus: Whose peaks they are.
    """
    if not any(by_letter):
        return peaks
    bare = nucleus.letter(0)
    has_couplings = any(peak.note and _COUPLING.search(peak.note) for peak in peaks.peaks)
    pairs = list(zip(peaks.peaks, by_letter, strict=True))
    if not has_couplings and any(p.multiplicity != bare for p, is_told in pairs if not is_told):
        return peaks
    n_others = sum(p.multiplicity != bare and not p.note for p in peaks.peaks)
    if not has_couplings and n_others > n_solvent_lines(peaks, nucleus):
        return peaks  # Some are the compound's, whichever are not.
    unlettered = [
        Peak(p.shift_ppm, None, p.n_carbons, p.intensity, p.half_width_ppm, p.atoms, p.note)
        if is_told
        else p
        for p, is_told in pairs
    ]
    own = split_foreign_lines(replace(peaks, peaks=tuple(unlettered)), nucleus)[0]
    kept = {id(peak) for peak in own}
    lettered = [
        peak
        for peak, copy in zip(peaks.peaks, unlettered, strict=True)
        if id(copy) in kept or copy is peak
    ]
    is_all_bare = len(peaks.peaks) > 1 and {peak.multiplicity for peak in lettered} == {bare}
    if not has_couplings and not is_all_bare:
        return peaks
    found = [
        replace(peak, multiplicity=None, note=", ".join(filter(None, (_letter(peak), peak.note))))
        if is_told
        else peak
        for peak, is_told in pairs
    ]
    why = "among lines with couplings" if has_couplings else "behind every line"
    remark = (
        f"letters {why} of a decoupled spectrum do not tell hydrogens: they were not taken as "
        "multiplicities"
    )
    return replace(peaks, peaks=tuple(found), remarks=(*peaks.remarks, remark))


def _letter(peak: Peak) -> str:
    return (peak.multiplicity or "").lower()


def _read_part(part: str, nucleus: Nucleus) -> tuple[str | None, int | None, str]:
    """Kind and number of atoms that a note tells, and what else it says."""
    if match := words(nucleus).group.fullmatch(part):
        count = match[1] or match[4] or match[5]
        return match[2] or match[3], int(count) if count else None, ""
    times = None if _COUPLING.search(part) else _TIMES.fullmatch(part)
    if times is None:
        return None, None, part
    count, rest = times[1] or times[4], times[2] or times[3]
    return None, int(count), rest


@cache
def _labels(element: str) -> re.Pattern[str]:
    """One label of an atom or several, as C-2/C-6 or C-2,6."""
    number = r"[0-9]{1,3}[a-z]?['′″\"]*"
    return re.compile(rf"{element}-?{number}(?:(?: ?[/,&] ?| and )(?:{element}-?)?{number})*")


def _count_labels(notes: Sequence[str], nucleus: Nucleus) -> list[int]:
    """How many atoms labels name, as C-2/C-6 does; nothing of a single one."""
    named = [note for note in notes if _labels(nucleus.element).fullmatch(note)]
    n = sum(len(re.findall(r"[0-9]+", note)) for note in named)
    return [n] if n > 1 else []
