"""The reader of assigned shifts: medians, the table, what is left out, and leakage."""

import gzip
from pathlib import Path

import pytest

from nmrflow.data.records import Record, SourceData
from nmrflow.data.sources.assigned import AssignedShifts
from nmrflow.data.splits import without
from nmrflow.errors import DataError
from nmrflow.spectra.peaks import Peak, PeakList


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


def read(files: tuple[Path, Path], sdf: str, table: str | None = None) -> SourceData:
    files[0].write_text(sdf)
    if table is not None:
        files[1].write_text(HEADER + table)
    return AssignedShifts(str(files[0]), None if table is None else str(files[1])).read()


def shifts(record: Record) -> dict[int, float]:
    assert all(len(peak.atoms) == 1 for peak in record.peaks.peaks)
    return {int(peak.atoms[0]): peak.shift_ppm for peak in record.peaks.peaks}


def test_shifts_are_medians_over_the_spectra_of_a_record(files: tuple[Path, Path]) -> None:
    data = read(files, ETHANOL + PROPANE)
    assert [r.molecule_id for r in data.records] == ["11", "12"]
    assert [r.structure.connectivity for r in data.records] == ["CCO", "CCC"]
    assert [shifts(r) for r in data.records] == [{0: 18.4, 1: 57.0}, {1: 16.0, 2: 15.4}]
    assert not data.n_excluded
    assert not data.notes


def test_what_spectra_agree_on_is_kept(files: tuple[Path, Path]) -> None:
    sdf = record(chain("CCO"), "11", "18;0.5Q;0|57;2.0T;1|", "18.4;0.5;0|58;1.0S;1|")
    told = sdf.replace("$$$$", "> <Solvent>\n0:CDCl3 1:CDCl3\n\n$$$$")
    (found,) = read(files, told).records
    assert found.peaks == PeakList(
        (Peak(18.2, "Q", intensity=0.5, atoms=("0",)), Peak(57.5, atoms=("1",))),
        {"solvent": "CDCl3"},
    )
    (found,) = read(files, told.replace("1:CDCl3", "1:C6D6"), "11,0,18.3,6\n").records
    assert found.peaks == PeakList((Peak(18.3, "Q", intensity=0.5, atoms=("0",)),))


def test_without_a_file_there_are_no_records() -> None:
    assert AssignedShifts(None).read() == SourceData(())


def test_the_table_wins_where_it_has_the_molecule(files: tuple[Path, Path]) -> None:
    table = "11,1,58.2,6\n11,0,18.1,6\n11,2,3.3,8\n99,0,5.0,6\n"
    data = read(files, ETHANOL + PROPANE + record(chain("CC"), "13"), table)
    assert [shifts(r) for r in data.records] == [{0: 18.1, 1: 58.2}, {1: 16.0, 2: 15.4}]
    assert data.n_excluded == {"no assigned 13C shifts": 1}
    assert data.notes == ()


def test_a_table_alone_will_do(files: tuple[Path, Path]) -> None:
    data = read(files, record(chain("CC"), "13"), "13,0,6.5,6\n")
    assert [shifts(r) for r in data.records] == [{0: 6.5}]


def test_a_table_in_another_numbering_is_not_used(files: tuple[Path, Path]) -> None:
    hydrogens = record(chain("HCCO"), "14", "18;0.0Q;1|57;0.0T;2|")
    data = read(files, ETHANOL + hydrogens, "11,2,58,6\n14,1,99,6\n")
    assert [shifts(r) for r in data.records] == [{0: 18.4, 1: 57.0}, {0: 18.0, 1: 57.0}]
    assert [r.structure.connectivity for r in data.records] == ["CCO", "CCO"]
    (note,) = data.notes
    assert note.startswith("2 molecules are numbered otherwise")
    assert note in data.describe()


def test_what_cannot_be_used_is_counted_by_reason(files: tuple[Path, Path]) -> None:
    peak = "20.0;0.0Q;0|"
    fragments = chain("CCC").replace("  3  2  0", "  3  1  0").replace("  2  3  1  0\n", "")
    data = read(
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
    assert len(data.records) == 1
    assert data.n_excluded == {
        "no assigned 13C shifts": 1,
        "other elements": 1,
        "no neutral molecule in one piece without radicals or isotopes": 3,
        "defective record": 2,
    }


def test_elements_can_be_set(files: tuple[Path, Path]) -> None:
    files[0].write_text(ETHANOL + PROPANE)
    reader = AssignedShifts(str(files[0]), elements=("C", "H"))
    data = reader.read()
    assert [r.molecule_id for r in data.records] == ["12"]
    assert data.n_excluded == {"other elements": 1}
    assert reader.read() == data  # counted anew, not added up


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
    data = AssignedShifts(*map(str, packed)).read()
    assert [shifts(r) for r in data.records] == [{1: 58.2}]


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
    records = read(files, ETHANOL + PROPANE + backwards).records
    assert [r.molecule_id for r in without(records, {"CCO"})] == ["12"]
    assert without(records, []) == list(records)
    assert without(records, ["CCO", "CCC"]) == []


@pytest.mark.real_data
def test_the_real_sample_survives(real_data: Path) -> None:
    sdf, table = real_data / "nmrshiftdb2_sample.sdf.gz", real_data / "exp5k_shifts.csv.gz"
    data = AssignedShifts(str(sdf), str(table)).read()
    assert len(data.records) + data.n_excluded_total == 7195
    assert len(data.records) > 5000
