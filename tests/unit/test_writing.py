"""Writing files: whole, over links and modes and pipes; folders that one process has."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from nmrflow.errors import DataError
from nmrflow.files.writing import check_writable, owned, write_text, written_whole


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


@pytest.mark.parametrize("mode", [0o600, 0o444, 0o664])
def test_what_is_replaced_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    file.chmod(mode)
    with written_whole(file) as unfinished:
        # Nobody reads what is not finished who may not read what it will be.
        assert not stat.S_IMODE(unfinished.stat().st_mode) & ~mode & 0o077
        unfinished.write_text("new")
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new", mode)


def test_a_new_file_has_the_mode_that_the_user_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize("is_there", [True, False])
def test_of_a_link_that_which_it_leads_to_is_replaced(tmp_path: Path, is_there: bool) -> None:
    (tmp_path / "there").mkdir()
    file, link = tmp_path / "there" / "a.txt", tmp_path / "link.txt"
    if is_there:
        file.write_text("old")
    link.symlink_to("there/a.txt")
    write_text(link, "new")
    assert link.is_symlink()
    assert file.read_text() == "new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.txt", "link.txt", "there"]


def test_a_pipe_and_a_device_are_written_as_they_are(tmp_path: Path) -> None:
    pipe = tmp_path / "a.txt"
    os.mkfifo(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "new")
    reader.join(10)
    assert found == ["new"]
    assert pipe.is_fifo()
    write_text(Path(os.devnull), "new")
    assert not Path(os.devnull).is_file()


def test_the_file_that_standard_output_goes_to_is_not_replaced(tmp_path: Path) -> None:
    code = "from nmrflow.files.writing import *; write_text(Path('/dev/stdout'), 'new')"
    with (tmp_path / "a.txt").open("w") as stream:
        subprocess.run([sys.executable, "-c", code], stdout=stream, check=True, timeout=60)
    assert (tmp_path / "a.txt").read_text() == "new"


def _loop(folder: Path) -> Path:
    (folder / "one.csv").symlink_to("other.csv")
    (folder / "other.csv").symlink_to("one.csv")
    return folder / "one.csv"


def _below_a_file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "a.csv"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / ("a" * 300), "File name too long"),
        (lambda folder: folder / ("a/" * 3_000 + "b"), "File name too long"),
        (_loop, "symbolic links"),
        (_below_a_file, "cannot be written"),
        (lambda folder: folder / "missing" / "a.csv", "there is no folder .*make it first"),
        (lambda folder: folder, "is a folder; name a file"),
        (lambda _: Path("/proc/a.csv"), "cannot be written"),
        (lambda folder: folder / "a\0b", "null"),
    ],
    ids=["name", "path", "loop", "below a file", "no folder", "folder", "proc", "null"],
)
def test_what_cannot_be_written_is_said_before_the_work(
    tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    path = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DataError, match=said):
        check_writable(path)
    assert sorted(tmp_path.iterdir()) == before


def test_what_can_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    check_writable(file)
    assert not list(tmp_path.iterdir())
    file.write_text("old")
    check_writable(file)
    check_writable(Path(os.devnull))
    assert file.read_text() == "old"


_OWNER = """
import sys
from pathlib import Path
from nmrflow.files.writing import owned
with owned(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-c", _OWNER, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(DataError, match="another process"), owned(folder):
            pass
        (folder / ".a.txt.17-ab.unfinished").write_text("half")
        other.kill()
    with owned(folder):
        assert [path.name for path in folder.iterdir()] == [".lock"]
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"), owned(_below_a_file(tmp_path)):
        pass
