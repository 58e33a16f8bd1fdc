"""The commands as a person calls them, and their errors as a person meets them."""

import functools
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

from nmrflow.evaluation.scores_file import flatten_scores, read_scores

SMALL = ("model=irevnet_small", "batch_size=32", "+experiment=baseline")


def run_process(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        arguments,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@functools.cache
def read_wandb(run_dir: Path) -> tuple[list[dict], dict]:
    """The history's rows and the summary of the one offline run in a folder."""
    (folder,) = run_dir.glob("wandb/offline-run-*")
    wandb = str(Path(sys.executable).with_name("wandb"))
    done = run_process(wandb, "leet", "inspect", "--json", str(folder), cwd=run_dir)
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    summary: dict = {}
    for entry in entries:
        if entry["type"] == "summary":
            summary |= entry["summary"]["update"]
    return [entry["history"]["item"] for entry in entries if entry["type"] == "history"], summary


def forked(call: Callable[..., None], said: Path, *arguments: str, cwd: Path) -> BaseProcess:
    """The same in a process of its own, which need not import anything; what it says in a file."""

    def work() -> None:
        with said.open("w") as stream:
            sys.stdout = sys.stderr = stream
            call(*arguments, cwd=cwd)

    # It has no threads that a child would wait for.
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


@pytest.fixture(scope="module")
def sweeps() -> dict[str, Path]:
    return {}


@pytest.fixture
def sweep(
    sweeps: dict[str, Path], typed, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A multirun of two splits with everything that is logged by default, made once.

    W&B's own variables name places outside, and nothing is written there.
    """
    if not sweeps:
        for name in ("ENTITY", "NAME", "RUN_GROUP", "NOTES", "JOB_TYPE", "TAGS", "HOST"):
            monkeypatch.setenv(f"WANDB_{name}", "../../../../x")
        inner = tmp_path / "a" / "b" / "c"
        inner.mkdir(parents=True)
        arguments = (
            "data=revmolspec",
            f"data.path={table}",
            "split.seed=0,1",
            "trainer.max_epochs=2",
            "scoring.complete=true",
            "scoring.n_samples=5",
            "hydra.sweep.dir=sweep",
        )
        said = tmp_path / "said"
        process = forked(typed, said, "-m", *SMALL, *arguments, cwd=inner)
        process.join()
        assert process.exitcode == 0, said.read_text()
        assert "checkpoints/last.ckpt" in said.read_text()
        sweeps["sweep"] = inner / "sweep"
        assert sorted(tmp_path.iterdir()) == [tmp_path / "a", said]
        assert [*inner.iterdir()] == [sweeps["sweep"]]
        assert [*inner.parent.iterdir(), *inner.parents[1].iterdir()] == [inner, inner.parent]
    return sweeps["sweep"]


@pytest.mark.slow
def test_a_multirun_is_one_folder_and_one_wandb_run_per_job(sweep: Path) -> None:
    jobs = sorted(sweep.glob("job*"))
    assert [job.name for job in jobs] == ["job0_split0_seed0", "job1_split1_seed1"]
    assert [[row["epoch"] for row in read_wandb(job)[0]] for job in jobs] == [[1, 2], [1, 2]]
    assert "=" not in "".join(p.name for p in sweep.rglob("*.ckpt"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["PROJECT", "RUN_ID"])
def test_wandb_writes_nowhere_else(
    name: str, typed, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"WANDB_{name}", "../../../../x")
    inner, said = tmp_path / "a" / "b", tmp_path / "said"
    inner.mkdir(parents=True)
    arguments = ("data=revmolspec", f"data.path={short}", "trainer.max_epochs=1")
    process = forked(typed, said, *SMALL, *arguments, "hydra.run.dir=run", cwd=inner)
    process.join()
    assert process.exitcode == 1
    assert "nmrflow: W&B refuses" in said.read_text()
    assert sorted(tmp_path.iterdir()) == [tmp_path / "a", said]
    assert [*inner.parent.iterdir(), *inner.iterdir()] == [inner, inner / "run"]


@pytest.mark.slow
def test_wandb_holds_the_scores_tables_and_pictures_of_each_job(sweep: Path) -> None:
    for job in sweep.glob("job*"):
        _, summary = read_wandb(job)
        evaluation = read_scores(job / "evaluation.json")
        scores = flatten_scores(evaluation)
        assert {name: summary[name] for name in scores} == scores
        assert scores["conditional/cd_local/0.01"] > 0
        (files,) = job.glob("wandb/offline-run-*/files")
        for name, rows in (
            ("examples", evaluation["examples"]),
            ("reliability", evaluation["calibration/reliability"]),
        ):
            assert summary[f"tables/{name}"]["nrows"] == len(rows)
            table = json.loads((files / summary[f"tables/{name}"]["path"]).read_text())
            assert table["columns"] == list(rows[0])
            assert table["data"] == [[str(value) for value in row.values()] for row in rows]
        pictures = {name for name in summary if name.startswith("pictures/")}
        assert pictures == {
            *(f"pictures/{name}" for name in ("learning_curves", "deviation", "reliability")),
            *(f"pictures/example_{number}" for number in range(4)),
        }
        for name in pictures:
            assert (files / summary[name]["path"]).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_numbers(
    typed, table: Path, train_small, tmp_path: Path
) -> None:
    killed = tmp_path / "killed"
    command = [*SMALL, "data=revmolspec", f"data.path={table}", "logger=csv", "n_threads=1"]
    command += ["scoring.n_samples=5", "trainer.max_epochs=300", f"hydra.run.dir={killed}"]
    process = forked(typed, tmp_path / "said", *command, cwd=tmp_path)
    metrics = killed / "metrics.csv"
    while not metrics.exists() or metrics.read_text().count("\n") < 4:
        assert process.is_alive(), "ended before it could be killed"
        time.sleep(0.02)
    process.kill()
    process.join()
    saved = torch.load(killed / "checkpoints/last.ckpt")["epoch"] + 1
    short = ["n_threads=1", f"trainer.max_epochs={saved + 2}"]
    whole, resumed = (train_small(*short, *more) for more in ([], [f"resume={killed}"]))
    assert (whole / "metrics.csv").read_text() == (resumed / "metrics.csv").read_text()


@pytest.mark.slow
def test_a_run_repeats_from_its_saved_configuration(typed, table: Path, tmp_path: Path) -> None:
    short = ["logger=csv", "trainer.max_epochs=1", "scoring.n_samples=5", "hydra.run.dir=first"]
    typed(*SMALL, "data=revmolspec", f"data.path={table}", *short, cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    saved = ["--config-path", str(tmp_path / "first/.hydra"), "--config-name", "config"]
    typed(*saved, "hydra.run.dir=again", cwd=elsewhere)
    numbers = [
        p.read_text() for p in (tmp_path / "first/metrics.csv", elsewhere / "again/metrics.csv")
    ]
    assert numbers[0] == numbers[1]


@pytest.mark.slow
def test_a_wheel_holds_the_configuration_and_trains_anywhere(short: Path, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    built = run_process(
        *pip, "wheel", "--no-deps", "--no-build-isolation", "-w", "dist", str(root), cwd=tmp_path
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("dist/*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    for config in (root / "conf").rglob("*.yaml"):
        assert f"nmrflow/conf/{config.relative_to(root / 'conf').as_posix()}" in names
    assert "nmrflow/data/embedded.csv.gz" in names
    done = run_process(
        sys.executable,
        "-c",
        # Ahead of the editable install, whose finder would otherwise come first.
        "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f)];"
        f"sys.path.insert(0, {str(tmp_path / 'site')!r});"
        "import nmrflow.train as t; print(t.__file__); t.main()",
        *SMALL,
        "logger=csv",
        "data=revmolspec",
        f"data.path={short}",
        "trainer.max_epochs=1",
        "scoring.complete=false",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "site") in done.stdout
    assert len(list(tmp_path.glob("runs/baseline/*/checkpoints/last.ckpt"))) == 1


@pytest.fixture
def refused(typed, short: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """The same in a folder of its own; returns what it says while it refuses them."""

    def call(*arguments: str) -> str:
        few = () if arguments[0].startswith("data") else ("data=revmolspec", f"data.path={short}")
        with pytest.raises(SystemExit) as left:
            typed(*SMALL, "logger=csv", *few, *arguments, cwd=tmp_path)
        said = capfd.readouterr()
        assert left.value.code not in (0, None)
        assert "Traceback" not in said.out + said.err
        return said.err

    return call


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["data=revmolspec", "data.path=none.csv"], ["none.csv", "no such file", "data.path"]),
        (["data=nmrshiftdb2"], ["data.path"]),
        (["sead=3"], ["sead"]),
        (["trainer.max_epoch=3"], ["max_epoch"]),
        (["data=nothing"], ["Available options", "embedded"]),
        (["split.seed=abc"], ["seed=abc", "whole number"]),
        (["split.validation_fraction=1.5"], ["validation_fraction", "between 0 and 1"]),
        (["trainer.max_epochs=abc"], ["max_epochs=abc"]),
        (["batch_size=0"], ["batch_size=0"]),
        (["optimizer.lr=-1"], ["optimizer", "-1"]),
        (["model.flow.nodes.n_blocks=[1,1,1,1,1,1]"], ["PixelDownsampling"]),
        (["loss.spectrum.slot=3"], ["slot", "3"]),
        (["data._target_=os.system"], ["os.system", "may not be built"]),
        (["resume=none.ckpt"], ["none.ckpt", "no such file"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_refused_in_words(refused, arguments: list[str], said: list[str]) -> None:
    message = refused(*arguments)
    for part in said:
        assert part in message


def test_a_truncated_checkpoint_is_refused(refused, finished_run: Path, tmp_path: Path) -> None:
    whole = (finished_run / "checkpoints/last.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    assert "damaged or cut off" in refused("resume=cut.ckpt")


class _Executes:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self):
        return Path.touch, (self.witness,)


@pytest.mark.parametrize("save", [torch.save, lambda o, p: Path(p).write_bytes(pickle.dumps(o))])
def test_a_checkpoint_with_a_pickled_object_is_refused_unopened(
    refused, tmp_path: Path, save
) -> None:
    witness = tmp_path / "executed"
    save({"nmrflow": {"format": 1}, "object": _Executes(witness)}, tmp_path / "evil.ckpt")
    assert "not loaded" in refused("resume=evil.ckpt")
    assert not witness.exists()


def test_a_checkpoint_whose_configuration_names_foreign_code_is_refused(
    finished_run: Path, tmp_path: Path
) -> None:
    from nmrflow import load_checkpoint
    from nmrflow.errors import CheckpointError

    checkpoint = torch.load(finished_run / "checkpoints/last.ckpt")
    codec = {"_target_": "os.mkdir", "path": str(tmp_path / "made")}
    checkpoint["nmrflow"]["config"]["model"]["codec"] = codec
    torch.save(checkpoint, tmp_path / "foreign.ckpt")
    with pytest.raises(CheckpointError, match=r"os\.mkdir"):
        load_checkpoint(tmp_path / "foreign.ckpt")
    assert not (tmp_path / "made").exists()
