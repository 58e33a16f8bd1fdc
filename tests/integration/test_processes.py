"""Two processes, started as a user starts them, train as one with twice the batch does."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pandas as pd
import pytest
from hydra import compose, initialize_config_module
from hydra.types import RunMode

from nmrflow.console import quiet_libraries
from nmrflow.errors import ConfigError
from nmrflow.train import train
from nmrflow.training import processes
from nmrflow.training.processes import check_processes

pytestmark = pytest.mark.slow

SMALL = (
    "n_threads=1",
    "data=revmolspec",
    "logger=csv",
    "scoring.n_samples=2",
)
PUBLISHED = ("+experiment=baseline", "model=irevnet_small", "trainer.max_epochs=2")
ELUCIDATION = (
    "+experiment=elucidation",
    "model.flow.nodes.structure.conditional.width=24",
    "model.flow.nodes.structure.conditional.n_layers=1",
    "model.flow.nodes.structure.conditional.n_heads=2",
    "model.flow.nodes.structure.conditional.bfloat16=false",
    "model.forward.n_networks=1",
    "model.forward.width=8",
    "model.forward.n_steps=1",
    "stages.shifts.fine_tuning_epochs=1",
    "stages.corpus.n=50",
    "stages.bonds.n_molecules=512",
    "stages.bonds.n_epochs=2",
    "stages.bonds.share_measured=0.1",
)


def run_two(folder: Path, table: Path, *overrides: str) -> str:
    """Through the command line, in two processes; what they said."""
    command = [sys.executable, "-m", "nmrflow.train", *overrides, *SMALL, f"data.path={table}"]
    together = ["trainer.devices=2", "trainer.strategy=ddp", f"hydra.run.dir={folder}"]
    done = subprocess.run([*command, *together], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_one(folder: Path, table: Path, *overrides: str) -> None:
    """In this process."""
    quiet_libraries()
    with initialize_config_module("nmrflow.conf", version_base="1.3"):
        config = compose("train", [*overrides, *SMALL, f"data.path={table}"])
    train(config, folder)


def assert_same_epochs(one: Path, two: Path) -> None:
    expected, found = (pd.read_csv(folder / "metrics.csv") for folder in (one, two))
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-5)


def test_the_published_network(table: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    run_one(one, table, *PUBLISHED, "batch_size=32")
    said = run_two(two, table, *PUBLISHED, "batch_size=16")
    assert_same_epochs(one, two)
    assert said.count("epoch") == 1  # one process speaks
    scores = json.loads((two / "evaluation.json").read_text())
    assert scores["n_train"] % 32 not in (0, 1)  # the last batch is a smaller one, for both
    assert len(scores["epochs"]) == 2


def test_stages(table: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    run_one(one, table, *ELUCIDATION, "batch_size=32", "stages.bonds.batch_size=32")
    said = run_two(two, table, *ELUCIDATION, "batch_size=16", "stages.bonds.batch_size=16")
    assert_same_epochs(one, two)
    bonds = [
        json.loads((folder / "stages/bonds/done.json").read_text())["facts"]["bonds_nats"]
        for folder in (one, two)
    ]
    assert bonds[1] == pytest.approx(bonds[0], abs=1e-5)
    for stage in ("shifts", "corpus", "bonds"):
        assert said.count(f"stage {stage}: begins") == 1
    for file in (one / "stages/corpus").glob("*.npy"):
        assert (two / "stages/corpus" / file.name).read_bytes() == file.read_bytes()


@pytest.fixture
def trainer_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], pl.Trainer]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # is set where nobody has

    def make(strategy: str) -> pl.Trainer:
        return pl.Trainer(
            accelerator="cpu", devices=2, strategy=strategy, logger=False, barebones=True
        )

    return make


def test_processes_that_would_begin_in_the_middle_are_refused(
    trainer_of: Callable[[str], pl.Trainer],
) -> None:
    check_processes(trainer_of("ddp"), n_threads=1)
    with pytest.raises(ConfigError, match="give ddp"):
        check_processes(trainer_of("ddp_spawn"), n_threads=1)


def test_a_multirun_of_them_is_refused(
    trainer_of: Callable[[str], pl.Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Multirun:
        mode = RunMode.MULTIRUN

        @staticmethod
        def initialized() -> bool:
            return True

        @classmethod
        def get(cls) -> type["Multirun"]:
            return cls

    monkeypatch.setattr(processes, "HydraConfig", Multirun)
    with pytest.raises(ConfigError, match="run by run"):
        check_processes(trainer_of("ddp"), n_threads=1)
    alone = pl.Trainer(accelerator="cpu", devices=1, logger=False, barebones=True)
    check_processes(alone, n_threads=1)
