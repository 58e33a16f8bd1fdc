"""What commands write, while they are killed, stopped, or the disk is full: old or whole."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nmrflow.commands import settings
from nmrflow.commands.app import app
from nmrflow.commands.example_files import write_examples
from nmrflow.files.writing import write_text
from nmrflow.model.trained import TrainedFlow

COMMANDS = {
    "texts": ["predict", "Cc1ccccc1", "x", *["-o", "a.csv", "-o", "a.json", "-o", "a.html"]],
    "records": ["predict", "CCC", "-o", "a.sdf"],
    "pictures": ["predict", "CCC", "CC", "-o", "a.svg"],
    "examples": ["examples", "."],
}
OLD = b"old\n"


@pytest.fixture(params=COMMANDS)
def work(
    request: pytest.FixtureRequest,
    make_flow: Callable[..., TrainedFlow],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], None]:
    """A command with a small network, in a folder of its own."""
    flow = make_flow()
    monkeypatch.setattr(settings, "load", lambda _: flow)
    monkeypatch.chdir(tmp_path)
    typed = COMMANDS[request.param]
    if typed[0] == "predict":  # A forked child would wait for threads that it does not have.
        typed = [*typed, "--threads", "1"]

    def run() -> None:
        result = CliRunner().invoke(app, typed)
        assert isinstance(result.exception, SystemExit | None), repr(result.exception)
        if result.exit_code:
            sys.stderr.write(result.stderr)
            raise SystemExit(result.exit_code)

    run()  # Children need not import then.
    renew(tmp_path, [])
    return run


def files(folder: Path) -> dict[str, bytes]:
    """What has a name of its own, dates left out."""
    return {
        path.name: re.sub(rb"\d{4}-\d\d-\d\dT[\d:.+-]+", b"", path.read_bytes())
        for path in folder.iterdir()
        if not path.name.startswith(".")
    }


def renew(folder: Path, names: list[str]) -> None:
    for path in folder.iterdir():
        path.unlink()
    for name in names:
        (folder / name).write_bytes(OLD)


@pytest.mark.parametrize("happens", ["killed", "stopped", "full", "full for good"])
def test_whole_or_old(
    work: Callable[[], None], happens: str, moments: Any, tmp_path: Path
) -> None:
    counted = moments.run(work, "full" if happens.startswith("full") else "")
    assert counted.code == 0, counted.said
    whole = files(tmp_path)
    # Of the examples, what is there with other contents is refused.
    names = [] if "README.txt" in whole else [*whole][::2]
    for at in moments.some(counted.n_events):
        renew(tmp_path, names)
        outcome = moments.run(work, happens, at)
        code = {"killed": -9, "stopped": 143}.get(happens, 1)
        assert outcome.code == code or (outcome.code == 0 and files(tmp_path) == whole), outcome
        for name, content in files(tmp_path).items():
            assert content == whole[name] or (content == OLD and name in names), (name, at)
        left = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
        assert happens == "killed" or not left, (at, outcome)
        assert "Traceback" not in outcome.said
        if code == 1 and outcome.code:
            assert re.fullmatch(r"nmrflow: .*No space left on device.*\n", outcome.said)
        assert moments.run(work).code == 0
        assert files(tmp_path) == whole


@pytest.mark.filterwarnings("ignore::nmrflow.formats.left_out.LeftOutWarning")
def test_examples_begun_are_finished(tmp_path: Path) -> None:
    written = write_examples(tmp_path)
    written[3].unlink()
    assert write_examples(tmp_path) == written
    assert written[3].exists()


def test_several_writers_of_one_file_leave_one_of_theirs(
    tmp_path: Path, attack_scale: int
) -> None:
    file = tmp_path / "a.csv"
    contents = [f"{k}\n" * (50_000 * k + 1) for k in range(4)]
    children = []
    for content in contents:
        child = os.fork()
        if not child:
            for _ in range(5 * attack_scale):
                write_text(file, content)
            os._exit(0)
        children.append(child)
    while children:
        found, status = os.waitpid(children[0], os.WNOHANG)
        if found:
            assert not status
            children.pop(0)
        assert not file.exists() or file.read_text() in contents
    assert list(tmp_path.iterdir()) == [file]
