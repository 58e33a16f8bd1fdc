"""Lists of shifts, and publications' sentences: the same but for a head and notes in brackets."""

import re
from collections.abc import Sequence

from nmrflow.formats.shift_words import (
    LIST_HINT,
    NAMES_OF_SHIFTS,
    NUMBER,
    read_shift,
    refused,
    words,
)
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import BRACKET, Peak

# A dash with a blank behind it belongs to the number before it: a range, not a minus.
_WORD = re.compile(rf"{NUMBER}\s*-\s+{NUMBER}(?![^\s,;()])|(?P<bracket>{BRACKET})|[^\s,;()]+|\S")
_TIGHT_COMMA = re.compile(r"(?<=[0-9]),(?=[0-9])")
_LOOSE_COMMA = re.compile(r"(?<![0-9]),|,(?![0-9])")
_NUMBER_WITH_COMMAS = re.compile(rf"[^\s;,()-]+(?:{_TIGHT_COMMA.pattern}[^\s;,()-]+)*")
# Between notes; not within '12,5 Hz' or 'J(C,F)'.
_NOTE_END = re.compile(rf"(?!{_TIGHT_COMMA.pattern})[,;](?![^()]{{0,40}}\))")
# A comma without a blank separates only behind a decimal point.
_CELL = r"[+-]?[0-9]+(?:[.,][0-9]*)?"
_TWO_COLUMNS = re.compile(
    rf"\s*(?:{_CELL}(?:\s*;\s*|\s+){_CELL}|[+-]?[0-9]+\.[0-9]*\s*,\s*{_CELL})\s*"
)
_MEGAHERTZ = re.compile(r"(?<![\w.])([0-9]+(?:[.,][0-9]+)?)\s*MHz", re.IGNORECASE)
_TEMPERATURE = re.compile(r"[0-9.]+ ?(?:K|°C)")


def read_sentence(
    lines: Sequence[str], nucleus: Nucleus
) -> tuple[tuple[Peak, ...], dict[str, str]]:
    """The peaks of a list or a publication, and what it says of all of them.

    Raises:
        SpectrumError: As :func:`nmrflow.formats.text_reader.read_peaks`.
    """
    _refuse_columns(lines)
    text = "\n".join(lines).rstrip().removesuffix(".")
    head = words(nucleus).head.match(text)
    start = head.end() if head else 0
    text = _with_decimal_points(text, start, nucleus)
    found: list[tuple[float, float, list[str]]] = []
    line, counted = 1, 0
    for match in _WORD.finditer(text, start):
        word = match[0]
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        if word in (",", ";", "and", "&") or word.lower() in NAMES_OF_SHIFTS:
            continue
        if word in ("(", ")"):
            raise refused(line, text[match.start() :], "has an odd bracket", "close or remove it")
        if not match["bracket"]:
            found.append((*read_shift(word, line, nucleus), []))
        elif found:
            found[-1][2].append(word[1:-1])
        else:
            raise refused(line, word, "stands before the first shift", "put notes behind shifts")
    if not found:
        raise refused(_line_at(text, len(text)), text, "holds no shift", LIST_HINT)
    peaks = tuple(_annotated(shift, width, notes, nucleus) for shift, width, notes in found)
    told = (head["conditions"] or "")[1:-1] if head else ""
    return peaks, _read_conditions(told, words(nucleus).lead)


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _with_decimal_points(text: str, start: int, nucleus: Nucleus) -> str:
    """The text, as long as before, with decimal commas from ``start`` on replaced by points."""
    plain = re.sub(BRACKET, lambda match: " " * len(match[0]), text)
    if other := re.compile(r"\bNMR\b", re.IGNORECASE).search(plain, start):
        read = text[: other.end()].rpartition("\n")[2]
        hint = f"begin with '{nucleus.name} NMR' and give one spectrum"
        why = f"is no part of a {nucleus.name} peak list"
        raise refused(_line_at(text, other.end()), read, why, hint)
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
    parts = [" ".join(part.split()) for part in _NOTE_END.split(text)]
    parts = [part for part in parts if not lead.fullmatch(part)]
    solvent = next((part for part in parts if not _TEMPERATURE.fullmatch(part)), None)
    if solvent:
        parts.remove(solvent)
        metadata["solvent"] = solvent
    if parts:
        metadata["conditions"] = ", ".join(parts)
    return metadata


def _annotated(
    shift_ppm: float, half_width_ppm: float, brackets: Sequence[str], nucleus: Nucleus
) -> Peak:
    """A peak with what the brackets behind it say."""
    text = " ".join(", ".join(brackets).split())
    group_of, letters = words(nucleus).group, words(nucleus).letters
    groups, counts, notes = [], [], []
    for part in filter(None, map(str.strip, _NOTE_END.split(text))):
        match = group_of.fullmatch(part)
        group, count = (match[2] or match[3], match[1] or match[4]) if match else (None, None)
        # 2C counts atoms; it does not say that they bear no hydrogen.
        groups += [group] if group and not (count and group == nucleus.element) else []
        counts += [int(count)] if count else []
        notes += [] if match else [part]
    if len(groups) > 1 or len(counts) > 1:
        # Unlike atoms under one peak: neither one multiplicity nor one number is true of it.
        return Peak(shift_ppm, half_width_ppm=half_width_ppm, note=text)
    multiplicity = letters.get(groups[0].upper()) if groups else None
    told = [note for note in notes if note.upper() in nucleus.multiplicities]
    if len(told) == 1 and not groups and not re.search("J|[Hh]z", text):
        multiplicity = told[0].upper()
        notes.remove(told[0])
    n_carbons = counts[0] if counts else None
    note = ", ".join(notes)
    return Peak(shift_ppm, multiplicity, n_carbons, half_width_ppm=half_width_ppm, note=note)


def _refuse_columns(lines: Sequence[str]) -> None:
    """A table without a header: intensities and running numbers would be read as shifts."""
    rows = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if len(rows) > 1 and all(_TWO_COLUMNS.fullmatch(line) for _, line in rows):
        above = "put a header such as ppm,intensity above columns"
        hint = f"{above}, or the shifts of a list on one line"
        raise refused(*rows[0], "may be two shifts, or a shift and something else", hint)
