"""A checkpoint is looked at before anything is built from it: no answer from a damaged one."""

import copy
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import nmrflow
from nmrflow.errors import CheckpointError
from nmrflow.limits import MAX_DOMAIN_ATOMS, MAX_PART_SIZE
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.trained import TrainedFlow

Plain = dict[str, Any]
CENTRES = "forward_side.ensemble.networks.0.leave.3.bias"


@pytest.fixture(scope="module")
def whole(
    small_model: Callable[..., Plain], make_flow: Callable[..., TrainedFlow]
) -> Callable[[], Plain]:
    """Gives the content of a checkpoint that can be asked, to be changed at will."""
    model = small_model()
    trained = make_flow(model, dtype=torch.float32)
    assert trained.network.forward is not None
    weights = {f"flow.{n}": w for n, w in trained.flow.state_dict().items()}
    weights |= {f"forward_side.{n}": w for n, w in trained.network.forward.state_dict().items()}
    source = {"_target_": "nmrflow.data.sources.embedded.Embedded"}
    split = {"_target_": "nmrflow.data.splits.StructureSplit", "seed": 0}
    about = {
        **checkpoints.describe_software(),
        "config": {
            "name": "small",
            "seed": 0,
            "model": model,
            "data": source,
            "split": split,
            "ranking": {"log_p_weight": 1.0},
        },
        "data": "embedded",
        "data_path": None,
        "data_sha256": "0",
        "split": "structure",
        "split_seed": 0,
        "split_sha256": "0",
        "n_train": 3,
        "n_validation": 2,
        "training_side": {
            "mean_logit_true": 1.0,
            "mean_logit_false": -1.0,
            "structure_hashes": [],
            "logit_thresholds": [0.0] * 128,
        },
    }
    return lambda: copy.deepcopy({checkpoints.KEY: about, "state_dict": weights})


def refusal(content: Plain, file: Path) -> str:
    torch.save(content, file)
    with pytest.raises(CheckpointError) as refused:
        nmrflow.load_checkpoint(file)
    said = str(refused.value)
    assert said.startswith(f"{file}: ")
    return said


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "last.ckpt"


def test_a_whole_one_is_loaded(whole: Callable[[], Plain], file: Path) -> None:
    torch.save(whole(), file)
    (found,) = nmrflow.load_checkpoint(file).predict_shifts(["CCC"])
    assert math.isfinite(found.median_ppm.sum())


WEIGHTS: dict[str, tuple[Callable[[torch.Tensor], Any], str]] = {
    "NaN": (lambda w: w.index_fill(0, torch.tensor([0]), math.nan), "not finite"),
    "infinity": (lambda w: w * math.inf, "not finite"),
    "bool": (lambda w: w > 0, r"of torch\.bool"),
    "whole numbers": (lambda w: w.long(), r"of torch\.int64"),
    "complex": (lambda w: w + 0j, "ordinary numbers"),
    "nowhere": (lambda w: w.to("meta"), "dense"),
    "eight bits": (lambda w: w.to(torch.float8_e4m3fn), "ordinary numbers"),
    "sparse": (lambda w: w.to_sparse(), "dense"),
    "another shape": (lambda w: w[:-1].clone(), "size mismatch"),
    "one number": (lambda w: w[0].clone(), "size mismatch"),
    "larger than it is": (lambda _: torch.zeros(1).expand(10**9), "larger than it is"),
    "a text": (lambda _: "weights", "no tensor"),
    "none": (lambda _: None, "no tensor"),
}


@pytest.mark.parametrize("change", WEIGHTS)
def test_weights_that_no_training_leaves_are_refused(
    change: str, whole: Callable[[], Plain], file: Path
) -> None:
    content = whole()
    make, said = WEIGHTS[change]
    content["state_dict"][CENTRES] = make(content["state_dict"][CENTRES])
    assert re.search(said, refusal(content, file))


@pytest.mark.parametrize("part", ["flow.", "forward_side."])
def test_missing_and_further_weights_are_named(
    part: str, whole: Callable[[], Plain], file: Path
) -> None:
    content = whole()
    name = next(name for name in content["state_dict"] if name.startswith(part))
    further = {**content, "state_dict": {**content["state_dict"], f"{part}more": torch.ones(1)}}
    assert "more" in refusal(further, file)
    content["state_dict"].pop(name)
    assert name.removeprefix(part) in refusal(content, file)
    assert "lacks 'state_dict'" in refusal({checkpoints.KEY: content[checkpoints.KEY]}, file)


CONFIGURED: dict[str, tuple[str, Any]] = {
    "networks": ("config.model.forward.n_networks", 10**9),
    "more networks than there are weights of": ("config.model.forward.n_networks", 60_000),
    "width": ("config.model.forward.width", 10**12),
    "a width of": ("config.model.forward.width", 65_000),
    "steps": ("config.model.forward.n_steps", 60_000),
    "components": ("config.model.forward.n_components", MAX_PART_SIZE + 1),
    "layers": ("config.model.flow.nodes.structure.conditional.n_layers", 50_000),
    "atoms": ("config.model.domain.max_atoms", MAX_DOMAIN_ATOMS + 1),
    "bins": ("config.model.axis.n_bins", 2**40),
    "draws": ("config.model.flow.draw_width", 10**10),
    "a domain's size": ("config.model.domain.max_atoms", "seventeen"),
    "no domain": ("config.model.domain", None),
    "no codec": ("config.model.codec", 3),
    "no nodes": ("config.model.flow.nodes", [1, 2]),
    "no model": ("config.model", "small"),
    "a class of others": ("config.model.codec._target_", "os.getcwd"),
    "thresholds": ("training_side.logit_thresholds", [math.nan] * 128),
    "few thresholds": ("training_side.logit_thresholds", [0.0] * 3),
    "a threshold of text": ("training_side.logit_thresholds", ["0"] * 128),
    "a mean": ("training_side.mean_logit_true", math.inf),
    "a ranking": ("config.ranking.log_p_weight", math.nan),
    "a ranking of others": ("config.ranking.other", 1.0),
    "a seed": ("split_seed", "0"),
    "a tensor": ("data", torch.zeros(1)),
    "a side": ("training_side", []),
}


@pytest.mark.parametrize("change", CONFIGURED)
def test_what_it_tells_of_itself_is_checked_before_it_is_built(
    change: str, whole: Callable[[], Plain], file: Path
) -> None:
    content = whole()
    place, value = CONFIGURED[change]
    *path, last = place.split(".")
    node = content[checkpoints.KEY]
    for key in path:
        node = node[key]
    node[last] = value
    refusal(content, file)


@pytest.mark.parametrize(
    "key", ["config", "training_side", "data", "split", "split_seed", "n_train", "split_sha256"]
)
def test_what_is_missing_is_named(key: str, whole: Callable[[], Plain], file: Path) -> None:
    content = whole()
    content[checkpoints.KEY].pop(key)
    assert f"lacks {key}" in refusal(content, file)


def test_what_is_nested_without_end_is_refused(whole: Callable[[], Plain], file: Path) -> None:
    content = whole()
    node: list[Any] = []
    for _ in range(400):
        node = [node]
    content[checkpoints.KEY]["deep"] = node
    assert "within each other" in refusal(content, file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in ("/dev/zero", "x" * 5000, "~nobody_at_all/x", tmp_path / "none"):
        with pytest.raises(CheckpointError):
            checkpoints.find(path)
