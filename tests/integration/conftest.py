"""A small table of real form, made of generated molecules, and trainings on it."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra

from nmrflow.console import quiet_libraries
from nmrflow.data.records import Record
from nmrflow.data.sources.embedded import Embedded
from nmrflow.errors import run_with_hydra
from nmrflow.evaluation.paper import conditional
from nmrflow.evaluation.scoring import Scores
from nmrflow.metrics import probes
from nmrflow.train import main, train

SMALL = (
    "model=irevnet_small",
    "batch_size=32",
    "+experiment=baseline",
    "data=revmolspec",
    "scoring.n_samples=5",
)

METRICS = json.loads((Path(__file__).parents[1] / "golden/metrics.json").read_text())
"""Rows of ``metrics.csv`` of short trainings, as they were in the days of checkpoint format 1.

On the machine that wrote them they come out equal to the last digit; another processor sums in
another order.
"""


@contextmanager
def quick_scores() -> Iterator[None]:
    """Scores of what hardly was trained: of fewer molecules, and probes that give up sooner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conditional, "N_DISTURBED", 4)
        patch.setattr(probes, "_STEPS", 20)
        yield


@pytest.fixture(scope="module", autouse=True)
def _quick_scores() -> Iterator[None]:
    with quick_scores():
        yield


Train = Callable[..., Path]
TrainIn = Callable[..., Scores]


@pytest.fixture(scope="session")
def table(write_table: Callable[[Sequence[Record]], Path]) -> Path:
    """120 generated molecules in the paper's format."""
    return write_table(Embedded().read().records[::12][:120])


@pytest.fixture(scope="session")
def short(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first twelve rows of the table."""
    file = tmp_path_factory.mktemp("short") / "short.csv"
    file.write_text("".join(table.read_text().splitlines(keepends=True)[:13]))
    return file


@pytest.fixture(scope="session")
def check_metrics() -> Callable[[str, Path], None]:
    """Compares the numbers of a run's folder with the recorded ones of a name."""

    def check(name: str, run_dir: Path) -> None:
        with (run_dir / "metrics.csv").open() as stream:
            rows = list(csv.DictReader(stream))
        for row, told in zip(rows, METRICS[name], strict=True):
            assert row.keys() == told.keys()
            numbers = {key: float(value) for key, value in told.items() if value}
            assert {key for key, value in row.items() if value} == numbers.keys()
            found = {key: float(row[key]) for key in numbers}
            assert found == pytest.approx(numbers, rel=1e-3, abs=1e-4)

    return check


@pytest.fixture(scope="session")
def train_in(table: Path) -> TrainIn:
    """Trains a small network on the table, in this process and a given folder."""
    quiet_libraries()

    def run(run_dir: Path, *overrides: str) -> Scores:
        with initialize_config_module("nmrflow.conf", version_base="1.3"):
            config = compose("train", [*SMALL, f"data.path={table}", "logger=csv", *overrides])
        with quick_scores():  # Before a module's own begin: this may be asked for earlier.
            return train(config, run_dir)

    return run


@pytest.fixture(scope="session")
def train_small(train_in: TrainIn, tmp_path_factory: pytest.TempPathFactory) -> Train:
    """The same in a folder of its own, which it returns."""

    def run(*overrides: str) -> Path:
        run_dir = tmp_path_factory.mktemp("run")
        train_in(run_dir, *overrides)
        return run_dir

    return run


@pytest.fixture(scope="session")
def finished_run(train_small: Train) -> Path:
    """Four epochs, seed 0."""
    return train_small("trainer.max_epochs=4", "scoring.complete=true")


@pytest.fixture(scope="session")
def brief_run(train_small: Train) -> Path:
    """The first of these epochs, scored in brief."""
    return train_small("trainer.max_epochs=1")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Calls the command with arguments, in this process and a folder."""

    def call(*arguments: str, cwd: Path) -> None:
        monkeypatch.chdir(cwd)
        GlobalHydra.instance().clear()
        monkeypatch.setattr(sys, "argv", ["train", *arguments])
        monkeypatch.setenv("HYDRA_FULL_ERROR", "")  # as it is set by what follows, for good
        run_with_hydra(main)

    return call
