"""Files of molecules, row by row: SMILES and InChI lists, tables, molfiles and SDF."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nmrflow.chem.notation import (
    on_one_line,
    read_molblock,
    structure_from_inchi,
    structure_from_smiles,
)
from nmrflow.chem.redrawn import say_redrawn_smiles
from nmrflow.chem.salts import main_part_of_smiles
from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError, StructureError
from nmrflow.files.reading import open_text
from nmrflow.formats.molecule_parquet import count_parquet_rows, read_parquet_cells
from nmrflow.formats.molecule_table import count_table_rows, read_smiles_cells
from nmrflow.formats.sdf import SdfRecord, name_of, read_records, title_of

SMILES_SUFFIXES = (".smi", ".smiles", ".txt")
TABLE_SUFFIXES = (".csv", ".tsv")
RECORD_SUFFIXES = (".sdf", ".sd", ".mol")
INCHI_SUFFIXES = (".inchi",)
PARQUET_SUFFIXES = (".parquet",)
MOLECULE_SUFFIXES = (
    SMILES_SUFFIXES + TABLE_SUFFIXES + RECORD_SUFFIXES + INCHI_SUFFIXES + PARQUET_SUFFIXES
)
"""What the name of a file of molecules ends with; ``.gz`` may stand behind."""

_RECORDS = "an SDF or a molfile"
_MAX_COUNTED_BYTES = 100_000_000
# Behind a SMILES ChemAxon's extension stands between bars: coordinates, labels, not a name.
_LINE = re.compile(r"(?P<text>\S*)(?:\s+\|[^|]*\|(?=\s|$))?\s*(?P<name>.*)", re.DOTALL)


@dataclass(frozen=True)
class MoleculeRow:
    """One molecule of a file, or why it cannot be read.

    Args:
        number: Its place among the rows, from 1.
        where: File and line where the row starts.
        name: What the file calls it, or nothing.
        text: The SMILES, of a salt that of its largest part, the InChI, or the molfile's title.
        structure: The molecule, or None.
        reason: Why there is no structure, in one sentence; None if there is one.
        remark: What is wrong with the row, though the molecule could be read, or what of it was
            read in another way of drawing it; or None.
    """

    number: int
    where: str
    name: str
    text: str
    structure: Structure | None
    reason: str | None
    remark: str | None = None

    @property
    def shown(self) -> str:
        """Name and text, said once where they are one."""
        return " ".join(dict.fromkeys(filter(None, (self.name, self.text))))


def read_molecules(path: str | Path, *, smiles_column: str | None = None) -> Iterator[MoleculeRow]:
    """Go through a file of molecules, one row at a time, whatever is wrong with single rows.

    The name's ending says what the file is (:data:`MOLECULE_SUFFIXES`): lists of SMILES or InChI
    with a name behind each, where lines that begin with ``#`` are no rows and empty lines are;
    tables with a header; SDF and molfiles. Memory does not grow with the rows.

    Args:
        path: The file.
        smiles_column: Of a table the name, or the number from 1, of the column of SMILES; None
            for the one called ``smiles`` in any case.

    Raises:
        DataError: If the ending is none of the known ones or the column is not for this file;
            while rows are read, if the file cannot be read or has no column of SMILES.
    """
    return (parse() for parse in read_unparsed(path, smiles_column=smiles_column))


def read_unparsed(
    path: str | Path, *, smiles_column: str | None = None
) -> Iterator[Callable[[], MoleculeRow]]:
    """As :func:`read_molecules`, each row as a function that gives it when it is called.

    So rows can be passed over, or be parsed by another process: the functions can be pickled.
    """
    suffix = _suffix_of(path)
    if smiles_column is not None and suffix not in (*TABLE_SUFFIXES, *PARQUET_SUFFIXES):
        raise DataError(
            f"{path}: a column of SMILES is chosen ({smiles_column!r}), but a {suffix} file has "
            f"no columns; leave the choice out, or give a {' or '.join(TABLE_SUFFIXES)} file"
        )
    if suffix in SMILES_SUFFIXES:
        return _read_list(path, parse_row)
    if suffix in INCHI_SUFFIXES:
        return _read_list(path, partial(_parse_row, parse=structure_from_inchi))
    if suffix in TABLE_SUFFIXES:
        return _cells_to_rows(path, read_smiles_cells(path, smiles_column))
    if suffix in PARQUET_SUFFIXES:
        return _cells_to_rows(path, read_parquet_cells(path, smiles_column))
    return _read_sdf(path)


def count_rows(path: str | Path) -> int | None:
    """How many rows :func:`read_molecules` will give, without reading a molecule.

    None where counting would take long (large or compressed files) or the file cannot be read.
    """
    try:
        file = Path(path).expanduser()
        if file.suffix.lower() == ".gz" or file.stat().st_size > _MAX_COUNTED_BYTES:
            return None
        suffix = _suffix_of(path)
        if suffix in PARQUET_SUFFIXES:
            return count_parquet_rows(path)
        if suffix in TABLE_SUFFIXES:
            return count_table_rows(path)
        if suffix in RECORD_SUFFIXES:
            return sum(1 for _ in read_records(path, _RECORDS))
        return sum(1 for _ in _lines_of(path))
    except (OSError, ValueError, RuntimeError):
        return None


def parse_row(number: int, text: str, where: str = "") -> MoleculeRow:
    """Read a line that holds a SMILES, or an InChI, and perhaps, behind a blank, a name.

    Where it stands is said by the notation and the number if not given.
    """
    if text.lstrip().startswith("InChI="):  # No SMILES begins with it.
        return _parse_row(number, text, where or f"InChI {number}", structure_from_inchi)
    return _parse_row(number, text, where or f"SMILES {number}", structure_from_smiles)


def _parse_row(
    number: int, line: str, where: str, parse: Callable[[str], Structure]
) -> MoleculeRow:
    match = _LINE.fullmatch(line.strip())
    assert match  # every part may be empty
    name, text = on_one_line(match["name"]), on_one_line(match["text"])
    if not match["text"]:
        return MoleculeRow(number, where, "", "", None, "empty line")
    is_smiles = parse is structure_from_smiles
    try:
        structure = parse(match["text"])
    except StructureError as error:
        part = main_part_of_smiles(match["text"]) if is_smiles else None
        if part is None:
            return MoleculeRow(number, where, name, text, None, str(error))
        row = _parse_row(number, f"{part[0]} {name}", where, parse)
        return replace(row, remark="; ".join(filter(None, (part[1], row.remark))))
    remark = say_redrawn_smiles(match["text"], structure) if is_smiles else None
    return MoleculeRow(number, where, name, text, structure, None, remark)


def _read_list(
    path: str | Path, parse_row: Callable[[int, str, str], MoleculeRow]
) -> Iterator[Callable[[], MoleculeRow]]:
    for number, (line_number, line) in enumerate(_lines_of(path), start=1):
        yield partial(parse_row, number, line, f"{path}:{line_number}")


def _lines_of(path: str | Path) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is neither a comment nor a header."""
    with open_text(path, "a list of molecules, one a line", is_setting=False) as stream:
        is_first = True
        for line_number, line in enumerate(stream, start=1):
            if line.startswith("#"):
                continue
            is_header = is_first and line.lower().split()[:1] in (["smiles"], ["inchi"])
            is_first = False
            if not is_header:
                yield line_number, line


def _cells_to_rows(
    path: str | Path, cells: Iterator[tuple[int, str, str, str | None]]
) -> Iterator[Callable[[], MoleculeRow]]:
    for number, (line, smiles, name, problem) in enumerate(cells, start=1):
        yield partial(_parse_cell, number, f"{path}:{line}", smiles, name, problem)


def _parse_cell(
    number: int, where: str, smiles: str, name: str, problem: str | None
) -> MoleculeRow:
    if problem is not None:
        return MoleculeRow(number, where, "", "", None, on_one_line(problem))
    row = parse_row(number, smiles, where)
    if not smiles:
        row = replace(row, reason="empty cell where a SMILES should be")
    elif row.name:
        reason = "the cell holds more than one SMILES"
        row = replace(row, text=on_one_line(smiles), structure=None, reason=reason)
    return replace(row, name=on_one_line(name))


def _read_sdf(path: str | Path) -> Iterator[Callable[[], MoleculeRow]]:
    for record in read_records(path, _RECORDS):
        yield partial(_parse_record, record, f"{path}:{record.line}")


def _parse_record(record: SdfRecord, where: str) -> MoleculeRow:
    name, title = on_one_line(name_of(record)), on_one_line(title_of(record))
    row = MoleculeRow(record.number, where, name, title, None, None)
    try:
        structure, remark = read_molblock(record.molblock)
    except StructureError as error:
        return replace(row, reason=str(error))
    return replace(row, structure=structure, remark=remark)


def _suffix_of(path: str | Path) -> str:
    """The ending that says what is in the file, in small letters, without ``.gz``."""
    name = str(path).lower().removesuffix(".gz")
    suffix = Path(name).suffix
    if suffix not in MOLECULE_SUFFIXES:
        raise DataError(
            f"{path}: the ending {suffix or '(none)'} is none of a file of molecules; name it as "
            f"one of {', '.join(MOLECULE_SUFFIXES)}, with .gz behind it if it is compressed"
        )
    return suffix
