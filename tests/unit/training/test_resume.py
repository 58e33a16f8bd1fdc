"""What makes two runs the same run."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from nmrflow.training.resume import configuration_digest

DESCRIPTION: dict[str, Any] = {
    "config": {
        "data": {"_target_": "nmrflow.data.sources.revmolspec.RevMolSpec", "path": "a.csv"},
        "split": {"_target_": "nmrflow.data.splits.StructureSplit", "seed": 0},
        "model": {"flow": {"n_blocks": [1, 1, 1, 1, 1]}},
        "loss": {"density": {"weight": 0.05}},
        "optimizer": {"lr": 0.001},
        "trainer": {"max_epochs": 5, "accelerator": "cpu"},
        "callbacks": {"progress": {}},
        "logger": {"csv": {"save_dir": "RUN"}},
        "seed": 0,
        "batch_size": 32,
        "n_threads": 1,
        "name": "baseline",
        "scoring": {"n_samples": 50, "seed": 0},
        "ranking": {"log_p_weight": 1.0},
        "stages": {
            "first": {"n_pretrained": 2, "source": {"path": "c.sdf", "table_path": "a.csv"}}
        },
        "keep_finished": False,
        "resume": None,
        "run_dir": "RUN",
    },
    "data_sha256": "abc",
    "data_path": "/data/a.csv",
    "stages_sha256": {"shifts": "def"},
}


def digest(place: str = "seed", value: object = 0) -> str:
    """Of the description with one value changed."""
    description = copy.deepcopy(DESCRIPTION)
    *path, last = place.split(".")
    node = description if last in description else description["config"]
    for key in path:
        node = node[key]
    node[last] = value
    return configuration_digest(description)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("seed", 1),
        ("batch_size", 16),
        ("data._target_", "nmrflow.data.sources.nmrshiftdb2.NmrShiftDb2"),
        ("split.seed", 1),
        ("model.flow.n_blocks", [1, 1, 1, 1, 2]),
        ("loss.density", None),
        ("loss.density.weight", 0.06),
        ("optimizer.lr", 0.01),
        ("trainer.max_epochs", 10),
        ("scoring.n_samples", 51),
        ("scoring.seed", 1),
        ("data_sha256", "abd"),
        ("trainer.gradient_clip_val", 0.5),
        ("n_threads", 2),
        ("ranking.log_p_weight", 0.5),
        ("stages.first.n_pretrained", 1),
        ("stages_sha256", {"shifts": "abc"}),
    ],
)
def test_what_decides_the_numbers_is_in_the_digest(place: str, value: object) -> None:
    assert digest(place, value) != digest()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("data.path", "elsewhere/b.csv"),
        ("data_path", "/elsewhere/b.csv"),
        ("stages.first.source.path", "elsewhere/c.sdf"),
        ("stages.first.source.table_path", "elsewhere/a.csv"),
        ("run_dir", "other"),
        ("keep_finished", True),
        ("resume", "last.ckpt"),
        ("name", "paper"),
        ("logger", None),
        ("callbacks", {}),
    ],
)
def test_what_does_not_is_not(place: str, value: object) -> None:
    assert digest(place, value) == digest()


def test_the_order_of_entries_does_not_matter() -> None:
    def backwards(node: Any) -> Any:
        if not isinstance(node, Mapping):
            return node
        return {key: backwards(node[key]) for key in reversed(node)}

    assert configuration_digest(backwards(DESCRIPTION)) == digest()
    assert len(digest()) == 64
