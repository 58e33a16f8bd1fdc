"""What the columns of a table of peaks are, by the words above them, or without any."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from nmrflow.formats.shift_words import NUMBER, refused
from nmrflow.formats.typography import plain_text
from nmrflow.spectra.nucleus import Nucleus

_WORDS = re.compile(r"(?<![0-9])[0-9]{1,3}[a-z]+|[a-zα-ωµ№#%]+(?:[0-9]+(?![a-z0-9]))?")
_SHIFT = {"ppm", "shift", "shifts", "delta", "δ", "ν"}
_BESIDE_SHIFT = {"chemical", "chem", "exp", "obs", "experimental", "observed", "measured", "nmr",
                 "in", "f1", "mhz", "type", "mult", "multiplicity", "and"}  # fmt: skip
_FOREIGN = {"hz", "calc", "calculated", "pred", "predicted", "lit", "literature", "error", "diff"}
_KINDS = {
    "intensity": {"intensity", "intensities", "height"},
    "multiplicity": {"multiplicity", "mult", "class", "dept"},
    "n": {"n", "count", "carbons"},
    "atoms": {"atoms", "atom", "assignment", "assign", "position", "pos", "label", "carbon", "c"},
    "place": {"no", "nr", "number", "№"},
    "note": {"note", "notes", "annotation", "comment", "comments"},
    "kind": {"type"},
    "compound": {"compound", "impurity"},
    "index": {"peak", "peaks", "index", "#", "id", "entry", "line", "row", "signal"},
}
_OF = {"rel", "abs", "relative", "absolute", "a", "u", "of", "no", "nr", "number", "n", "%"}
_PICKED = re.compile(r"\b(?:intensity|height|area|integral|width|hz)\b")
_DELIMITERS = ("\t", "|", ";", ",", "  ", " ")
_MAX_HEADER = 2000
_N_KEPT = 64
_DECIMAL = re.compile(r"[0-9][.,][0-9]")


class Header(NamedTuple):
    """What a table's first line says.

    Args:
        delimiter: Between its cells.
        columns: What each column holds; nothing where it is passed over.
        names: Of the columns.
        counts_atoms: Whether several atoms in one cell are so many atoms of one peak.
    """

    delimiter: str
    columns: tuple[str, ...]
    names: tuple[str, ...]
    counts_atoms: bool

    @property
    def passed_over(self) -> list[str]:
        """Names of columns that are not read."""
        return [n for n, c in zip(self.names, self.columns, strict=True) if n and not c]


def cut_cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line without quotes; runs of blanks are one delimiter of blanks."""
    if delimiter.isspace() and delimiter != "\t":
        return re.split(rf"\s{{{len(delimiter)},}}", line.strip())
    return line.split(delimiter)


def read_header(line: str, nucleus: Nucleus) -> Header | None:
    """What a line says if it is a table's header, in which at least one column is of shifts."""
    if len(line) > _MAX_HEADER or _DECIMAL.search(line):
        return None
    return _read_header(line, nucleus)


@lru_cache(_N_KEPT)
def _read_header(line: str, nucleus: Nucleus) -> Header | None:
    plain = plain_text(line, nucleus)
    for delimiter in [*sorted(_DELIMITERS[:4], key=plain.count, reverse=True), "  ", " "]:
        cells = [cell.strip().strip('"').strip() for cell in cut_cells(plain, delimiter)]
        columns = [_column_of(cell, nucleus) for cell in cells]
        if len(cells) > 1 and "shift" in columns and _is_header(cells, columns, delimiter):
            return _resolved(cells, columns, delimiter)
    return None


def _is_header(cells: Sequence[str], columns: Sequence[str], delimiter: str) -> bool:
    """Whether cells are names of columns, and not parts of a sentence or a list."""
    if any(cell.count("(") != cell.count(")") for cell in cells):
        return False
    if delimiter in ",;" and "nmr" in " ".join(cells).lower():
        return False
    if delimiter.isspace() and delimiter != "\t":
        return all(columns) and columns.count("shift") == 1
    known = zip(cells, columns, strict=True)
    return not any(re.match(r"[+-]?[0-9.]", cell) and not column for cell, column in known)


def _column_of(cell: str, nucleus: Nucleus) -> str:
    """What a column of this name holds: one of the kinds, ``shift``, ``2D``, or nothing."""
    words = set(_WORDS.findall(cell.lower().replace("_", " ")))
    element = nucleus.element.lower()
    own = {f"{nucleus.mass}{element}", f"{element}{nucleus.mass}", f"δ{element}", f"d{element}"}
    if {"f2", "ppm"} <= words:
        return "2D"
    if words & _FOREIGN:
        return ""
    if words in ({"carbon", "type"}, {element, "type"}):
        return "kind"
    if words & (_SHIFT | own) and words <= _SHIFT | _BESIDE_SHIFT | own | {element, nucleus.noun}:
        return "shift"
    for kind, names in _KINDS.items():
        if words & names and words <= names | _OF:
            return kind
    return ""


def _resolved(cells: Sequence[str], columns: Sequence[str], delimiter: str) -> Header:
    """A header in which each kind of column is there once."""
    if "2D" in columns:
        name = cells[columns.index("2D")]
        raise refused(1, name, "is of a 2D spectrum", "give the table of a 1D spectrum")
    is_picked = bool(_PICKED.search(" ".join(cells).lower()))
    found = list[str]()
    for cell, column in zip(cells, columns, strict=True):
        if column == "shift" and "shift" in found:
            raise refused(1, cell, "is there twice, as shifts", "remove one of the columns")
        # In a list of picked peaks numbers run; in a paper's table they are those of atoms.
        if column == "place":
            column = "index" if is_picked or "atoms" in columns else "atoms"
        if not cell and not found:
            column = "index"
        if column == "atoms" and "atoms" in found:
            column = "note"
        found.append("" if column in found else column)
    counts = "atoms" in found and cells[found.index("atoms")].lower() != "atoms"
    return Header(delimiter, tuple(found), tuple(cells), counts)


def shifts_without_header(
    lines: Sequence[str], nucleus: Nucleus
) -> tuple[list[str], tuple[str, ...]]:
    """Lines of which only the column of shifts is left, if they are columns of numbers.

    Returns:
        The lines, and what was passed over; lines that are no columns as they are.

    Raises:
        SpectrumError: If several columns may be shifts, or none can.
    """
    if sum(map(bool, map(str.strip, lines))) < 2:  # as most lists
        return list(lines), ()
    rows = [(number, line.strip(), _numbers(line)) for number, line in enumerate(lines, 1)]
    rows = [row for row in rows if row[1]]
    n_columns = {len(numbers) for _, _, numbers in rows}
    if len(rows) < 2 or len(n_columns) > 1 or n_columns <= {0, 1}:
        return list(lines), ()
    table = [list(map(float, numbers)) for _, _, numbers in rows]
    in_order = [number for row in table for number in row]
    is_sorted = in_order in (sorted(in_order), sorted(in_order, reverse=True))
    if is_sorted and len(table[0]) > 2:
        return list(lines), ()  # a list over several lines
    columns = list(zip(*table, strict=True))
    candidates = [k for k, column in enumerate(columns) if _can_be_shifts(column, nucleus)]
    if len(candidates) != 1:
        above = "put a header such as ppm,intensity above columns"
        hint = f"{above}, or the shifts of a list on one line"
        number, line, _ = rows[0]
        raise refused(number, line, "may be two shifts, or a shift and something else", hint)
    (k,) = candidates
    left = {number: numbers[k] for number, _, numbers in rows}
    remark = f"without a header, column {k + 1} alone can be shifts: the others were passed over"
    return [left.get(number, "") for number, _ in enumerate(lines, 1)], (remark,)


def _numbers(line: str) -> list[str]:
    """The cells of a line, if all are numbers and a comma between them separates."""
    text = line.strip()
    # A comma without a blank separates only behind a decimal point.
    cells = re.split(r"\s*;\s*|\s+", text)
    if "," in text and "." in text and not text.endswith(","):
        cells = re.split(r"\s*[;,]\s*|\s+", text)
    cells = [re.sub(r"(?<=[0-9]),(?=[0-9])", ".", cell) for cell in cells]
    return cells if all(re.fullmatch(NUMBER, cell) for cell in cells) else []


def _can_be_shifts(column: Sequence[float], nucleus: Nucleus) -> bool:
    """Whether numbers are all in the range of shifts, and do not run 1, 2, 3."""
    is_running = len(column) > 2 and list(column) == list(range(1, len(column) + 1))
    low, high = nucleus.min_shift_ppm, nucleus.max_shift_ppm
    return not is_running and all(low <= number <= high for number in column)
