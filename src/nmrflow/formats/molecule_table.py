"""Tables (CSV, TSV) of which one column holds SMILES."""

import csv
import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from nmrflow.chem.notation import structure_from_smiles
from nmrflow.errors import DataError, StructureError
from nmrflow.files.reading import open_text
from nmrflow.limits import MAX_ROW_LINES

_EXPECTED = "a table with a column of SMILES"
_DELIMITERS = ",;\t"
SMILES_COLUMN = "smiles"
NAME_COLUMNS = ("id", "name", "title")

_Row = tuple[int, Sequence[str], str | None]
"""First line, cells, and why it could not be cut into them."""


def read_smiles_cells(
    path: str | Path, smiles_column: str | None
) -> Iterator[tuple[int, str, str, str | None]]:
    """Go through a table's rows below its header, one by one.

    Blank lines and lines that begin with ``#`` may stand before the header; below it an empty
    line is a row, since in a table of one column it is an empty cell.

    Args:
        path: The file, plain or ``.gz``; comma, semicolon or tab separate its columns.
        smiles_column: Name, or number from 1, of the column of SMILES; None for ``smiles``.

    Returns:
        The line of the file where a row starts, from 1; its SMILES, and the cell of the first of
        the columns ``id``, ``name`` and ``title``, without blanks around them; and why the row
        does not say them, or None.

    Raises:
        DataError: If the file cannot be read, or the column cannot be found.
    """
    with open_text(path, _EXPECTED, is_setting=False) as stream:
        header, rows = _read_header(path, stream)
        column = find_column(path, header, smiles_column)
        names = [cell.lower() for cell in header]
        name_column = next((names.index(n) for n in NAME_COLUMNS if n in names), column)
        for line, cells, uncut in rows:
            problem = uncut or _row_problem(cells, len(header))
            if problem is not None:
                yield line, "", "", problem
            else:
                name = "" if name_column == column else cells[name_column]
                yield line, cells[column].strip(), name.strip(), None


def count_table_rows(path: str | Path) -> int:
    """How many rows stand below the header; raises as :func:`read_smiles_cells`."""
    with open_text(path, _EXPECTED, is_setting=False) as stream:
        return sum(1 for _ in _read_header(path, stream)[1])


def _read_header(path: str | Path, stream: TextIO) -> tuple[list[str], Iterator[_Row]]:
    """The header, and the rows below it."""
    n_skipped, first = 0, stream.readline()
    while first and (not first.strip() or first.lstrip().startswith("#")):
        n_skipped, first = n_skipped + 1, stream.readline()
    if not first:
        why = "no header; the first line must name the columns, one of them smiles"
        raise DataError(f"{path}: {why}")
    rows = _cut(itertools.chain([first], stream), _choose_delimiter(first), n_skipped)
    _, cells, problem = next(rows)
    if problem is not None:
        raise DataError(f"{path}:{n_skipped + 1}: the header cannot be read: {problem}")
    return [cell.strip() for cell in cells], rows


def _cut(lines: Iterator[str], delimiter: str, n_done: int) -> Iterator[_Row]:
    """The rows of a table, its header the first.

    A row that cannot be cut ends with its first line: those that a quote that is not closed
    would swallow are rows of their own.
    """
    taken: list[str] = []
    given_back = deque[str]()

    def take() -> Iterator[str]:
        while (line := given_back.popleft() if given_back else next(lines, None)) is not None:
            taken.append(line)
            if len(taken) > MAX_ROW_LINES:
                raise csv.Error(f"a quote stays open for more than {MAX_ROW_LINES} lines")
            yield line

    def read() -> Iterator[list[str]]:
        return csv.reader(take(), delimiter=delimiter, skipinitialspace=True, strict=True)

    reader = read()
    while True:
        taken.clear()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield n_done + 1, (), f"the row cannot be cut into cells ({error}); check its quotes"
            n_done += 1
            given_back.extendleft(reversed(taken[1:]))
            reader = read()
            continue
        if cells is None:
            return
        yield n_done + 1, cells, None
        n_done += len(taken)


def _choose_delimiter(header: str) -> str:
    """The mark that gives a column of SMILES, or else the most frequent one."""
    by_frequency = sorted(_DELIMITERS, key=header.count, reverse=True)
    for delimiter in by_frequency:
        cells = (cell.strip(' "\r\n\t') for cell in header.split(delimiter))
        if SMILES_COLUMN in map(str.lower, cells):
            return delimiter
    return by_frequency[0]


def find_column(path: str | Path, header: Sequence[str], wanted: str | None) -> int:
    """Position of the column of SMILES; arguments and errors as of :func:`read_smiles_cells`."""
    names = [cell.lower() for cell in header]
    name = SMILES_COLUMN if wanted is None else wanted.strip().lower()
    if name in names:
        return names.index(name)
    if wanted is not None and name.isdecimal() and name.isascii() and len(name) < 6:
        column = int(name) - 1
        if 0 <= column < len(header):
            _refuse_molecule_as_header(path, header[column])
            return column
    shown = ", ".join(cell[:30] or "(no name)" for cell in header[:20])
    raise DataError(
        f"{path}: no column {wanted or SMILES_COLUMN!r} among the {len(header)} of its header "
        f"({shown}); name the column of SMILES, or give its number from 1"
    )


def _refuse_molecule_as_header(path: str | Path, cell: str) -> None:
    """A table without a header would lose its first molecule unnoticed."""
    try:
        structure = structure_from_smiles(cell)
    except StructureError:
        return
    if structure.n_atoms > 2:  # CN or CO may well be a column's name
        raise DataError(
            f"{path}: the first row holds a molecule ({cell[:60]!r}) where the columns' names are "
            "expected; put a header above it"
        )


def _row_problem(cells: Sequence[str], n_columns: int) -> str | None:
    if not any(cell.strip() for cell in cells):
        return "empty line"
    if len(cells) < n_columns or any(cell.strip() for cell in cells[n_columns:]):
        return f"{len(cells)} cells where the header has {n_columns}"
    return None
