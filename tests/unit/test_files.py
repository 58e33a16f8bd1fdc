"""Opening files: whatever is wrong with a path is said in words."""

import gzip
from pathlib import Path

import pytest

from nmrflow.errors import DataError
from nmrflow.files.reading import open_text, read_text


@pytest.mark.parametrize(
    "path",
    ["a" * 300, "~no-such-user-anywhere/x.csv", 17, "/proc/1/mem/x", "\0"],
    ids=["too long", "no such home", "a number", "below a file", "a null character"],
)
def test_impossible_paths(path: str) -> None:
    with pytest.raises(DataError, match=r"data\.path"), open_text(path, "a table"):
        pass


def test_a_capital_gz_is_gzip(tmp_path: Path) -> None:
    (tmp_path / "x.GZ").write_bytes(b"no gzip")
    with (
        pytest.raises(DataError, match="damaged or cut-off gzip"),
        open_text(tmp_path / "x.GZ", "a table") as stream,
    ):
        stream.read()


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_a_text_read_whole_is_of_either_encoding(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    pack = gzip.compress if name.endswith("gz") else bytes
    for content in ("δ 1".encode(), "\ufeffδ 1".encode(), "\ufeffδ 1".encode("utf-16-be")):
        file.write_bytes(pack(content))
        assert read_text(file, "a list", 100) == "δ 1"
    with pytest.raises(DataError, match="too large"):
        read_text(file, "a list", 3)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"PK\x03\x04", "save the table as .csv"),
        (b"\xd0\xcf\x11\xe0", "Microsoft Office"),
        (b"%PDF-1.7", "a PDF"),
        (b"VjCD0100", "ChemDraw"),
    ],
)
def test_a_file_of_another_program_is_called_by_its_name(
    head: bytes, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "given.txt"
    file.write_bytes(head + b" 137.9, 21.5\n")
    with pytest.raises(DataError, match=said), open_text(file, "a list of peaks") as text:
        text.read()
