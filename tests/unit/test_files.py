"""Opening files: whatever is wrong with a path is said in words. Writing them: whole."""

import gzip
from pathlib import Path

import pytest

from nmrflow.errors import DataError
from nmrflow.files import open_text, read_text, written_whole


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


def test_what_is_written_whole_appears_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    with written_whole(file) as one, written_whole(file) as other:
        one.write_text("one")
        other.write_text("other")
        assert one != other
        assert not file.exists()
    assert file.read_text() == "one"
    assert list(tmp_path.iterdir()) == [file]


def test_what_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / ("long" * 60)
    file.write_text("old")

    def fail(error: type[BaseException]) -> None:
        with written_whole(file) as unfinished:
            unfinished.write_text("new")
            raise error

    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error):
            fail(error)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_a_text_read_whole_is_of_either_encoding(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    pack = gzip.compress if name.endswith("gz") else bytes
    for content in ("δ 1".encode(), "\ufeffδ 1".encode(), "\ufeffδ 1".encode("utf-16-be")):
        file.write_bytes(pack(content))
        assert read_text(file, "a list", 100) == "δ 1"
    with pytest.raises(DataError, match="too large"):
        read_text(file, "a list", 3)
