"""Spectra and molecules in a text that somebody pasted: it is never taken for a file's name."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from nmrflow.errors import DataError
from nmrflow.formats.molecule_files import MoleculeRow, parse_row, read_molecules
from nmrflow.formats.spectrum_files import TYPED, read_jcamp_spectrum, read_lists, read_sdf
from nmrflow.formats.spectrum_sdf import SpectrumRow
from nmrflow.limits import MAX_PASTED
from nmrflow.spectra.axis import ShiftAxis

Row = TypeVar("Row", MoleculeRow, SpectrumRow)

_RECORD = re.compile(r"^M  END|^\$\$\$\$", re.MULTILINE)
_HEADER = re.compile(r"[^\n]*[,;\t][^\n]*", re.IGNORECASE)
_SMILES_CELL = re.compile(r"(?:^|[,;\t])\s*\"?smiles\"?\s*(?:[,;\t]|$)", re.IGNORECASE)


def read_pasted_spectra(text: str, axis: ShiftAxis = ShiftAxis()) -> list[SpectrumRow]:
    """The spectra of a text in any form of those that files have; what it holds says which.

    Raises:
        DataError: If it is too long, or nothing at all.
    """
    text = _plain(text, "peaks")
    if text.startswith("##"):
        return [read_jcamp_spectrum(text, TYPED, axis)]
    if _RECORD.search(text):
        return _through_file(text, ".sdf", lambda file: read_sdf(file, axis))
    return list(read_lists(text, TYPED, axis))


def read_pasted_molecules(text: str) -> list[MoleculeRow]:
    """The molecules of a text: SMILES or InChI, one a line, a table, an SDF or a molfile.

    Raises:
        DataError: If it is too long, or nothing at all.
    """
    text = _plain(text, "molecules")
    if _RECORD.search(text):
        return _through_file(text, ".sdf", read_molecules)
    first = text.partition("\n")[0]
    if _HEADER.fullmatch(first) and _SMILES_CELL.search(first):
        suffix = ".tsv" if "\t" in first else ".csv"
        return _through_file(text, suffix, read_molecules)
    lines = [(k, line) for k, line in enumerate(text.split("\n"), start=1) if line.strip()]
    lines = [(k, line) for k, line in lines if not line.startswith("#")]
    if lines and lines[0][1].lower().split()[:1] in (["smiles"], ["inchi"]):
        lines = lines[1:]
    return [parse_row(n, line, f"line {k}") for n, (k, line) in enumerate(lines, start=1)]


def _plain(text: str, what: str) -> str:
    if len(text) > MAX_PASTED:
        raise DataError(
            f"{len(text):,} characters are more than the {MAX_PASTED:,} that are read of a text; "
            "give the command (nmrflow --help) the file itself"
        )
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise DataError(f"no {what} are given yet")
    # The first lines of a molfile may be empty, and count.
    return text if _RECORD.search(text) else text.strip()


def _through_file(text: str, suffix: str, read: Callable[[str], Iterable[Row]]) -> list[Row]:
    """Rows of a file that holds the text and is gone afterwards; only the line is told of it."""
    with TemporaryDirectory(prefix="nmrflow-") as folder:
        file = Path(folder) / f"text{suffix}"
        file.write_text(text, encoding="utf-8", errors="replace", newline="")

        def said(words: str | None) -> str | None:
            return words and words.replace(f"{file}:", "line ").replace(str(file), "the text")

        try:
            return [
                replace(row, where=said(row.where) or "", reason=said(row.reason))
                for row in read(str(file))
            ]
        except DataError as error:
            raise DataError(said(str(error))) from None
