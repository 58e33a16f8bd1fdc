"""Peak lists with one peak a line: tables with a header, and CSEARCH lines."""

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from nmrflow.formats.annotations import read_notes
from nmrflow.formats.columns import Header, cut_cells
from nmrflow.formats.shift_words import COUNT, NUMBER, read_shift, refused, words
from nmrflow.formats.typography import plain_text
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import BRACKET, Peak

_DEVIATIONS_PPM = (1.0, 5.0)
_CSEARCH = re.compile(r"\s*LINE\s*:", re.IGNORECASE)
_CSEARCH_LINE = re.compile(
    rf"{_CSEARCH.pattern}\s*(\S+)(?:\s+([SDTQUOEP]))?(?:\s+({NUMBER}))?\s*", re.IGNORECASE
)
_SHIFT_CELL = re.compile(rf"({NUMBER}(?:\s*-\s*{NUMBER})?(?:\s?ppm)?)\s*[,;]?\s*(.*)")
_NUMBER, _COUNT = re.compile(NUMBER), re.compile(COUNT)
_ATOMS, _LABELS = re.compile(r"[^\s,;/&]+"), re.compile(r"[^\s,;]+")
_NO_SHIFT = ("", "-", "--", "n.d.", "nd", "n.o.")
_PATTERN = re.compile(r"br\.? ?[a-z]?|m|[dtq]{2,4}|quint|sext|sept|hept|[+-]", re.IGNORECASE)
_OWN = ("compound", "")


class Table(NamedTuple):
    """The peaks of a table, for each whether a letter told its multiplicity, and remarks."""

    peaks: tuple[Peak, ...]
    by_letter: tuple[bool, ...]
    remarks: tuple[str, ...]


def read_table(lines: Sequence[str], header: Header, nucleus: Nucleus) -> Table:
    """The peaks of a table, of its header and its rows.

    Args:
        lines: Its header is the first that is not empty.
        header: What that says.
        nucleus: Whose peaks they are.

    Raises:
        SpectrumError: If a row is no good; the message names the line.
    """
    rows = [(number, cells) for number, cells in _cut_rows(lines, header.delimiter) if any(cells)]
    found: list[tuple[Peak, bool]] = []
    without_shift = []
    for line, cells in rows[1:]:
        if peak := _read_row(header, cells, line, nucleus):
            found.append(peak)
        else:
            without_shift.append(str(line))
    if not found:
        raise refused(len(lines), ", ".join(header.names), "holds no shift", "add rows")
    peaks, by_letter = zip(*found, strict=True)
    remarks = []
    if passed_over := header.passed_over:
        remarks.append(f"columns that are not read: {', '.join(passed_over)}")
    if without_shift:
        remarks.append(f"rows without a shift are passed over: line {', '.join(without_shift)}")
    signs = {peak.intensity > 0 for peak in peaks if peak.intensity}
    if len(signs) > 1:
        remarks.append("some intensities are negative: a DEPT would not show all carbons")
    return Table(peaks, by_letter, tuple(remarks))


def _cut_rows(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The last line of each row, and its cells."""
    if delimiter.isspace() and delimiter != "\t":
        for number, line in enumerate(lines, 1):
            yield number, cut_cells(line, delimiter) if line.strip() else []
        return
    reader = csv.reader(
        (f"{line}\n" for line in lines), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    try:
        for row in reader:
            yield reader.line_num, [" ".join(cell.split()) for cell in row]
    except csv.Error as error:
        read = lines[reader.line_num - 1]
        why = " ".join(f"is no row ({error})".split())  # a tab may be shown in it
        raise refused(reader.line_num, read, why, "check quotes") from None


def _read_row(
    header: Header, cells: Sequence[str], line: int, nucleus: Nucleus
) -> tuple[Peak, bool] | None:
    """A peak, and whether a letter told its multiplicity; None of a row without a shift."""
    columns = header.columns
    if (len(cells) > len(columns) or "" in header.names) and any(
        cell and (i >= len(columns) or (not header.names[i] and not columns[i]))
        for i, cell in enumerate(cells)
    ):
        hint = "a decimal comma needs ; or tab between the columns"
        raise refused(line, " | ".join(cells), "has cells under no column", hint)
    values = dict(zip(columns, cells, strict=False))
    raw = plain_text(values.get("shift", ""), nucleus)
    intensity = plain_text(values.get("intensity", ""), nucleus)
    if raw in _NO_SHIFT and values.get("atoms") and header.counts_atoms:
        return None
    if "," in (both := raw + intensity):
        if "." in both and not re.search(r",\s*[A-Za-z]", raw):
            why = "mixes decimal commas and points"
            raise refused(line, " | ".join(cells), why, "write points")
        raw = re.sub(r"(?<=[0-9]),(?=[0-9])", ".", raw)
    text, rest = raw, ""
    if not _NUMBER.fullmatch(raw) and (match := _SHIFT_CELL.fullmatch(raw)):
        text, rest = match[1], match[2]
    if rest and not _is_annotation(rest, nucleus):
        text = raw
    shift_ppm, half_width_ppm = read_shift(text, line, nucleus)
    height = _read_intensity(intensity, line)
    said = read_notes((rest.strip("()"),) if rest else (), nucleus)
    atoms, n_carbons = _read_atoms(values, header, line, nucleus)
    letter, note, is_told_by_letter = _read_kind(values, line, nucleus)
    peak = Peak(
        shift_ppm,
        letter or said.multiplicity,
        n_carbons or said.n_carbons,
        height,
        half_width_ppm,
        atoms,
        ", ".join(filter(None, (note, said.note, values.get("note", "")))),
    )
    return peak, is_told_by_letter or (said.is_letter and not letter)


def _is_annotation(text: str, nucleus: Nucleus) -> bool:
    """Whether what stands behind a shift in its cell says what a bracket may say."""
    is_bracket = bool(re.fullmatch(BRACKET, text))
    is_known = words(nucleus).group.fullmatch(text) or _read_letter(text, nucleus)[0]
    return is_bracket or bool(is_known or _PATTERN.fullmatch(text))


def _read_intensity(text: str, line: int) -> float | None:
    text = text.replace(",", ".")
    if not text:
        return None
    height = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(height):
        raise refused(line, text, "is no intensity", "give a number or nothing")
    return height


def _read_atoms(
    values: Mapping[str, str], header: Header, line: int, nucleus: Nucleus
) -> tuple[tuple[str, ...], int | None]:
    """The atoms of a peak and their number."""
    n, named = values.get("n", ""), values.get("atoms", "")
    if not (n or named):
        return (), None
    if n and not _COUNT.fullmatch(n):
        why = f"is no number of {nucleus.noun}s"
        raise refused(line, n, why, "give 1 to 999 or nothing")
    atoms = tuple((_ATOMS if header.counts_atoms else _LABELS).findall(named))
    n_atoms = len(atoms) if header.counts_atoms and len(atoms) > 1 else None
    return atoms, int(n or 0) or n_atoms


def _read_kind(
    values: Mapping[str, str], line: int, nucleus: Nucleus
) -> tuple[str | None, str, bool]:
    """Multiplicity, note, and whether a letter told the first, of what kind a row is said to be.

    A column called type is one of multiplicities, or tells the compound's peaks from others.
    """
    if not (values.get("kind") or values.get("multiplicity")):
        return None, "", False
    kind = plain_text(values.get("kind", ""), nucleus)
    told = plain_text(values.get("multiplicity", ""), nucleus)
    letter, is_letter = _read_letter(told, nucleus)
    if told and not letter and not _PATTERN.fullmatch(told):
        known = ", ".join(nucleus.multiplicities)
        hint = f"give {known} or nothing" if known else "give nothing"
        raise refused(line, told.upper(), "is no multiplicity", hint)
    notes = [told] if told and not letter else []
    if kind and not told:
        letter, is_letter = _read_letter(kind, nucleus)
    if not (letter and not told) and kind.lower() not in _OWN:
        notes.append(kind.lower())
        notes.append(values.get("compound", ""))
    return letter, ", ".join(filter(None, notes)), is_letter


def _read_letter(text: str, nucleus: Nucleus) -> tuple[str | None, bool]:
    """A multiplicity as a letter or a group, and whether it was a letter."""
    upper = text.upper()
    if upper in nucleus.multiplicities:
        return upper, True
    return words(nucleus).letters.get(upper), False


def is_csearch(line: str) -> bool:
    """Whether a line is one of CSEARCH's."""
    return _CSEARCH.match(line) is not None


def read_csearch(lines: Sequence[str], nucleus: Nucleus) -> Iterator[Peak]:
    """The peaks of CSEARCH lines.

    Raises:
        SpectrumError: If a line is none; the message names it.
    """
    low, high = _DEVIATIONS_PPM
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = _CSEARCH_LINE.fullmatch(line.replace(",", "."))
        if not match or not low <= float(match[3] or low) <= high:
            parts = "a shift, perhaps one of S D T Q U O E P, perhaps a deviation"
            hint = f"write 'LINE: 63.4 D 2.0': {parts} of {low:g} to {high:g} ppm"
            raise refused(number, line, "is no CSEARCH line", hint)
        shift_ppm, half_width_ppm = read_shift(match[1], number, nucleus)
        code = (match[2] or "").upper()
        multiplicity = code if code in nucleus.multiplicities else None
        yield Peak(shift_ppm, multiplicity, half_width_ppm=half_width_ppm)
