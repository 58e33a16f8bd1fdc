"""Lists of shifts, and publications' sentences: the same but for a head and notes in brackets."""

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from nmrflow.formats.annotations import NOTE_END, read_notes
from nmrflow.formats.columns import shifts_without_header
from nmrflow.formats.sections import find_section, without_brackets
from nmrflow.formats.shift_words import (
    CHECK,
    LIST_HINT,
    NAMES_OF_SHIFTS,
    NUMBER,
    check_shift,
    read_shift,
    refused,
    words,
)
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import BRACKET, Peak
from nmrflow.spectra.solvents import find_solvents

# A dash with a blank behind it belongs to the number before it: a range, not a minus.
_WORD = re.compile(
    rf"(?P<shift>[0-9]{{1,3}}\.[0-9]{{1,4}})(?=[,;]|\s+\()"  # as nearly all are written
    rf"|{NUMBER}\s*-\s+{NUMBER}(?![^\s,;()])|(?P<bracket>{BRACKET}|\[[^\[\]]*\])"
    r"|(?P<before>[1-9][0-9]?\s*[x×]\s*(?=[0-9]+\.[0-9]))"
    r"|(?P<behind>[x×][1-9][0-9]?(?![\w.])|[1-9][0-9]?\s?(?:[x×]|C)(?![\w-]))"
    r"|[^\s,;()]+|\S"
)
_TWINS = re.compile(r"[0-9]+\.[0-9]+/[0-9]+\.[0-9]+")
"""Two shifts, as of two conformers."""
_TIGHT_COMMA = re.compile(r"(?<=[0-9]),(?=[0-9])")
_LOOSE_COMMA = re.compile(r"(?<![0-9]),|,(?![0-9])")
_NUMBER_WITH_COMMAS = re.compile(rf"[^\s;,()-]+(?:{_TIGHT_COMMA.pattern}[^\s;,()-]+)*")
_PROTONS = re.compile(r"(?:^|[,;]\s*)[1-9][0-9]? ?H(?=$|[,;])")
_MEGAHERTZ = re.compile(r"(?<![\w.])([0-9]+(?:[.,][0-9]+)?)\s*MHz", re.IGNORECASE)
_SIGN = re.compile(r"[*†‡§¶]+")
_SEVERAL = re.compile(
    r"\b(?:mixture of [^,;()]{1,40}|mixture|\w*(?:isomers|rotamers?|conformers)|minor|major)\b",
    re.IGNORECASE,
)
_TEMPERATURE = re.compile(r"[0-9.]+ ?(?:K|°C)")


class Sentence(NamedTuple):
    """What a list or a publication's sentence says.

    Args:
        peaks: In their order.
        by_letter: For each peak whether a letter told its multiplicity.
        conditions: Metadata from the brackets behind the name of the spectrum.
        remarks: What of the text was passed over.
        is_published: Whether the name of the spectrum stands before the shifts.
    """

    peaks: tuple[Peak, ...]
    by_letter: tuple[bool, ...]
    conditions: dict[str, str]
    remarks: tuple[str, ...]
    is_published: bool


def read_sentence(lines: Sequence[str], nucleus: Nucleus) -> Sentence:
    """The peaks of a list or a publication, and what it says of all of them.

    Raises:
        SpectrumError: As :func:`nmrflow.formats.text_reader.read_peaks`.
    """
    lines, columns = shifts_without_header(lines, nucleus)
    text = "\n".join(lines)
    begin, end, remarks = find_section(text, nucleus)
    text = text[:end].rstrip().rstrip(".;,").rstrip()
    head = words(nucleus).head.match(text, begin)
    start = head.end() if head else begin
    text = _with_decimal_points(text, start)
    found = _read_words(text, start, nucleus)
    if not found:
        raise refused(_line_at(text, len(text)), text[begin:], "holds no shift", LIST_HINT)
    behind = [tuple(notes) for *_, notes in found]
    of_protons = [notes for notes in behind if notes and any(map(_PROTONS.search, notes))]
    if nucleus.element != "H" and 2 * len(of_protons) > len(found):
        why = "counts hydrogens, as lists of 1H spectra do"
        raise refused(_line_at(text, start), of_protons[0][0], why, f"give a {nucleus.name} list")
    said = [read_notes(notes, nucleus) for notes in behind]
    peaks = tuple(
        Peak(shift, one.multiplicity, one.n_carbons, None, width, (), one.note)
        for (shift, width, _), one in zip(found, said, strict=True)
    )
    told = (head["conditions"] or "").strip("()[]") if head else ""
    conditions = _read_conditions(told, words(nucleus).lead)
    by_letter = tuple(one.is_letter for one in said)
    remarks = (*columns, *remarks, *_of_several(told, behind))
    return Sentence(peaks, by_letter, conditions, remarks, head is not None)


def _of_several(told: str, notes: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """A remark where some of the peaks may be of another isomer: it is said, or a sign marks them.

    A sign may also say that assignments can be exchanged.
    """
    every = [told, *itertools.chain.from_iterable(notes)]
    said = next(filter(None, map(_SEVERAL.search, every)), None)
    sign = next(filter(None, map(_SIGN.fullmatch, every)), None)
    if found := said or sign:
        where = "is said" if said else "stands behind shifts"
        return (
            f"'{found[0]}' {where}: all peaks are read as of one compound; leave out those of "
            "another isomer, rotamer or compound",
        )
    return ()


def _read_words(text: str, start: int, nucleus: Nucleus) -> list[tuple[float, float, list[str]]]:
    """Shifts, half widths and what is noted behind them."""
    found: list[tuple[float, float, list[str]]] = []
    line, counted, waiting, has_lines = 1, 0, list[str](), "\n" in text
    for match in _WORD.finditer(text, start):
        word = match[0]
        if has_lines:
            line, counted = line + text.count("\n", counted, match.start()), match.start()
        if match.lastgroup == "shift":
            check_shift(shift := float(word), nucleus, line, word, CHECK)
            found.append((shift, 0.0, waiting))
            waiting = []
            continue
        if word in (",", ";", "and", "&") or word.lower() in NAMES_OF_SHIFTS:
            continue
        if word in ("(", ")"):
            raise refused(line, text[match.start() :], "has an odd bracket", "close or remove it")
        if match["before"]:
            waiting = [word]
        elif _TWINS.fullmatch(word):
            found += [(*read_shift(one, line, nucleus), list[str]()) for one in word.split("/")]
        elif not match["bracket"] and not match["behind"]:
            # The stop of a sentence, where a remark follows.
            number = word[:-1] if word[-1] == "." and word.count(".") == 2 else word
            found.append((*read_shift(number, line, nucleus), waiting))
            waiting = []
        elif found:
            found[-1][2].append(word[1:-1] if match["bracket"] else word)
        else:
            raise refused(line, word, "stands before the first shift", "put notes behind shifts")
    return found


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _with_decimal_points(text: str, start: int) -> str:
    """The text, as long as before, with decimal commas from ``start`` on replaced by points."""
    if not _TIGHT_COMMA.search(text, start):
        return text
    plain = without_brackets(text)
    numbers = [n for n in _NUMBER_WITH_COMMAS.finditer(plain, start) if re.search("[0-9]", n[0])]
    with_comma = [number for number in numbers if "," in number[0]]
    if not with_comma or any(n[0].count(",") > 1 or "." in n[0] for n in with_comma):
        return text
    # Behind the notes of a publication a comma separates, and says nothing of '158,4'. In a list
    # of whole numbers blanks may have been forgotten.
    is_publication = start > 0 or plain != text
    if (
        len(numbers) == 1
        or re.search(r"\.[0-9]", plain[start:])
        or (_LOOSE_COMMA.search(plain) and not is_publication)
    ):
        line = _line_at(text, with_comma[0].start())
        hint = "write 31.34 for one shift or '31, 34' for two"
        raise refused(line, with_comma[0][0], "may be one shift or two", hint)
    commas = {match.start() for match in _TIGHT_COMMA.finditer(plain, start)}
    return "".join("." if i in commas else character for i, character in enumerate(text))


def _read_conditions(text: str, lead: re.Pattern[str]) -> dict[str, str]:
    """Metadata from the brackets behind the name of the nucleus."""
    metadata = {}
    if frequency := _MEGAHERTZ.search(text):
        metadata["frequency_mhz"] = frequency[1].replace(",", ".")
        text = text[: frequency.start()] + text[frequency.end() :]
    parts = [" ".join(part.split()) for part in NOTE_END.split(text)]
    parts = [part for part in parts if not lead.fullmatch(part)]
    others = [part for part in parts if not _TEMPERATURE.fullmatch(part)]
    solvent = next((part for part in others if find_solvents(part)), next(iter(others), None))
    if solvent:
        parts.remove(solvent)
        metadata["solvent"] = solvent
    if parts:
        metadata["conditions"] = ", ".join(parts)
    return metadata
