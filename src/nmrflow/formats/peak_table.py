"""Peak lists with one peak a line: tables with a header, and CSEARCH lines."""

import csv
import math
import re
from collections.abc import Iterator, Sequence

from nmrflow.formats.shift_words import COUNT, NAMES_OF_SHIFTS, NUMBER, read_shift, refused, words
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import Peak

_DEVIATIONS_PPM = (1.0, 5.0)
_COLUMNS = dict.fromkeys(NAMES_OF_SHIFTS, "shift") | {
    "intensity": "intensity", "height": "intensity",
    "multiplicity": "multiplicity", "mult": "multiplicity",
    "n": "n", "n_carbons": "n", "count": "n",
    "atoms": "atoms", "atom": "atoms", "note": "note",
}  # fmt: skip
_CSEARCH = re.compile(r"\s*LINE\s*:", re.IGNORECASE)
_CSEARCH_LINE = re.compile(
    rf"{_CSEARCH.pattern}\s*(\S+)(?:\s+([SDTQUOEP]))?(?:\s+({NUMBER}))?\s*", re.IGNORECASE
)


def is_header(comment: str) -> bool:
    """Whether a comment is a table's header, as numpy.savetxt writes it."""
    delimiter = table_delimiter(comment)
    return delimiter is not None and all(map(_column_name, comment.split(delimiter)))


def _column_name(cell: str) -> str:
    name = re.sub(r"[(\[/].*", "", cell.strip().strip('"')).strip().lower()
    return _COLUMNS.get(name.replace(" ", "_"), "")


def table_delimiter(line: str) -> str | None:
    """What separates the columns if the line is a table's header, else None."""
    delimiter = max(",;\t", key=line.count)
    cells = line.split(delimiter)
    is_named = len(cells) > 1 and "shift" in map(_column_name, cells)
    has_number = any(re.match(r'[\s"]*[+-]?[0-9.]', cell) for cell in cells)
    return delimiter if is_named and not has_number else None


def read_table(lines: Sequence[str], delimiter: str, nucleus: Nucleus) -> Iterator[Peak]:
    """The peaks of a table, of its header and its rows.

    Raises:
        SpectrumError: If the header or a row is no good; the message names the line.
    """
    reader = csv.reader(
        (f"{line}\n" for line in lines), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    columns: list[str] = []
    n_peaks = 0
    try:
        for row in reader:
            cells = [" ".join(cell.split()) for cell in row]
            line = reader.line_num
            if any(cells) and not columns:
                columns = _read_header(cells, line)
            elif any(cells):
                n_peaks += 1
                yield _read_row(columns, cells, line, nucleus)
    except csv.Error as error:
        read = lines[reader.line_num - 1]
        raise refused(reader.line_num, read, f"is no row ({error})", "check quotes") from None
    if not n_peaks:
        raise refused(len(lines), delimiter.join(columns), "holds no shift", "add rows")


def _read_header(cells: Sequence[str], line: int) -> list[str]:
    columns = [_column_name(cell) for cell in cells]
    for i, (cell, column) in enumerate(zip(cells, columns, strict=True)):
        if cell and not column:
            known = "columns are ppm, intensity, multiplicity, n, atoms and note"
            raise refused(line, cell, "is no known column", known)
        if column and column in columns[:i]:
            raise refused(line, cell, "is there twice", "remove one of the columns")
    return columns


def _read_row(columns: Sequence[str], cells: Sequence[str], line: int, nucleus: Nucleus) -> Peak:
    row = " | ".join(cells)
    if any(cell and (i >= len(columns) or not columns[i]) for i, cell in enumerate(cells)):
        hint = "a decimal comma needs ; or tab between the columns"
        raise refused(line, row, "has cells under no column", hint)
    values = {column: "" for column in _COLUMNS.values()} | dict(zip(columns, cells, strict=False))
    numbers = values["shift"] + values["intensity"]
    if "," in numbers and "." in numbers:
        raise refused(line, row, "mixes decimal commas and points", "write points")
    shift_ppm, half_width_ppm = read_shift(values["shift"].replace(",", "."), line, nucleus)
    intensity = values["intensity"].replace(",", ".")
    if intensity and not (re.fullmatch(NUMBER, intensity) and math.isfinite(float(intensity))):
        raise refused(line, intensity, "is no intensity", "give a number or nothing")
    n_carbons = values["n"]
    if n_carbons and not re.fullmatch(COUNT, n_carbons):
        why = f"is no number of {nucleus.noun}s"
        raise refused(line, n_carbons, why, "give 1 to 999 or nothing")
    letter = values["multiplicity"].upper()
    letter = words(nucleus).letters.get(letter, letter)
    if letter and letter not in nucleus.multiplicities:
        known = ", ".join(nucleus.multiplicities)
        hint = f"give {known} or nothing" if known else "give nothing"
        raise refused(line, letter, "is no multiplicity", hint)
    height = float(intensity) if intensity else None
    n, atoms = int(n_carbons or 0) or None, tuple(re.findall(r"[^\s,;]+", values["atoms"]))
    return Peak(shift_ppm, letter or None, n, height, half_width_ppm, atoms, values["note"])


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
