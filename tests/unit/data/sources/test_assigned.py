"""The reader of assigned shifts: medians, the table, what is left out, and leakage."""

import gzip
from pathlib import Path

import pytest

from nmrflow.data.sources.assigned import AssignedMolecule, AssignedShifts, without
from nmrflow.errors import DataError


def chain(elements: str, *, order: int = 1, extra: str = "") -> str:
    """A V2000 block of a chain; elements are given by one letter each."""
    n = len(elements)
    lines = ["invented", "", "", f"{n:3}{n - 1:3}  0  0  0  0            999 V2000"]
    lines += [f"{i:10.4f}{0:10.4f}{0:10.4f} {e}   0  0" for i, e in enumerate(elements)]
    lines += [f"{k:3}{k + 1:3}{order:3}  0" for k in range(1, n)]
    return "\n".join([*lines, *filter(None, [extra]), "M  END", ""])


def record(block: str, identifier: str, *spectra: str) -> str:
    text = block + f">  <nmrshiftdb2 ID>  (1) \n{identifier}\n\n"
    for k, peaks in enumerate(spectra):
        text += f">  <Spectrum 13C {k}>  (1) \n{peaks}\n\n"
    return text + "$$$$\n"


ETHANOL = record(chain("CCO"), "11", "18;0.0Q;0|57;0.0T;1|", "18.4;0.0Q;0|", "19.4;0.0Q;0|")
PROPANE = record(chain("CCC"), "12", "15.4;0.0Q;2|16.0;0.0T;1|")
HEADER = "mol_id,atom_index,Shift,atom_type\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "export.sdf", tmp_path / "shifts.csv"


def read(
    files: tuple[Path, Path], sdf: str, table: str | None = None
) -> tuple[list[AssignedMolecule], AssignedShifts]:
    files[0].write_text(sdf)
    if table is not None:
        files[1].write_text(HEADER + table)
    reader = AssignedShifts(str(files[0]), None if table is None else str(files[1]))
    return reader.read(), reader


def test_shifts_are_medians_over_the_spectra_of_a_record(files: tuple[Path, Path]) -> None:
    molecules, reader = read(files, ETHANOL + PROPANE)
    assert [m.identifier for m in molecules] == ["11", "12"]
    assert [m.structure.connectivity for m in molecules] == ["CCO", "CCC"]
    assert [m.shifts for m in molecules] == [{0: 18.4, 1: 57.0}, {1: 16.0, 2: 15.4}]
    assert not reader.n_excluded


def test_the_table_wins_where_it_has_the_molecule(files: tuple[Path, Path]) -> None:
    table = "11,1,58.2,6\n11,0,18.1,6\n11,2,3.3,8\n99,0,5.0,6\n"
    molecules, reader = read(files, ETHANOL + PROPANE + record(chain("CC"), "13"), table)
    assert [m.shifts for m in molecules] == [{0: 18.1, 1: 58.2}, {1: 16.0, 2: 15.4}]
    assert reader.n_excluded == {"no assigned 13C shifts": 1}
    assert reader.n_other_numbering == 0


def test_a_table_alone_will_do(files: tuple[Path, Path]) -> None:
    molecules, _ = read(files, record(chain("CC"), "13"), "13,0,6.5,6\n")
    assert [m.shifts for m in molecules] == [{0: 6.5}]


def test_a_table_in_another_numbering_is_not_used(files: tuple[Path, Path]) -> None:
    hydrogens = record(chain("HCCO"), "14", "18;0.0Q;1|57;0.0T;2|")
    molecules, reader = read(files, ETHANOL + hydrogens, "11,2,58,6\n14,1,99,6\n")
    assert [m.shifts for m in molecules] == [{0: 18.4, 1: 57.0}, {0: 18.0, 1: 57.0}]
    assert [m.structure.connectivity for m in molecules] == ["CCO", "CCO"]
    assert reader.n_other_numbering == 2


def test_what_cannot_be_used_is_counted_by_reason(files: tuple[Path, Path]) -> None:
    peak = "20.0;0.0Q;0|"
    fragments = chain("CCC").replace("  3  2  0", "  3  1  0").replace("  2  3  1  0\n", "")
    molecules, reader = read(
        files,
        ETHANOL
        + record(chain("CC"), "21")
        + record(chain("CB"), "22", peak)
        + record(chain("CN", extra="M  CHG  1   2   1"), "23", peak)
        + record(chain("CC", extra="M  RAD  1   1   2"), "24", peak)
        + record(fragments, "25", peak)
        + record(chain("CC"), "26", "20.0;0.0Q;7|")
        + record("no molfile\n", "27", peak),
    )
    assert len(molecules) == 1
    assert reader.n_excluded == {
        "no assigned 13C shifts": 1,
        "other elements": 1,
        "no neutral molecule in one piece without radicals or isotopes": 3,
        "defective record": 2,
    }


def test_elements_can_be_set(files: tuple[Path, Path]) -> None:
    files[0].write_text(ETHANOL + PROPANE)
    reader = AssignedShifts(str(files[0]), elements=("C", "H"))
    assert [m.identifier for m in reader.read()] == ["12"]
    assert [m.identifier for m in reader.read()] == ["12"]
    assert reader.n_excluded == {"other elements": 1}  # counted anew, not added up


def test_the_digest_is_of_the_contents_alone(files: tuple[Path, Path], tmp_path: Path) -> None:
    sdf, table = files
    read(files, ETHANOL, "11,0,18.2,6\n")
    packed = tmp_path / "elsewhere.sdf.gz"
    packed.write_bytes(gzip.compress(sdf.read_bytes()))
    both = AssignedShifts(str(sdf), str(table)).digest()
    assert AssignedShifts(str(packed), str(table)).digest() == both
    assert AssignedShifts(str(sdf)).digest() != both
    table.write_text(table.read_text() + "\n")
    assert AssignedShifts(str(sdf), str(table)).digest() != both


def test_files_may_be_packed(tmp_path: Path) -> None:
    packed = tmp_path / "export.sdf.gz", tmp_path / "shifts.csv.gz"
    packed[0].write_bytes(gzip.compress(ETHANOL.encode()))
    packed[1].write_bytes(gzip.compress((HEADER + "11,1,58.2,6\n").encode()))
    molecules = AssignedShifts(*map(str, packed)).read()
    assert [m.shifts for m in molecules] == [{1: 58.2}]


@pytest.mark.parametrize(
    ("sdf", "table", "reason"),
    [
        (record(chain("CC"), "21"), None, r"export\.sdf: no usable molecule.*1 no assigned"),
        (ETHANOL, "11,0,warm,6\n", r"shifts\.csv: line 2: .*warm"),
        (ETHANOL, "11,0,18,6\n11,one,18,6\n", r"shifts\.csv: line 3: .*one"),
        (ETHANOL, "11,0,400,6\n", r"shifts\.csv: line 2: shift 400"),
    ],
)
def test_files_that_are_no_use_are_refused(
    files: tuple[Path, Path], sdf: str, table: str | None, reason: str
) -> None:
    with pytest.raises(DataError, match=reason):
        read(files, sdf, table)


def test_missing_files_and_columns_are_named(files: tuple[Path, Path]) -> None:
    with pytest.raises(DataError, match=r"export\.sdf.*no such file"):
        AssignedShifts(str(files[0])).read()
    files[0].write_text(ETHANOL)
    with pytest.raises(DataError, match=r"shifts\.csv.*no such file"):
        AssignedShifts(str(files[0]), str(files[1])).read()
    files[1].write_text("mol_id,Shift\n11,18\n")
    with pytest.raises(DataError, match="no column atom_index, atom_type"):
        AssignedShifts(str(files[0]), str(files[1])).read()


def test_excluded_molecules_are_dropped_whatever_their_record(files: tuple[Path, Path]) -> None:
    backwards = record(chain("OCC"), "31", "57;0.0T;1|")
    molecules, _ = read(files, ETHANOL + PROPANE + backwards)
    assert [m.identifier for m in without(molecules, {"CCO"})] == ["12"]
    assert without(molecules, []) == molecules
    assert without(molecules, ["CCO", "CCC"]) == []


@pytest.mark.real_data
def test_the_real_sample_survives(real_data: Path) -> None:
    sdf, table = real_data / "nmrshiftdb2_sample.sdf.gz", real_data / "exp5k_shifts.csv.gz"
    reader = AssignedShifts(str(sdf), str(table))
    molecules = reader.read()
    assert len(molecules) + reader.n_excluded.total() == 7195
    assert len(molecules) > 5000
