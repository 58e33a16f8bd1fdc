"""Pasted texts of any form, none of which is a file's name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.commands.example_files import write_examples
from nmrflow.errors import DataError, NmrflowError
from nmrflow.formats.left_out import LeftOutWarning
from nmrflow.formats.molecule_files import read_molecules
from nmrflow.formats.pasted import read_pasted_molecules, read_pasted_spectra
from nmrflow.formats.spectrum_files import read_spectra
from nmrflow.limits import MAX_PASTED

SPECTRA = ("list.txt", "table.csv", "publication.txt", "csearch.txt", "peaks.jdx",
           "nmrshiftdb2.sdf", "nmredata.sdf")  # fmt: skip
MOLECULES = ("molecules.smi", "molecules.csv", "molecules.inchi", "molecules.sdf", "molecule.mol")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    with pytest.warns(LeftOutWarning):
        write_examples(folder)
    return folder


@pytest.mark.parametrize("name", SPECTRA)
def test_a_spectrums_text_is_read_as_its_file(name: str, examples: Path) -> None:
    file = examples / name
    told = [(row.name, row.peaks, row.structure) for row in read_spectra(str(file))]
    found = read_pasted_spectra(file.read_text())
    assert [(row.name, row.peaks, row.structure) for row in found] == told
    assert all(str(examples) not in row.where for row in found)


@pytest.mark.parametrize("name", MOLECULES)
def test_a_molecules_text_is_read_as_its_file(name: str, examples: Path) -> None:
    file = examples / name
    told = [(row.name, row.structure) for row in read_molecules(file)]
    assert [(row.name, row.structure) for row in read_pasted_molecules(file.read_text())] == told


@pytest.mark.parametrize("read", [read_pasted_spectra, read_pasted_molecules])
@pytest.mark.parametrize("text", ["", " \n", "1" * (MAX_PASTED + 1)])
def test_nothing_and_too_much_are_refused(read: object, text: str) -> None:
    with pytest.raises(DataError):
        read(text)  # type: ignore[operator]


def test_what_is_said_names_lines_and_no_temporary_file() -> None:
    (row,) = read_pasted_molecules("\n\n\nbad\nM  END\n$$$$\n")
    assert row.structure is None
    assert "/" not in f"{row.where}{row.reason}"
    (row,) = read_pasted_molecules("id,smiles\na,nonsense\n")
    assert row.where == "line 2"


@given(st.text(max_size=300))
def test_any_text_is_rows_or_a_reason(text: str) -> None:
    for read in (read_pasted_spectra, read_pasted_molecules):
        try:
            rows = read(text)  # type: ignore[operator]
        except NmrflowError:
            continue
        assert all(row.where for row in rows)
