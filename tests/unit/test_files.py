"""Opening source files: whatever is wrong with a path is said in words."""

from pathlib import Path

import pytest

from nmrflow.errors import DataError
from nmrflow.files import open_text


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
