"""The catch-all of entry points: one line, an exit code, and nothing unfinished left."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_HEAD = "import os, sys, time; from pathlib import Path; from nmrflow.errors import *; "
_CATCH = "from nmrflow.console import say, outliving_readers\nwith errors_for_people():\n    "


def ran(code: str, **more: object) -> subprocess.CompletedProcess[str]:
    """What a program does whose entry does that."""
    command = [sys.executable, "-c", _HEAD + _CATCH + code]
    environment = os.environ | {"NMRFLOW_TRACEBACK": "0"} | more.pop("environment", {})  # type: ignore[operator]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    return subprocess.run(command, env=environment, text=True, timeout=60, check=False, **pipes)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise DataError('a.csv: is none\\nline 2')", "nmrflow: a.csv: is none\nline 2"),
        ("{}['loss']", "nmrflow: KeyError: 'loss' (not foreseen; NMRFLOW_TRACEBACK=1 shows"),
        ("open('none/x')", "nmrflow: FileNotFoundError: [Errno 2] No such file"),
        ("raise RecursionError('a\\n  b')", "nmrflow: RecursionError: a b (not foreseen"),
        ("raise DataError('\\x1b]0;x\\x07 \\udcff')", r"nmrflow: \x1b]0;x\x07 \udcff"),
    ],
)
def test_whatever_is_raised_is_said_without_a_traceback(code: str, said: str) -> None:
    found = ran(code)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith(said)
    assert "Traceback" not in found.stderr


def test_the_traceback_is_shown_on_request() -> None:
    found = ran("{}['loss']", environment={"NMRFLOW_TRACEBACK": "1"})
    assert found.returncode == 1
    assert found.stderr.startswith("Traceback")


def test_a_terminal_that_knows_no_greek_is_told_all_the_same() -> None:
    found = ran("say('δ 1\\x1b[2J')", environment={"PYTHONIOENCODING": "ascii"})
    assert (found.returncode, found.stdout) == (0, "\\u03b4 1\\x1b[2J\n")


def test_output_that_cannot_be_written_is_said() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("w") as full:
        for code in ("say('x')", "print('x')"):
            found = ran(code, stdout=full)
            assert found.returncode == 1
            assert re.fullmatch(r"nmrflow: OSError: .*No space left.*\n", found.stderr)


@pytest.mark.parametrize("writes", [True, False])
def test_a_pipe_that_nobody_reads_ends_what_writes_no_files(tmp_path: Path, writes: bool) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    code = f"""with outliving_readers(writes_files={writes}):
        for k in range(9): say(str(k))
    Path({str(tmp_path / "done")!r}).touch()"""
    found = ran(code, stdout=writer)
    os.close(writer)
    assert (found.returncode, found.stderr) == (0 if writes else 1, "")
    assert (tmp_path / "done").exists() == writes


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_tidies_up(name: str, tmp_path: Path) -> None:
    number = signal.Signals[name]
    code = f"""from nmrflow.files.writing import written_whole
    with errors_for_people(), written_whole(Path({str(tmp_path / "a.csv")!r})) as unfinished:
        unfinished.write_text("half")
        os.kill(os.getpid(), {number})
        time.sleep(30)"""
    found = ran(code)
    assert (found.returncode, found.stderr) == (128 + number, f"nmrflow: stopped by {name}\n")
    assert not list(tmp_path.iterdir())


def test_a_signal_that_is_ignored_stays_so() -> None:
    code = """import signal
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with errors_for_people():
        os.kill(os.getpid(), signal.SIGHUP)
        say("on")"""
    assert ran(code).stdout == "on\n"
