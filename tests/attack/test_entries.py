"""Every entry point: whatever it is given, one message and no traceback."""

import json
import os
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nmrflow.train  # noqa: F401 - children need not import it then
from nmrflow.commands import settings
from nmrflow.commands.app import app
from nmrflow.evaluation.report.__main__ import main as report
from nmrflow.model.trained import TrainedFlow

LONG = "a" * 300

Entered = Callable[..., Any]


@pytest.fixture
def entered(moments: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entered:
    """Runs an entry with arguments in a child; what it said."""
    monkeypatch.chdir(tmp_path)

    def enter(main: Callable[[], object], *arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["nmrflow", *arguments])
        outcome = moments.run(main)
        assert "Traceback" not in outcome.said
        return outcome

    return enter


def _hydra(module: str) -> Callable[[], object]:
    # As python -m does, gc.freeze() and all.
    return lambda: runpy.run_module(module, run_name="__main__", alter_sys=False)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        ("train", ["hydra.run.dir=/proc/x"], "/proc/x"),
        ("train", ["hydra.run.dir=" + LONG], "File name too long"),
        ("train", ["~loss", "hydra.run.dir=a"], "loss"),
        ("train", ["trainer.max_epochs=x", "hydra.run.dir=a"], "max_epochs"),
        ("train", ["n_threads=100000", "hydra.run.dir=a"], "256 at most"),
        ("train", ["nonsense=1"], "nonsense"),
        ("train", ["data=none"], "none"),
        ("train", ["data=revmolspec", "data.path=/dev/zero", "hydra.run.dir=a"], "/dev/zero"),
        ("evaluate", ["checkpoint=none", "output=/proc/x/a.json"], "output=/proc/x/a.json"),
        ("evaluate", ["checkpoint=none", f"output={LONG}"], "File name too long"),
        ("evaluate", ["checkpoint=none"], "none"),
        ("evaluate", [], "checkpoint"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:30],
)
def test_what_is_composed(module: str, arguments: list[str], said: str, entered: Entered) -> None:
    outcome = entered(_hydra(f"nmrflow.{module}"), *arguments)
    assert outcome.code == 1
    assert outcome.said.startswith("nmrflow: ")
    assert said in outcome.said


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "[" * 100_000,
        '"\udcff"',
        "{}",
        {"experiment": 1},
        {"epochs": 3},
        {"epochs": [3]},
        {"epochs": [], "examples": 3, "n": "x"},
        {"epochs": [{"epoch": 1}], "examples": [{}], "n": None, "split_sha256": []},
    ],
    ids=range(10),
)
def test_a_report_on_malformed_scores(content: Any, entered: Entered, tmp_path: Path) -> None:
    if isinstance(content, dict):
        told = {"experiment": "a", "data": "b", "split": "c", "split_seed": 0, "seed": 0}
        content = json.dumps({**told, **content})
    (tmp_path / "evaluation.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    outcome = entered(report, str(tmp_path))
    assert outcome.code == 1
    assert re.match(r"nmrflow: .*(evaluation\.json|scores)", outcome.said)


def test_a_report_on_a_folder_that_cannot_be_read(entered: Entered, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert entered(report, "loop").code == 1
    assert entered(report, LONG).code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict", "CC", "-o", LONG + ".csv"], "File name too long"),
        (["predict", "CC", "-o", "loop.csv"], "symbolic links"),
        (["predict", "loop.csv"], "loop.csv"),
        (["predict", "CC", "-o", "/proc/a.csv"], "/proc/a.csv: cannot be written"),
        (["examples", "/proc/a"], "cannot be written"),
        (["examples", LONG], "File name too long"),
        (["examples", "loop.csv"], "cannot be written"),
        (["elucidate", "~nobody-of-that-name/a.txt"], "nobody-of-that-name"),
        (["elucidate", "/dev/zero"], "a line of more than"),
    ],
    ids=range(9),
)
def test_commands(
    arguments: list[str],
    said: str,
    entered: Entered,
    make_flow: Callable[..., TrainedFlow],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flow = make_flow()
    monkeypatch.setattr(settings, "load", lambda _: flow)
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    outcome = entered(app, *arguments)
    assert outcome.code == 1
    assert outcome.said.startswith("nmrflow: ")
    assert said in outcome.said


def test_files_are_written_where_nobody_reads_the_screen(
    make_flow: Callable[..., TrainedFlow],
    moments: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flow = make_flow()
    monkeypatch.setattr(settings, "load", lambda _: flow)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.smi").write_text("CC\nCCC\n" * 200)

    def unread(*typed: str) -> Callable[[], object]:
        def run() -> object:
            reader, writer = os.pipe()
            os.close(reader)
            os.dup2(writer, 1)
            sys.stdout = os.fdopen(1, "w")
            return app([*typed, "--threads", "1"])

        return run

    outcome = moments.run(unread("predict", "a.smi", "CCCC", "-o", "a.csv"))
    assert (outcome.code, outcome.said) == (0, "")
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 402
    outcome = moments.run(unread("predict", "a.smi"))
    assert (outcome.code, outcome.said) == (1, "")
