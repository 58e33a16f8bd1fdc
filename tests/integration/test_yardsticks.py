"""The command that computes yardsticks, on trained runs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nmrflow.evaluation.scores_file import EVALUATION, read_yardsticks
from nmrflow.evaluation.yardsticks import __main__ as command
from nmrflow.evaluation.yardsticks.cache import cached
from nmrflow.evaluation.yardsticks.cases import find_cases
from nmrflow.evaluation.yardsticks.compute import Settings, compute_yardsticks

SMALL = ("--corpus-size", "300", "--networks", "1", "--epochs", "2")
SETTINGS = Settings(300, 1, 2)


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["nmrflow.evaluation.yardsticks", *arguments])
    command.main()


def test_yardsticks_of_a_run(
    finished_run: Path,
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NMRFLOW_CACHE", str(tmp_path / "cache"))
    runs = tmp_path / "runs"
    for name in "ab":  # Two runs on the same split have the same yardsticks.
        shutil.copytree(finished_run, runs / name)
    run_command(monkeypatch, str(runs), "--data", str(table), *SMALL)
    out = capsys.readouterr().out
    assert "1 split(s), 1 to compute" in out
    assert "structure/coverage" in out

    run_command(monkeypatch, str(runs), "--data", str(table), *SMALL)
    assert "1 split(s), 0 to compute" in capsys.readouterr().out

    (case,) = find_cases(runs, str(table))
    found = cached(case.sides, case.axis, SETTINGS)
    assert found is not None
    stored = json.loads((finished_run / EVALUATION).read_text())
    assert found["conditions"]["n"] == stored["n"]
    assert found["conditions"]["n_train"] == stored["n_train"]
    names = ("data", "split", "split_seed", "split_sha256")
    assert case.conditions == {name: stored[name] for name in names}
    (written,) = read_yardsticks(runs)
    assert written == {**found, "conditions": case.conditions | found["conditions"]}
    # Generated data follow rules: even two epochs and its neighbours tell something.
    assert found["nearest_neighbour"]["spectrum/f1_micro"] > 0.2
    assert 0 < found["lookup"]["structure/coverage"] <= 1


def test_changed_data_are_refused(
    finished_run: Path,
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    stored = json.loads((run / EVALUATION).read_text())
    (run / EVALUATION).write_text(json.dumps(stored | {"split_sha256": "0" * 64}))
    with pytest.raises(SystemExit) as left:
        run_command(monkeypatch, str(tmp_path), "--data", str(table), *SMALL)
    assert left.value.code == 1
    assert "is no longer the data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "train first"), ("{", "no file of scores"), ("{}", "lacks data")],
)
def test_folders_without_runs_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    reason: str,
) -> None:
    if content is not None:
        (tmp_path / EVALUATION).write_text(content)
    with pytest.raises(SystemExit):
        run_command(monkeypatch, str(tmp_path))
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--jobs", "--threads", "--epochs"])
def test_impossible_options_are_refused(
    option: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        run_command(monkeypatch, str(tmp_path), option, "0")
    assert "is needed" in capsys.readouterr().err


@pytest.mark.slow
def test_two_splits_in_two_processes(
    finished_run: Path, table: Path, train_small, tmp_path: Path
) -> None:
    """As a command of its own: what a process of its own can find differs from in here."""
    runs = tmp_path / "runs"
    shutil.copytree(finished_run, runs / "0")
    shutil.copytree(train_small("split.seed=1", "trainer.max_epochs=1"), runs / "1")
    subprocess.run(
        [
            *(sys.executable, "-m", "nmrflow.evaluation.yardsticks", str(runs)),
            *("--data", str(table), *SMALL, "--jobs", "2"),
        ],
        env={**os.environ, "NMRFLOW_CACHE": str(tmp_path / "cache")},
        check=True,
    )
    written = read_yardsticks(runs)
    assert [entry["conditions"]["split_seed"] for entry in written] == [0, 1]
    # The same as one process computes; only the time differs.
    case = find_cases(runs, str(table))[1]
    alone = compute_yardsticks(case.sides, case.axis, SETTINGS)
    assert all(written[1][name] == alone[name] for name in command.NAMES)
