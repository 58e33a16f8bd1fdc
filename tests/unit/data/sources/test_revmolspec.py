"""The table's reader: every variant of CSV that is one, and every defect in one message."""

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.chem.structure import Structure
from nmrflow.data.records import SourceData
from nmrflow.data.sources.revmolspec import RevMolSpec
from nmrflow.errors import DataError
from nmrflow.spectra.axis import ShiftAxis

HEADER = "A,B,C,D"


def digits(smiles: str) -> str:
    return BondTensorCodec().encode_digits(Structure.from_smiles(smiles))


def bits(*occupied: int, n: int = 1024) -> str:
    return "".join("01"[bin_ in occupied] for bin_ in range(n))


def row(number: int, smiles: str, *occupied: int) -> str:
    return f"m{number},s{number},{digits(smiles)},{bits(*occupied)}"


ROWS = [row(1, "CC", 35), row(2, "CC=C", 95, 577, 665), row(3, "c1ccccc1", 641)]
METHANE = f"m9,s9,{'0' * 136},{bits(0)}"
FIVE_BONDS = "11111" + "0" * 131
TWO_MOLECULES = "1" + "0" * 30 + "1" + "0" * 104

Read = Callable[..., SourceData]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a file of the given content: lines, text or bytes."""

    def read_content(content: list[str] | str | bytes, name: str = "table.csv") -> SourceData:
        text = "\n".join([HEADER, *content, ""]) if isinstance(content, list) else content
        file = tmp_path / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return RevMolSpec(str(file)).read()

    return read_content


def whole_table(newline: str = "\n") -> str:
    return newline.join([HEADER, *ROWS, ""])


def test_rows_become_records(read: Read) -> None:
    data = read(ROWS)
    assert [r.molecule_id for r in data.records] == ["m1", "m2", "m3"]
    assert [r.spectrum_id for r in data.records] == ["s1", "s2", "s3"]
    bins = [(35,), (95, 577, 665), (641,)]
    assert [ShiftAxis().occupied(r.peaks.shifts_ppm) for r in data.records] == bins
    assert [r.peaks.shifts_ppm for r in data.records] == [(7.1,), (19.1, 115.5, 133.1), (128.3,)]
    assert [r.structure.connectivity for r in data.records] == ["CC", "C=CC", "c1ccccc1"]
    assert [r.provenance.rsplit(":", 1)[1] for r in data.records] == ["2", "3", "4"]
    assert {peak.half_width_ppm for r in data.records for peak in r.peaks.peaks} == {0.1}


def test_a_bin_of_the_table_is_the_same_bin_of_the_axis(read: Read) -> None:
    (record,) = read([row(1, "CC", *range(1024))]).records
    assert ShiftAxis().occupied(record.peaks.shifts_ppm) == tuple(range(1024))
    assert ShiftAxis().n_off_scale(record.peaks.shifts_ppm) == 0


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (whole_table("\r\n"), "table.csv"),
        (b"\xef\xbb\xbf" + whole_table().encode(), "table.csv"),
        (b"\xef\xbb\xbf" + whole_table("\r\n").encode(), "table.csv"),
        (whole_table().rstrip("\n"), "table.csv"),
        ("\n".join(f'"{line}"'.replace(",", '","') for line in [HEADER, *ROWS]), "table.csv"),
        (whole_table() + "\n\n", "table.csv"),
        ("\n".join(line + ",more" for line in [HEADER, *ROWS]), "table.csv"),
        (gzip.compress(whole_table().encode(), mtime=0), "table.csv.gz"),
        (gzip.compress(b"\xef\xbb\xbf" + whole_table("\r\n").encode(), mtime=0), "table.csv.gz"),
        ("\n".join(",".join(reversed(line.split(","))) for line in [HEADER, *ROWS]), "table.csv"),
    ],
    ids=[
        "CRLF",
        "BOM",
        "BOM and CRLF",
        "no last newline",
        "quoted",
        "empty lines at the end",
        "a further column",
        "gzip",
        "gzip, BOM and CRLF",
        "columns in another order",
    ],
)
def test_variants_of_the_format_give_the_same_records(
    read: Read, content: str | bytes, name: str
) -> None:
    def essence(data: SourceData) -> list[tuple[object, ...]]:
        return [(r.molecule_id, r.spectrum_id, r.structure, r.peaks) for r in data.records]

    assert essence(read(content, name)) == essence(read(ROWS))


def test_methane_is_counted_and_the_rest_loaded(read: Read) -> None:
    data = read([ROWS[0], METHANE, *ROWS[1:], METHANE])
    assert [r.molecule_id for r in data.records] == ["m1", "m2", "m3"]
    assert list(data.n_excluded.values()) == [2]
    assert "methane" in next(iter(data.n_excluded))
    assert data.n_excluded_total == 2
    assert any("left out 2" in line and "methane" in line for line in data.describe())


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (f"x,x,{digits('CC')[:-1]},{bits(1)}", "135 bond digits instead of 136"),
        (f"x,x,{digits('CC')[:-1]}9,{bits(1)}", "bond digit '9'"),
        (f"x,x,{digits('CC')},{bits(1, n=1023)}", "1023 spectrum bits instead of 1024"),
        (f"x,x,{digits('CC')},{bits(1)[:-1]}2", "spectrum bit '2'"),
        (f"x,x,{digits('CC')},{bits()}", "at least one peak"),
        (f"x,x,{FIVE_BONDS},{bits(1)}", "5 bonds"),
        (f"x,x,{TWO_MOLECULES},{bits(1)}", "2 molecules"),
        (f"x,x,,{bits(1)}", "0 bond digits"),
        (f"x,x,{digits('CC')},", "0 spectrum bits"),
        (f"x,x,{digits('CC')}", "fields"),
        ("x,x", "fields"),
        ("x", "fields"),
        (f"x,x,{digits('CC')},{bits(1)},x", "fields"),
    ],
)
def test_a_defective_row_is_refused_with_line_and_reason(
    read: Read, bad: str, reason: str
) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        read([ROWS[0], bad, *ROWS[1:]])
    assert "line 3" in str(caught.value)
    assert "1 bad row" in str(caught.value)
    assert "table.csv" in str(caught.value)


def test_all_bad_rows_are_reported_at_once(read: Read) -> None:
    bad = f"x,x,{FIVE_BONDS},{bits(1)}"
    with pytest.raises(DataError, match="3 bad rows") as caught:
        read([bad, ROWS[0], bad, METHANE, f"x,x,{digits('CC')},{bits(1, n=3)}"])
    message = str(caught.value)
    assert all(f"line {line} " in message for line in (2, 4, 6))
    assert not any(f"line {line} " in message for line in (3, 5))


def test_very_many_bad_rows_are_counted(read: Read) -> None:
    with pytest.raises(DataError, match="500 bad rows") as caught:
        read([f"x,x,{FIVE_BONDS},{bits(1)}"] * 500)
    assert "480 more" in str(caught.value)
    assert len(str(caught.value).splitlines()) < 30


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        (HEADER + "\n", "no usable row"),
        (f"{HEADER}\n{METHANE}\n", "no usable row"),
        ("\n", "missing"),
        (whole_table().replace("A,B,C,D", "A,B,C,E"), "column D is missing"),
        (whole_table().removeprefix(HEADER + "\n"), "missing"),
        (whole_table().replace(",", ";"), "missing"),
        (bytes(range(128, 256)) * 8, "missing"),
        (b"\x00" * 500, "not UTF-8"),
        (gzip.compress(whole_table().encode(), mtime=0), "not UTF-8"),
        (whole_table() + '"', "no CSV"),
        (whole_table() + '"a"b,1,2,3\n', "no CSV"),
    ],
    ids=[
        "nothing",
        "a header",
        "methane alone",
        "an empty line",
        "a column missing",
        "no header",
        "semicolons",
        "binary junk",
        "zeros",
        "gzip under another name",
        "an open quote",
        "text after a quote",
    ],
)
def test_what_is_no_table_is_refused(read: Read, content: str | bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        read(content)
    assert "table.csv" in str(caught.value)


def test_damaged_gzip_is_refused(read: Read) -> None:
    packed = gzip.compress(whole_table().encode(), mtime=0)
    for damaged in (packed[:-20], packed[: len(packed) // 2], packed[:15], b"plain text"):
        with pytest.raises(DataError, match="damaged or cut-off gzip"):
            read(damaged, "table.csv.gz")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.csv", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(DataError, match=reason) as caught:
            RevMolSpec(str(path)).read()
        assert str(path) in str(caught.value)
        assert "data.path" in str(caught.value)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty download cache, and no proxy between here and here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.mark.usefixtures("cache")
def test_a_failed_download_says_what_to_do_in_one_line() -> None:
    with pytest.raises(DataError, match=r"data\.path") as caught:
        RevMolSpec(url="http://127.0.0.1:9/x").read()
    assert len(str(caught.value).splitlines()) == 1
    assert "http://127.0.0.1:9/x" in str(caught.value)


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Address of a server on this machine that has the table and nothing else."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "table.csv").write_text(whole_table())
    with HTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_download_is_checked_and_kept(served: str, cache: Path) -> None:
    digest = hashlib.sha256(whole_table().encode()).hexdigest()
    data = RevMolSpec(url=f"{served}/table.csv", sha256=digest).read()
    assert len(data.records) == 3
    (kept,) = [file for file in cache.rglob("*") if file.is_file()]
    assert kept.read_text() == whole_table()
    # From the cache: the second address has no such file.
    again = RevMolSpec(url=f"{served}/none.csv", sha256=digest).read()
    assert again == data


def test_a_download_of_other_content_is_refused(served: str, cache: Path) -> None:
    with pytest.raises(DataError, match=r"data\.path") as caught:
        RevMolSpec(url=f"{served}/table.csv", sha256="0" * 64).read()
    assert len(str(caught.value).splitlines()) == 1
    assert not [file for file in cache.rglob("*") if file.is_file()]


@pytest.mark.real_data
def test_the_real_table_is_read_whole(real_data: Path) -> None:
    data = RevMolSpec(str(real_data / "reversibledata.csv")).read()
    assert len(data.records) == 1320
    assert data.n_excluded_total == 0
    assert len({record.spectrum_id for record in data.records}) == 1320
