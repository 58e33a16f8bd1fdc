"""Spectra of a file or of the command line: which form it is, and what is said when it is none."""

import gzip
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError, NmrflowError
from nmrflow.formats.jcamp import write_jcamp
from nmrflow.formats.spectrum_files import TYPED, read_spectra
from nmrflow.formats.spectrum_sdf import SpectrumRow, write_nmredata_record, write_record
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList

N_MUTATIONS = int(os.environ.get("NMRFLOW_MUTATIONS", "300"))

PROPANOL = Structure.from_smiles("CC(C)O")
PEAKS = PeakList((Peak(63.4), Peak(25.1)))
SHIFTS = (25.1, 63.4, 25.1, None)
BATCH = "# solvent=CDCl3\n\n> first one\n63.4, 25.1\n>second\nppm,intensity\n63.4,1\n25.1,2\n"
FILES = {
    "a.txt": "63.4, 25.1\n",
    "a.peaks": "13C NMR (101 MHz, CDCl3) δ 63.4 (CH), 25.1 (2C).\n",
    "a.csv": "# solvent=CDCl3\nppm,intensity,n\n63.4,0.5,1\n25.1,1,2\n",
    "a.tsv": "ppm\tintensity\n63.4\t0.5\n25.1\t1\n",
    "a": "LINE: 63.4 D\nLINE: 25.1 Q\n",
    "batch.txt": BATCH,
    "a.jdx": write_jcamp(PEAKS, "2-propanol"),
    "a.dx": write_jcamp(PEAKS, "2-propanol"),
    "a.JCAMP": write_jcamp(PEAKS, "2-propanol"),
    "a.sdf": write_record(PROPANOL, (63.4, 25.1, None, None), name="2-propanol"),
    "a.SD": write_record(PROPANOL, (63.4, 25.1, None, None), name="2-propanol"),
    "a.nmredata": write_nmredata_record(PROPANOL, (63.4, 25.1, None, None), name="2-propanol"),
    "a.nmredata.sdf": write_nmredata_record(PROPANOL, (63.4, 25.1, None, None), name="2-propanol"),
}
IS_SDF = re.compile(r"\.(sdf|sd|nmredata)$", re.IGNORECASE)

Read = Callable[[str | bytes, str], list[SpectrumRow]]


def check(rows: list[SpectrumRow]) -> None:
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        assert (row.peaks is None) == (row.reason is not None)
        assert row.name.isprintable()
        assert row.reason is None or re.search(r"\bline \d+:", row.reason)
        for shift_ppm in row.peaks.shifts_ppm if row.peaks else ():
            ShiftAxis().check_shift(shift_ppm)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_content(content: str | bytes, name: str) -> list[SpectrumRow]:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        rows = list(read_spectra(str(file)))
        check(rows)
        assert all(row.where.startswith(f"{file}:") for row in rows)
        return rows

    return read_content


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
    ],
    ids=["as_is", "bom", "crlf"],
)
def test_every_form_of_file(read: Read, name: str, rewrite: Callable[[str], bytes]) -> None:
    content = rewrite(FILES[name])
    rows = read(content, name)
    assert [row.peaks and row.peaks.shifts_ppm for row in rows] == [(63.4, 25.1)] * len(rows)
    assert [row.name for row in rows] == (
        ["first one", "second"]
        if name == "batch.txt"
        else [""]
        if name in ("a.txt", "a.peaks", "a.csv", "a.tsv", "a")
        else ["2-propanol"]
    )
    assert all((row.structure == PROPANOL) == bool(IS_SDF.search(name)) for row in rows)
    packed = read(gzip.compress(content, mtime=0), f"{name}.gz")
    assert [row.peaks for row in packed] == [row.peaks for row in rows]


@pytest.mark.parametrize("name", [name for name in FILES if not IS_SDF.search(name)])
@pytest.mark.parametrize("form", ["utf-16-le", "utf-16-be"])
def test_unicode_text_of_spreadsheets(read: Read, name: str, form: str) -> None:
    rows = read(("\ufeff" + FILES[name]).encode(form), name)
    assert [row.peaks and row.peaks.shifts_ppm for row in rows] == [(63.4, 25.1)] * len(rows)


def test_several_spectra_of_a_text(read: Read) -> None:
    rows = read(BATCH + "> third\n63.4\nmethyl\n> \n25.1 (CH3)\n> empty\n", "a.txt")
    assert [row.name for row in rows] == ["first one", "second", "third", "", "empty"]
    assert [int(row.where.rpartition(":")[2]) for row in rows] == [3, 5, 9, 12, 14]
    assert [dict(row.peaks.metadata) for row in rows if row.peaks] == [{"solvent": "CDCl3"}] * 3
    assert str(rows[2].reason).startswith("line 11: 'methyl' is not a shift")
    assert "holds no shift" in str(rows[4].reason)


def test_a_spectrum_may_stand_before_the_first_name(read: Read) -> None:
    rows = read("# solvent=CDCl3\n63.4\n> second\nmethyl\n", "a.txt")
    assert [row.name for row in rows] == ["", "second"]
    assert rows[0].peaks == PeakList((Peak(63.4),), {"solvent": "CDCl3"})
    assert str(rows[1].reason).startswith("line 4: ")


def test_a_bad_comment_above_all_is_named_by_its_line(read: Read) -> None:
    rows = read("\n# nucleus=1H\n> first\n7.26\n> second\n1.2\n", "a.txt")
    assert [str(row.reason)[:8] for row in rows] == ["line 2: "] * 2


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("a.txt", "25.1", "\n\n25.1 x", "line 3: 'x' is not a shift"),
        ("a.csv", "25.1,1", "25.1,high", "line 4: 'high' is no intensity"),
        ("a", "25.1 Q", "325.1", "line 2: .* outside -20 to 260"),
        ("a.jdx", "25.1", "x", r"line \d+: .* is no peak"),
        ("a.sdf", "25.10;", "325.10;", "record from line 1: .*outside -20 to 260"),
        ("a.nmredata", "25.1000, N", "x, N", "record from line 1: .*'x' is not a shift"),
    ],
)
def test_a_bad_spectrum_is_a_row_with_its_line(
    read: Read, name: str, old: str, new: str, reason: str
) -> None:
    (row,) = read(FILES[name].replace(old, new), name)
    assert row.peaks is None
    assert re.match(reason, str(row.reason))


def test_a_refused_structure_does_not_cost_the_peaks(read: Read) -> None:
    block = write_record(None, ()).partition("$$$$")[0]
    (row,) = read(f"{block}> <NMREDATA_1D_13C>\n25.1\\\n\n$$$$\n", "a.sdf")
    assert row.structure is None
    assert row.peaks == PeakList((Peak(25.1),))


@pytest.mark.parametrize(
    "text",
    [
        "63.4, 25.1",
        "63.4",
        "25",
        "δ 63.4 (CH), 25.1",
        "13C NMR (101 MHz, CDCl3/CD3OD) δ 63.4, 25.1",
        "13C NMR (CDCl3/CD3OD) δ 63.4",
        "ppm,intensity\n63.4,1",
        "δ/ppm 63.4",
        "63.4\n" * 1000,
    ],
)
def test_peaks_that_are_given_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "25").mkdir()
    (row,) = read_spectra(text)
    check([row])
    assert (row.number, row.where, row.name, row.structure) == (1, TYPED, "", None)
    assert row.peaks is not None


def test_several_spectra_may_be_given_themselves() -> None:
    rows = list(read_spectra(BATCH))
    assert [row.where for row in rows] == [f"{TYPED}:3", f"{TYPED}:5"]
    assert all(row.peaks for row in rows)


@pytest.mark.parametrize("text", ["", "   ", "methyl", "63.4, methyl", "63.4 x/y 3", "\0"])
def test_what_is_neither_peaks_nor_a_path_is_a_row(text: str) -> None:
    (row,) = read_spectra(text)
    check([row])
    assert str(row.reason).startswith("line 1: ")


@pytest.mark.parametrize(
    "path",
    [
        "peaks.txt",
        "my 13C peaks.csv",
        "peaks.xyz",
        "spectrum.jdx.gz",
        "data/peaks",
        "/data/21.3/peaks",
        "~/peaks",
        "C:\\data\\peaks",
        "~no-such-user-anywhere/peaks.txt",
        "x" * 300 + ".txt",
    ],
)
def test_a_path_of_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no such file") as refusal:
        read_spectra(path)
    assert path in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"\x89PNG\0\0", "not UTF-8 text"),
        ("a.jdx", b"##TITLE=\0\0\n", "not UTF-8 text"),
        ("a.txt", b"\xff\xfe6\x003", "damaged UTF-16"),
        ("a.sdf", b"\0\0\n", "not UTF-8"),
        ("a.sdf", b"", "is empty"),
        ("a.txt", b"", "is empty"),
        ("a.txt.gz", b"63.4", "damaged or cut-off gzip"),
        ("a.txt.gz", gzip.compress(b"63.4, 25.1" * 99, mtime=0)[:-12], "damaged or cut-off gzip"),
        ("a.sdf.gz", b"63.4", "damaged or cut-off gzip"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=reason) as refusal:
        list(read_spectra(str(tmp_path / name)))
    assert name in str(refusal.value)


def test_a_folder_and_a_file_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read_spectra(str(tmp_path))
    (tmp_path / "a.txt").write_text("63.4, 25.1")
    monkeypatch.setattr("nmrflow.formats.spectrum_files.MAX_TEXT_BYTES", 5)
    with pytest.raises(DataError, match="too large"):
        read_spectra(str(tmp_path / "a.txt"))


def mutate(content: bytes, rng: random.Random) -> bytes:
    """The content with a few bytes, characters or lines changed, cut out or doubled."""
    foreign = [b"\0", b"\r", b"\n", b'"', b",", b";", b"|", b"\\", b"$$$$\n", b"\n> <x>\n", b"\n>",
               "é²٣½".encode(), b"\xff", b"-", b"1e9", b"99", b"#", b"(", b" ", b"0", b"=",
               b"##", b"$$", b"M  END\n", b"> <Spectrum 13C 00>\n", b"9" * 5000]  # fmt: skip
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
    n_read = n_bad = 0
    refusals: list[tuple[str, str]] = []
    for _ in range(N_MUTATIONS):
        name, text = rng.choice(list(FILES.items()))
        file = tmp_path / name
        file.write_bytes(mutate(text.encode(), rng))
        try:
            rows = list(read_spectra(str(file)))
        except NmrflowError as refusal:
            refusals.append((name, str(refusal)))
            continue
        check(rows)
        n_read += sum(row.peaks is not None for row in rows)
        n_bad += sum(row.peaks is None for row in rows)
    assert n_read > N_MUTATIONS / 10
    assert n_bad > N_MUTATIONS / 10
    assert refusals
    assert all(name in said for name, said in refusals)
