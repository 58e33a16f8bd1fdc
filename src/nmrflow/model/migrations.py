"""Checkpoints of earlier formats, lifted to the present one."""

from collections.abc import Mapping
from typing import Any

_RENAMED = {
    "nmrflow.chem.canonical.": "nmrflow.chem.codecs.table.",
    "nmrflow.chem.codec.": "nmrflow.chem.codecs.published.",
    "nmrflow.shifts.subnet.": "nmrflow.shifts.forward.",
    "nmrflow.stages.": "nmrflow.training.stages.",
    "nmrflow.optimizer.": "nmrflow.training.optimizer.",
    "nmrflow.callbacks.EpochWandbLogger": "nmrflow.training.tracking.EpochWandbLogger",
    "nmrflow.callbacks.": "nmrflow.training.callbacks.",
}


def from_1(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Format 1 had its classes at other places."""
    return {**checkpoint, "nmrflow": _renamed(checkpoint["nmrflow"])}


def _renamed(node: Any) -> Any:  # noqa: ANN401 - plain values
    if isinstance(node, Mapping):
        return {key: _renamed(value) for key, value in node.items()}
    if isinstance(node, str):
        for old, new in _RENAMED.items():
            if node.startswith(old):
                return new + node.removeprefix(old)
    return node
