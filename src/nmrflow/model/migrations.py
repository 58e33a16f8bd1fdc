"""Checkpoints of earlier formats, lifted to the present one."""

from collections.abc import Callable, Mapping
from typing import Any

Plain = dict[str, Any]

_RENAMED = {
    "nmrflow.chem.codec.": "nmrflow.chem.codecs.published.",
    "nmrflow.stages.": "nmrflow.training.stages.",
    "nmrflow.optimizer.": "nmrflow.training.optimizer.",
    "nmrflow.callbacks.EpochWandbLogger": "nmrflow.training.tracking.EpochWandbLogger",
    "nmrflow.callbacks.": "nmrflow.training.callbacks.",
    "nmrflow.flow.Bond": "nmrflow.flow.Structure",
}
_ELUCIDATING = "nmrflow.flow.StructureFlow"
_PUBLISHED = {
    "n_blocks": [2, 2, 4, 6, 8],
    "coupling": {
        "_target_": "nmrflow.flow.AdditiveCoupling",
        "_partial_": True,
        "subnet": {"_target_": "nmrflow.flow.ConvSubnet", "_partial_": True},
    },
}


def from_1(checkpoint: Plain) -> Plain:
    """Format 1: two classes of flow, the forward side within one of them, 760 cells of filler.

    Its classes had other places. A z was drawn as 896 normal numbers, of which 136 carried the
    structure: as many are drawn on, so that a seed means what it meant.
    """
    about = _renamed(checkpoint["nmrflow"])
    config, state = about["config"], checkpoint["state_dict"]
    model = config["model"]
    if model["flow"]["_target_"] == _ELUCIDATING:
        about["config"] = {
            **config,
            "model": _elucidating(model),
            "ranking": {"density_weight": 0.75, **config.get("ranking", {})},
        }
        state = {_renamed_weight(name): weight for name, weight in state.items()}
    else:
        given = {key: model["flow"][key] for key in _PUBLISHED if key in model["flow"]}
        nodes = {"_target_": "nmrflow.flow.IRevNet", **_PUBLISHED, **given}
        flow = {"_target_": "nmrflow.flow.Flow", "nodes": nodes}
        about["config"] = {**config, "model": {**model, "flow": flow}}
    return {**checkpoint, "nmrflow": about, "state_dict": state}


def _elucidating(model: Plain) -> Plain:
    flow, forward = model["flow"], dict(model["flow"]["spectrum"])
    forward.pop("_partial_", None)
    structure = {key: flow[key] for key in ("conditional", "floor") if key in flow}
    return {
        "domain": {
            "_target_": "nmrflow.chem.domain.Domain",
            "atom_types": [["C", 0, 4]],
            "min_atoms": 2,
            "max_atoms": 17,
        },
        "codec": {"_target_": "nmrflow.chem.codecs.table.TableCodec"},
        "axis": model["axis"],
        "forward": {**forward, "_target_": "nmrflow.shifts.forward.EnsembleForward"},
        "flow": {
            "_target_": "nmrflow.flow.Flow",
            "draw_width": 896,
            "nodes": {
                "spectrum": {"_target_": "nmrflow.flow.SpectrumCoupling", "_partial_": True},
                "structure": {
                    "_target_": "nmrflow.flow.StructureCoupling",
                    "_partial_": True,
                    **structure,
                },
            },
        },
    }


def _renamed_weight(name: str) -> str:
    for old, new in (
        ("flow.inn.module_list.1.subnet.", "forward_side."),
        ("flow.inn.module_list.2.", "flow.inn.module_list.1."),
    ):
        if name.startswith(old):
            name = new + name.removeprefix(old)
    return name.replace(".state.atoms_left.weight", ".state.atoms_left.0.weight")


def _renamed(node: Any) -> Any:  # noqa: ANN401 - plain values
    if isinstance(node, Mapping):
        return {key: _renamed(value) for key, value in node.items()}
    if isinstance(node, str) and node != _ELUCIDATING:
        for old, new in _RENAMED.items():
            if node.startswith(old):
                return new + node.removeprefix(old)
    return node


MIGRATIONS: dict[int, Callable[[Plain], Plain]] = {1: from_1}
"""From a format number to the function that lifts a checkpoint to the next one."""
