"""What a checkpoint may hold, checked before anything is built from it: files come from strangers.

torch refuses what is no tensor or plain value; it says nothing of which.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from nmrflow.errors import CheckpointError, ConfigError
from nmrflow.limits import MAX_NESTING, MAX_PART_SIZE

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_KINDS = (*_FLOATS, torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_TOLD = {
    "config": Mapping,
    "data": str,
    "data_sha256": str,
    "split": str,
    "split_seed": int,
    "split_sha256": str,
    "n_train": int,
    "n_validation": int,
    "training_side": Mapping,
}
_CONFIGURED = {"name": str, "seed": int, "model": Mapping, "data": Mapping, "split": Mapping}
_RESUMED = {
    "epoch": int,
    "global_step": int,
    "pytorch-lightning_version": str,
    "state_dict": Mapping,
    "loops": Mapping,
    "callbacks": Mapping,
    "optimizer_states": list,
    "lr_schedulers": list,
}
_MEASURED = ("mean_logit_true", "mean_logit_false")


def check_plain(node: Any, place: str, depth: int = 0) -> None:  # noqa: ANN401 - whatever is there
    """Refuse what is no number, text, list or mapping.

    Raises:
        CheckpointError: If something in a node is a tensor or the like, or lies too deep.
    """
    if depth > MAX_NESTING:
        raise CheckpointError(f"{place[:60]}...: more than {MAX_NESTING} nodes within each other")
    if isinstance(node, Mapping):
        for key, value in node.items():
            if not isinstance(key, str | int | float):
                raise CheckpointError(f"{place}: has a key that is a {type(key).__name__}")
            check_plain(value, f"{place}.{key}", depth + 1)
    elif isinstance(node, list | tuple):
        for k, value in enumerate(node):
            check_plain(value, f"{place}[{k}]", depth + 1)
    elif node is not None and not isinstance(node, str | int | float):
        raise CheckpointError(f"{place}: is a {type(node).__name__}, and no plain value")


def check_weights(weights: Any) -> None:  # noqa: ANN401 - whatever is there
    """Refuse weights that no training leaves.

    Raises:
        CheckpointError: If they are no mapping of names to dense tensors of ordinary numbers, one
            is larger than what the file holds of it, or one holds infinities or NaN.
    """
    if not isinstance(weights, Mapping):
        raise CheckpointError(f"its weights are a {type(weights).__name__}, and no mapping")
    for name, weight in weights.items():
        if not isinstance(name, str) or not isinstance(weight, Tensor):
            raise CheckpointError(f"weight {name!r} is a {type(weight).__name__}, and no tensor")
        if weight.layout != torch.strided or weight.dtype not in _KINDS or not weight.is_cpu:
            raise CheckpointError(f"weight {name} is no dense tensor of ordinary numbers")
        if weight.numel() * weight.element_size() > weight.untyped_storage().nbytes():
            raise CheckpointError(f"weight {name} claims to be larger than it is")
        if not _is_finite(weight):
            raise CheckpointError(f"weight {name} is not finite everywhere (NaN or infinity)")


def check_description(about: Mapping[str, Any]) -> None:
    """Refuse an account of a network that answers could not be made from.

    Args:
        about: What stands under :data:`nmrflow.model.checkpoint.KEY`.

    Raises:
        CheckpointError: If something is missing, of another type, not finite, or too large.
    """
    _check_types(about, _TOLD, "")
    config, side = about["config"], about["training_side"]
    _check_types(config, _CONFIGURED, "config.")
    measured = _MEASURED if config["model"].get("flow") is not None else ()
    _check_types(side, dict.fromkeys(measured, float), "training_side.")
    thresholds = side.get("logit_thresholds") or []
    rankings = [config.get(key) or {} for key in ("ranking", "proposal_ranking")]
    if not isinstance(thresholds, list) or not all(isinstance(r, Mapping) for r in rankings):
        raise CheckpointError("config.ranking or training_side.logit_thresholds has no such form")
    weights = [number for ranking in rankings for number in ranking.values()]
    for number in (*thresholds, *weights, *(side[name] for name in measured)):
        if type(number) not in (int, float) or not math.isfinite(number):
            raise CheckpointError(f"tells {number!r} where a finite number is needed")


def check_resumable(checkpoint: Mapping[str, Any]) -> None:
    """Refuse a checkpoint that lacks what a training needs to go on; raises as the others."""
    _check_types(checkpoint, _RESUMED, "")
    for place in ("loops", "callbacks"):
        if not all(isinstance(state, Mapping) for state in checkpoint[place].values()):
            raise CheckpointError(f"{place} are not as Lightning leaves them; it is damaged")


def load_weights(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put weights into a module.

    Args:
        module: As its configuration makes it.
        weights: Its own, by name, checked by :func:`check_weights`.

    Raises:
        CheckpointError: If names, shapes or kinds of numbers are others than the module's.
    """
    for name, own in module.state_dict().items():
        given = weights.get(name, own)
        is_float = {one.dtype in _FLOATS for one in (own, given)}
        if len(is_float) > 1 or (is_float == {False} and own.dtype != given.dtype):
            raise CheckpointError(f"weight {name} is of {given.dtype}, and not of {own.dtype}")
    try:
        module.load_state_dict(dict(weights))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"weights and configuration disagree ({reason})") from error


@contextmanager
def no_larger_than(weights: Mapping[str, Tensor] | None) -> Iterator[None]:
    """Within it modules are built, and none beyond what there are weights for.

    Args:
        weights: Those of the module; None: it may have any size.

    Raises:
        CheckpointError: From within, as soon as there are twice as many parameters, or numbers
            in them, as weights (some are registered twice), and before any is filled.
    """
    if weights is None:
        yield
        return
    left = [2 * len(weights), 2 * sum(weight.numel() for weight in weights.values())]

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:  # noqa: ARG001
        if parameter is not None:
            left[0] -= 1
            left[1] -= parameter.numel()
            if min(left) < 0:
                raise CheckpointError(
                    "weights and configuration disagree (it describes a larger network)"
                )

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _is_finite(weight: Tensor) -> bool:
    # torch's own shares small arrays among threads, which takes a hundred times as long.
    numbers = weight.float() if weight.dtype == torch.bfloat16 else weight
    return bool(np.isfinite(numbers.detach().numpy()).all())


def _check_types(node: Mapping[str, Any], expected: Mapping[str, type], place: str) -> None:
    for name, kind in expected.items():
        if name not in node:
            raise CheckpointError(f"lacks {place}{name}; it is incomplete")
        value = node[name]
        fits = type(value) in (int, float) if kind is float else isinstance(value, kind)
        if not fits or isinstance(value, bool):
            raise CheckpointError(f"{place}{name} is a {type(value).__name__}; it is damaged")


def check_sizes(node: Any, place: str) -> None:  # noqa: ANN401 - plain values
    """Refuse whole numbers that are no size of a network's part, before anything is made so large.

    Raises:
        ConfigError: If one in a node is beyond :data:`MAX_PART_SIZE`.
    """
    if isinstance(node, Mapping):
        for key, value in node.items():
            check_sizes(value, f"{place}.{key}")
    elif isinstance(node, list | tuple):
        for k, value in enumerate(node):
            check_sizes(value, f"{place}[{k}]")
    elif isinstance(node, int) and abs(node) > MAX_PART_SIZE:
        raise ConfigError(f"{place} is {node:,}; {MAX_PART_SIZE:,} is the most")
