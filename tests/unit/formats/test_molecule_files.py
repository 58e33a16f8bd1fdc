"""Files of molecules: a row for every row, in every form, whatever is wrong with it."""

import gzip
import itertools
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import rich.progress
from rdkit import Chem

from nmrflow.chem.notation import structure_from_smiles, write_molblock
from nmrflow.errors import DataError, NmrflowError
from nmrflow.formats.molecule_files import (
    MOLECULE_SUFFIXES,
    MoleculeRow,
    count_rows,
    parse_row,
    read_molecules,
)

N_MUTATIONS = int(os.environ.get("NMRFLOW_MUTATIONS", "300"))

INCHI = "InChI=1S/C3H8O/c1-3(2)4/h3-4H,1-2H3"
BLOCKS = [write_molblock(structure_from_smiles(s), n) for s, n in [("CCO", "one"), ("CC#N", "")]]
V3000 = Chem.MolToV3KMolBlock(Chem.MolFromMolBlock(BLOCKS[0]))
SDF = f"{BLOCKS[0]}> <x>\n1\n\n$$$$\n{BLOCKS[1]}> <nmrshiftdb2 ID>\n77\n\n$$$$\n{V3000}$$$$\n"
CSV = 'id,SMILES,known\n007,CCO,yes\n1e3,"CC#N","a\nb"\n'
FILES = {
    "a.smi": "CCO ethanol\nCC#N\n",
    "a.csv": CSV,
    "a.tsv": "smiles\tname\nCCO\tethanol\nCC#N\t\n",
    "a.sdf": SDF,
    "a.mol": BLOCKS[0],
    "a.inchi": f"{INCHI} 2-propanol\n",
}

Read = Callable[..., list[MoleculeRow]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_content(content: str | bytes, name: str, **options: str) -> list[MoleculeRow]:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        rows = list(read_molecules(file, **options))
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))
        if not name.endswith(".GZ"):
            assert count_rows(file) == len(rows)
        for row in rows:
            assert (row.structure is None) == (row.reason is not None)
            assert row.where.startswith(f"{file}:")
            assert row.reason is None or (row.reason.isprintable() and row.reason)
        return rows

    return read_content


def smiles_of(rows: list[MoleculeRow]) -> list[str | None]:
    return [row.structure and row.structure.connectivity for row in rows]


def line_of(row: MoleculeRow) -> int:
    return int(row.where.rpartition(":")[2])


def test_a_list_of_smiles(read: Read) -> None:
    rows = read(
        "SMILES name\n# from a colleague\nCCO  ethyl alcohol \n\nCC\t|$a;b c$|\tethane\n"
        "CCC |broken\nC.C salt\nCC#N",
        "a.smi",
    )
    assert smiles_of(rows) == ["CCO", None, "CC", "CCC", None, "CC#N"]
    assert [row.name for row in rows] == ["ethyl alcohol", "", "ethane", "|broken", "salt", ""]
    assert [row.text for row in rows] == ["CCO", "", "CC", "CCC", "C.C", "CC#N"]
    assert [line_of(row) for row in rows] == [3, 4, 5, 6, 7, 8]
    assert rows[1].reason == "empty line"
    assert "2 molecules" in str(rows[4].reason)


def test_smiles_is_a_header_at_the_top_only(read: Read) -> None:
    rows = read("CCO\nsmiles\n", "a.smiles")
    assert smiles_of(rows) == ["CCO", None]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.rstrip("\n").encode(),
    ],
    ids=["as_is", "bom", "crlf", "no_last_line_end"],
)
def test_how_a_file_is_saved_does_not_matter(
    read: Read, name: str, rewrite: Callable[[str], bytes]
) -> None:
    rows = read(rewrite(FILES[name]), name)
    expected = {"a.sdf": ["CCO", "CC#N", "CCO"], "a.mol": ["CCO"], "a.inchi": ["CC(C)O"]}
    assert smiles_of(rows) == expected.get(name, ["CCO", "CC#N"])
    packed = read(gzip.compress(rewrite(FILES[name])), f"{name}.GZ")
    assert [row.structure for row in packed] == [row.structure for row in rows]


def test_tables_keep_ids_as_text(read: Read) -> None:
    rows = read(CSV, "a.csv")
    assert [(row.name, row.text, line_of(row)) for row in rows] == [
        ("007", "CCO", 2),
        ("1e3", "CC#N", 3),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_the_header_tells_the_delimiter(read: Read, delimiter: str, name: str) -> None:
    text = "\n# made by hand\nName|Smiles|x, y; z\nethanol|CCO|\n".replace("|", delimiter)
    (row,) = read(text.replace("x, y; z", '"x, y; z"'), name)
    assert (row.name, row.text, line_of(row)) == ("ethanol", "CCO", 4)
    assert row.reason is None


@pytest.mark.parametrize("column", ["structure", "Structure ", "2"])
def test_another_column_of_smiles(read: Read, column: str) -> None:
    (row,) = read("smiles,Structure\nCCO,CC#N\n", "a.csv", smiles_column=column)
    assert smiles_of([row]) == ["CC#N"]


def test_a_table_of_one_column(read: Read) -> None:
    rows = read("smiles\nCCO\n\nCC\n", "a.csv")
    assert smiles_of(rows) == ["CCO", None, "CC"]
    assert rows[1].reason == "empty line"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("b", "1 cells where the header has 3"),
        ("b,CC", "2 cells where the header has 3"),
        ("b,CC,no,more", "4 cells where the header has 3"),
        ("b,,no", "empty cell where a SMILES should be"),
        (",,", "empty line"),
        ("b,CC CCC,no", "the cell holds more than one SMILES"),
        ('b,"CC"x,no', "check its quotes"),
        ("b,C?,no", "'C?' is no SMILES"),
    ],
)
def test_a_bad_row_leaves_the_others(read: Read, row: str, reason: str) -> None:
    rows = read(f"id,smiles,known\na,CCO,yes\n{row}\nc,CC#N,yes,\n", "a.csv")
    assert smiles_of(rows) == ["CCO", None, "CC#N"]
    assert reason in str(rows[1].reason)
    assert [line_of(row) for row in rows] == [2, 3, 4]


def test_a_quote_that_is_not_closed_is_reported(read: Read) -> None:
    rows = read('smiles,id\nCCO,a\nCC,"b\nCCC,c\n', "a.csv")
    assert smiles_of(rows) == ["CCO", None, "CCC"]
    assert "check its quotes" in str(rows[1].reason)
    assert [line_of(row) for row in rows] == [2, 3, 4]


def test_a_quote_takes_no_more_than_its_row(read: Read) -> None:
    rows = read('smiles,id\n"CC,a\nCCC,"two\nlines"\n"CCCC,c\nC1CC1,d\n', "a.csv")
    assert smiles_of(rows) == [None, "CCC", None, "C1CC1"]
    assert [line_of(row) for row in rows] == [2, 3, 5, 6]
    assert rows[1].name == "two lines"


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("id,known\n1,2\n", None, r"no column 'smiles' among the 2 of its header \(id, known\)"),
        ("id,smiles\n1,CC\n", "smile", "no column 'smile'"),
        ("id,smiles\n1,CC\n", "3", "its number from 1"),
        ("id,smiles\n1,CC\n", "0", "its number from 1"),
        ("1,CCCO\n2,CC\n", "2", r"'CCCO'.* put a header above it"),
        ("\n# nothing\n", None, "no header"),
        ('id,"smiles', None, "header cannot be read"),
    ],
)
def test_refused_tables(tmp_path: Path, text: str, column: str | None, reason: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=reason) as refusal:
        list(read_molecules(tmp_path / "a.csv", smiles_column=column))
    assert "a.csv" in str(refusal.value)


def test_records(read: Read) -> None:
    rows = read(SDF.replace("\n  3  2", "\n  x  2", 1), "a.sd")
    assert smiles_of(rows) == [None, "CC#N", "CCO"]
    assert [row.name for row in rows] == ["one", "77", "one"]
    assert [row.text for row in rows] == ["one", "", "one"]
    assert [line_of(row) for row in rows] == [1, 1 + SDF.count("\n", 0, SDF.index("$$$$") + 5),
        1 + SDF[: SDF.rindex(V3000)].count("\n")]  # fmt: skip
    assert "no readable molfile" in str(rows[0].reason)


def test_a_record_without_atoms_is_refused(read: Read) -> None:
    rows = read(f"{write_molblock(None, 'none')}$$$$\n$$$$\n{BLOCKS[0]}$$$$\n", "a.sdf")
    assert smiles_of(rows) == [None, None, "CCO"]
    assert rows[0].reason == "no atoms"


def test_inchis(read: Read) -> None:
    rows = read(f"# list\n{INCHI} 2-propanol\n\nInChI=1S/x\n", "a.inchi")
    assert smiles_of(rows) == ["CC(C)O", None, None]
    assert [row.name for row in rows] == ["2-propanol", "", ""]
    assert rows[0].text == INCHI
    assert "is no InChI" in str(rows[2].reason)


def test_a_smiles_from_elsewhere() -> None:
    row = parse_row(3, "CCO ethanol", where="command line")
    assert (row.number, row.where, row.name, row.text) == (3, "command line", "ethanol", "CCO")
    assert row.structure is not None
    for text in ("", " \n"):
        empty = parse_row(4, text)
        assert (empty.structure, empty.reason, empty.where) == (None, "empty line", "SMILES 4")


def test_an_inchi_wherever_a_smiles_may_stand() -> None:
    row = parse_row(1, f"{INCHI} 2-propanol")
    assert (row.where, row.name, row.text) == ("InChI 1", "2-propanol", INCHI)
    assert row.structure is not None
    assert row.structure.connectivity == "CC(C)O"


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.sdf.zip"])
def test_an_unknown_ending_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as refusal:
        read_molecules(tmp_path / name)
    assert all(suffix in str(refusal.value) for suffix in MOLECULE_SUFFIXES)
    assert name in str(refusal.value)


def test_a_column_is_for_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.csv or \.tsv"):
        read_molecules(tmp_path / "a.smi", smiles_column="2")


@pytest.mark.parametrize("name", FILES)
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    with pytest.raises(DataError, match="no such file"):
        list(read_molecules(file))
    assert count_rows(file) is None
    file.write_bytes(b"\0" + FILES[name].encode())
    with pytest.raises(DataError, match=rf"{name}.*not UTF-8"):
        list(read_molecules(file))
    assert count_rows(file) is None


def test_rows_come_one_by_one(tmp_path: Path) -> None:
    """The first rows are there although the file is damaged far behind them."""
    file = tmp_path / "a.smi.gz"
    file.write_bytes(gzip.compress(b"CCO\n" * 5 + b"\n" * 200_000)[:-12])
    rows = read_molecules(file)
    assert smiles_of(list(itertools.islice(rows, 5))) == ["CCO"] * 5
    with pytest.raises(DataError, match="cut-off"):
        list(rows)


@pytest.mark.parametrize("name", FILES)
def test_no_bar_stands_in_the_way_of_the_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    hidden = []

    def opened(*args: object, **options: object) -> object:
        hidden.append(options["disable"])
        return rich_open(*args, **options)

    rich_open = rich.progress.open
    monkeypatch.setattr("rich.progress.open", opened)
    monkeypatch.setattr("nmrflow.files.reading.shows_progress", lambda: True)
    (tmp_path / name).write_text(FILES[name])
    assert list(read_molecules(tmp_path / name))
    assert hidden == [True]


def test_large_and_compressed_files_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.smi"
    file.write_text("CCO\n")
    assert count_rows(file) == 1
    monkeypatch.setattr("nmrflow.formats.molecule_files._MAX_COUNTED_BYTES", 3)
    assert count_rows(file) is None
    (tmp_path / "a.smi.gz").write_bytes(gzip.compress(b"C\n"))
    assert count_rows(tmp_path / "a.smi.gz") is None
    assert count_rows(tmp_path / "a.xyz") is None


def mutate(content: bytes, rng: random.Random) -> bytes:
    """The content with a few bytes, characters or lines changed, cut out or doubled."""
    foreign = [b"\0", b"\r", b"\n", b'"', b"'", b",", b";", b"$$$$\n", b"> <x>\n", b"\xff",
               "é²٣\ud7ff".encode(), b"-", b"1e9", b"99", b"#", b"|", b"M  END\n"]  # fmt: skip
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        start = rng.randrange(len(data) + 1)
        stop = start + rng.choice([0, 0, 1, 1, 8, 60])
        part = bytes([rng.randrange(32, 127)])
        data[start:stop] = rng.choice(
            [rng.choice(foreign), part, b"", bytes(data[stop : stop + 9])]
        )
    return bytes(data)


def test_mutated_files_give_rows_or_are_refused(tmp_path: Path) -> None:
    rng = random.Random(0)
    n_read = 0
    refusals: list[tuple[str, str]] = []
    for _ in range(N_MUTATIONS):
        name, text = rng.choice(list(FILES.items()))
        file = tmp_path / name
        file.write_bytes(mutate(text.encode(), rng))
        try:
            rows = list(read_molecules(file))
        except NmrflowError as refusal:
            refusals.append((name, str(refusal)))
            continue
        n_read += len(rows)
        assert count_rows(file) == len(rows)
        for row in rows:
            assert (row.structure is None) == (row.reason is not None)
            assert (row.name + row.text + (row.reason or "")).isprintable()
    assert n_read > N_MUTATIONS
    assert refusals
    assert all(name in said for name, said in refusals)


def test_an_old_molfile_is_read_and_a_broken_one_refused_by_its_line(tmp_path: Path) -> None:
    block = write_molblock(structure_from_smiles("CCC")).replace("V2000", "v2000")
    (tmp_path / "a.mol").write_text(block)
    (row,) = read_molecules(tmp_path / "a.mol")
    assert row.structure is not None
    assert row.structure.formula == "C3H8"
    assert "read leniently (CTAB version string invalid at line 4)" in str(row.remark)
    (tmp_path / "a.mol").write_text("title\n\n\nno molfile\n")
    (row,) = read_molecules(tmp_path / "a.mol")
    assert row.structure is None
    assert "on line 4" in str(row.reason)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_names_in_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.smi").write_bytes("CC Äthan\nCCC propane\n".encode(encoding))
    rows = list(read_molecules(tmp_path / "a.smi"))
    assert [(row.name, row.structure is not None) for row in rows] == [
        ("Äthan", True),
        ("propane", True),
    ]


@pytest.mark.parametrize(
    ("typed", "text", "left_out"),
    [
        ("CCCC(=O)[O-].[Na+]", "CCCC(=O)[O-]", "[Na+]"),
        ("Cl.CCCCN name", "CCCCN", "Cl"),
        ("O.O.c1ccncc1", "c1ccncc1", "O, O"),
        ("C[N+](C)(C)CCO.CC(=O)[O-]", "C[N+](C)(C)CCO", "CC(=O)[O-]"),
        ("CCO.CCN", None, None),
        ("C1.C1", None, None),
        ("[Na+].[Cl-]", None, None),
    ],
)
def test_of_a_salt_the_largest_part_is_taken_and_said(
    typed: str, text: str | None, left_out: str | None
) -> None:
    row = parse_row(1, typed)
    if text is None:
        assert row.structure is None or row.remark is None
        return
    # Atoms are numbered as the text that is shown writes them.
    assert row.text == text
    assert row.structure == structure_from_smiles(text)
    assert row.remark is not None
    assert row.remark.endswith(f"left out: {left_out}")


def test_of_a_salt_in_a_molfile_too(tmp_path: Path) -> None:
    mol = Chem.MolFromSmiles("[Na+].CCCC(=O)[O-]")
    (tmp_path / "a.mol").write_text(Chem.MolToMolBlock(mol))
    (row,) = read_molecules(tmp_path / "a.mol")
    assert row.structure == structure_from_smiles("CCCC(=O)[O-]")
    assert row.remark is not None
    assert "left out: [Na+]" in row.remark
