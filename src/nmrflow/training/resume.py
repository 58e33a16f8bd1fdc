"""Whether a checkpoint may be resumed under a configuration."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nmrflow.errors import CheckpointError
from nmrflow.evaluation.scores_file import EVALUATION
from nmrflow.files.reading import names_a_file
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.schema import check_description, check_resumable

_MUST_AGREE = ("data", "split", "model", "stages", "loss", "optimizer", "seed", "batch_size")


def find_resumable(path: str, description: Mapping[str, Any]) -> Path:
    """The checkpoint file to resume from, after checking that it continues this very run.

    Args:
        path: The checkpoint, or a run folder.
        description: Of the run that is starting (see :class:`nmrflow.training.module.FlowModule`).

    Raises:
        CheckpointError: If the checkpoint cannot be read, is of an earlier format, holds weights
            only, has all its epochs and scores, or belongs to other data, or to a configuration
            that differs in more than its length.
    """
    file = checkpoints.find(path)
    checkpoint = checkpoints.read(file)
    if (number := checkpoint[checkpoints.KEY]["format"]) != checkpoints.FORMAT:
        raise CheckpointError(
            f"{file}: an earlier nmrflow wrote it (format {number}); it can be loaded and scored, "
            "but not resumed: train anew"
        )
    if "optimizer_states" not in checkpoint:
        raise CheckpointError(f"{file}: holds weights only; resume from a last.ckpt")
    try:
        check_resumable(checkpoint)
        check_description(checkpoint[checkpoints.KEY])
    except CheckpointError as error:
        raise CheckpointError(f"{file}: {error}; resume from another") from error
    n_epochs, wanted = checkpoint["epoch"] + 1, description["config"]["trainer"]["max_epochs"]
    # A run that was killed while it was scored has all its epochs, and no scores yet.
    is_scored = n_epochs > wanted or (file.parent.parent / EVALUATION).exists()
    if n_epochs >= wanted and is_scored:
        raise CheckpointError(
            f"{file}: has {n_epochs} of {wanted} epochs; to go on give more as trainer.max_epochs"
        )
    earlier = checkpoint[checkpoints.KEY]
    before, now = _flatten(earlier["config"]), _flatten(description["config"])
    differences = [
        f"  {key}: {before.get(key)} then, {now.get(key)} now"
        for key in sorted(before.keys() | now.keys())
        if key.split(".")[0] in _MUST_AGREE
        and not names_a_file(key)
        and before.get(key) != now.get(key)
    ]
    if differences:
        raise CheckpointError(
            f"{file}: was trained under another configuration and cannot be resumed under this "
            "one\n" + "\n".join(differences) + "\nrepeat the overrides of the earlier run"
        )
    if earlier["data_sha256"] != description["data_sha256"]:
        raise CheckpointError(
            f"{file}: was trained on other data ({earlier['n_train']} + "
            f"{earlier['n_validation']} records of {earlier['data']}); give that file as data.path"
        )
    if (earlier.get("stages_sha256") or {}) != (description.get("stages_sha256") or {}):
        settings = [key for key in sorted(now) if key.startswith("stages.") and names_a_file(key)]
        raise CheckpointError(
            f"{file}: its stages were trained on other files; give those as {', '.join(settings)}"
        )
    return file


def configuration_digest(description: Mapping[str, Any]) -> str:
    """A digest of all that decides a finished run's numbers, wherever its files lie."""
    decisive = {
        key: value
        for key, value in _flatten(description["config"]).items()
        if key.split(".")[0] in (*_MUST_AGREE, "trainer", "n_threads", "scoring", "ranking")
        and not names_a_file(key)
    }
    digests = [description["data_sha256"], description.get("stages_sha256") or {}]
    text = json.dumps([decisive, *digests], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _flatten(node: Any, prefix: str = "") -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(node, Mapping):
        return {prefix: node}
    flat: dict[str, Any] = {}
    for key, value in node.items():
        flat |= _flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat
