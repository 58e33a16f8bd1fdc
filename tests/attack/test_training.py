"""Trainings killed, or without space, at file events: they go on to the same digits."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_module

from nmrflow.console import quiet_libraries
from nmrflow.data.records import Record
from nmrflow.data.sources.embedded import Embedded
from nmrflow.train import train

# Where a training goes on its folder has files from before, and Lightning says so.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*exists and is not empty"),
]

SMALL = ["scoring.n_samples=1", "trainer.max_epochs=2", "logger=csv", "n_threads=1"]
KINDS = {
    "published": [
        "+experiment=baseline",
        "data=revmolspec",
        "model=irevnet_small",
        "batch_size=8",
    ],
    "stages": [
        "+experiment=elucidation",
        "model.flow.nodes.structure.conditional.width=16",
        "model.flow.nodes.structure.conditional.n_layers=1",
        "model.flow.nodes.structure.conditional.n_heads=2",
        "model.forward.n_networks=1",
        "model.forward.width=8",
        "model.forward.n_steps=1",
        "stages.shifts.fine_tuning_epochs=1",
        "stages.corpus.n=20",
        "stages.bonds.n_molecules=64",
        "stages.bonds.n_epochs=2",
        "stages.bonds.batch_size=32",
        "stages.bonds.share_measured=0.1",
        "trainer.max_epochs=1",
    ],
}
Work = Callable[[Path], None]


@pytest.fixture(scope="module")
def table(write_table: Callable[[Sequence[Record]], Path]) -> Path:
    """30 generated molecules in the paper's format."""
    return write_table(Embedded().read().records[::48][:30])


@pytest.fixture(scope="module", params=KINDS)
def work(request: pytest.FixtureRequest, table: Path) -> Work:
    """A training in a folder, which goes on from what it finds there."""
    quiet_libraries()
    overrides = [*SMALL, *KINDS[request.param], f"data.path={table}"]
    with initialize_config_module("nmrflow.conf", version_base="1.3"):
        config = compose("train", overrides)

    def run(folder: Path) -> None:
        own = config.copy()
        if (folder / "checkpoints" / "last.ckpt").exists():
            own["resume"] = str(folder)
        train(own, folder)

    return run


@pytest.fixture(scope="module")
def whole(work: Work, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole")
    work(folder)
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(folder / "checkpoints/last.ckpt")["state_dict"]
    return found


@pytest.mark.parametrize("happens", ["killed", "stopped", "full"])
def test_it_goes_on_to_the_same_digits(
    work: Work, whole: Path, happens: str, moments: Any, tmp_path: Path
) -> None:
    few = "killed" if (whole / "stages").exists() else "full"
    if moments.are_few and happens != few:
        pytest.skip("of few attacks, one on each kind of training")
    counted = moments.run(lambda: work(tmp_path / "counted"), happens, -1)
    assert counted.code == 0, counted.said
    for at in moments.some(counted.n_events, cost=10):
        folder = tmp_path / f"{at}"
        folder.mkdir()
        broken = moments.run(lambda folder=folder: work(folder), happens, at)
        assert "Traceback" not in broken.said
        if happens == "full" and broken.code:
            assert "No space left on device" in broken.said
            assert not list(folder.rglob(".*.unfinished"))
        else:
            assert broken.code in (0, -9, 143), broken.said
        if not (folder / "evaluation.json").exists():
            again = moments.run(lambda folder=folder: work(folder))
            assert again.code == 0, (at, again.said)
        assert_same(whole, folder)


def assert_same(whole: Path, folder: Path) -> None:
    """Whether one training ended as another, to the last digit."""
    there, own = (json.loads((path / "evaluation.json").read_text()) for path in (whole, folder))
    assert own == there
    for name, weight in weights(whole).items():
        assert torch.equal(weight, weights(folder)[name]), name
    assert (folder / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
    assert {path.name for path in folder.iterdir()} - {".lock"} == {
        path.name for path in whole.iterdir()
    }


def test_whatever_a_kill_leaves_is_gone_on_from(
    work: Work, whole: Path, moments: Any, tmp_path: Path
) -> None:
    if moments.are_few:
        pytest.skip("of few attacks, some are killed outright")
    folder, into = tmp_path / "run", tmp_path / "left"
    counted = moments.left_behind(lambda: work(folder), folder, into)
    assert counted.code == 0, counted.said
    for left in sorted(into.iterdir(), key=lambda path: int(path.name)):
        shutil.rmtree(folder)
        left.rename(folder)
        if not (folder / "evaluation.json").exists():
            again = moments.run(lambda: work(folder))
            assert again.code == 0, (left.name, again.said)
        assert_same(whole, folder)
