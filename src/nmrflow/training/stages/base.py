"""What a stage is, and how stages follow each other."""

import hashlib
import json
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nmrflow.console import say
from nmrflow.data.records import Record
from nmrflow.data.splits import records_hash
from nmrflow.errors import CheckpointError, ConfigError
from nmrflow.files import written_whole
from nmrflow.model.network import Network
from nmrflow.shifts.forward import EnsembleForward

_DONE = "done.json"
_BEGUN = "begun"


@dataclass(frozen=True)
class StageContext:
    """What a stage may see: the training side, and nothing of the validation side but names.

    Args:
        network: Encodings and flow; a stage trains its part of the flow, in place.
        train: Records of the training side.
        excluded: Connectivities that may teach nothing, whatever file they stand in: those of
            all records that are not on the training side.
        folder: Where this stage keeps its files.
        folders: Those of the stages before, by name.
        trainer: The run's Lightning trainer, as configured.
        seed: Of the run.
        n_threads: Of the run; as many processes, where they do better.
    """

    network: Network
    train: tuple[Record, ...]
    excluded: frozenset[str]
    folder: Path
    folders: Mapping[str, Path]
    trainer: Mapping[str, Any]
    seed: int
    n_threads: int = 1


class Stage(ABC):
    """One step of a training. To add one: a subclass, and an entry in ``stages`` of a YAML."""

    @abstractmethod
    def run(self, context: StageContext) -> dict[str, Any]:
        """Do the work, going on where an interrupted run has stopped.

        Returns:
            Facts for the checkpoint's ``training_side``, plain values.
        """

    @abstractmethod
    def load(self, context: StageContext) -> None:
        """Bring a stage that is done into the network."""

    def conditions(self, settings: Mapping[str, Any], model: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """What decides the result, beside the training side, the seed and the stages before.

        Args:
            settings: The stage's configuration.
            model: The model's.

        Returns:
            Plain values; all of both, unless a stage knows better.
        """
        return [settings, model]


def run_stages(
    stages: Mapping[str, Stage],
    described: Mapping[str, Any],
    context: StageContext,
) -> dict[str, Any]:
    """Run stages in order; one that is done under the same conditions is loaded instead.

    Args:
        stages: By name.
        described: The configuration of each, of the model and of all else that decides the
            result, plain values: changing what a stage depends on (:meth:`Stage.conditions`),
            or the training side, makes it and those behind it run again.
        context: ``folder`` is the run's; every stage gets one inside.

    Returns:
        The facts of all stages, and ``stage_seconds``: how long each took in the run that
        ended it.

    Raises:
        CheckpointError: If what a stage has left cannot be loaded.
    """
    facts: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    folders: dict[str, Path] = {}
    digests = stage_digests(stages, described, context)
    for name, stage in stages.items():
        own = replace(context, folder=context.folder / name, folders=dict(folders))
        folders[name] = own.folder
        digest = digests[name]
        done = _read_done(own.folder, digest)
        if done is None:
            say(f"stage {name}: begins")
            started = time.perf_counter()
            _make_ready(own.folder, digest)
            done = {
                "digest": digest,
                "facts": stage.run(own),
                "seconds": time.perf_counter() - started,
            }
            with written_whole(own.folder / _DONE) as unfinished:
                unfinished.write_text(json.dumps(done))
            say(f"stage {name}: {done['seconds']:.0f} s")
        else:
            _load(stage, own)
            say(f"stage {name}: done before, kept ({own.folder})")
        facts |= done["facts"]
        seconds[name] = done["seconds"]
    return {**facts, "stage_seconds": seconds} if stages else {}


def stage_digests(
    stages: Mapping[str, Stage], described: Mapping[str, Any], context: StageContext
) -> dict[str, str]:
    """What decides each stage's result, the stages before included, as digests by name."""
    axis = context.network.axis
    conditions = [records_hash(context.train, axis), sorted(context.excluded), context.seed]
    digests = {}
    for name, stage in stages.items():
        own = stage.conditions(described["stages"][name], described["model"])
        conditions = [_digest(conditions), own]
        digests[name] = _digest(conditions)
    return digests


def forward_side(model: Mapping[str, Any]) -> list[Any]:
    """What of a model's configuration the forward side depends on: all but the flow."""
    return [model.get(key) for key in ("domain", "codec", "axis", "forward")]


def ensemble_of(network: Network) -> EnsembleForward:
    """A network's forward side.

    Raises:
        ConfigError: If there is none, or one of another kind.
    """
    if not isinstance(network.forward, EnsembleForward):
        raise ConfigError("these stages need model.forward, an EnsembleForward; it is missing")
    return network.forward


def _digest(values: Any) -> str:  # noqa: ANN401 - plain values
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _make_ready(folder: Path, digest: str) -> None:
    """Keep what an interrupted run left under the same conditions, and nothing of others.

    A stage that goes on from its last checkpoint would go on from weights that have seen
    another training side.
    """
    begun = folder / _BEGUN
    if folder.exists() and not (begun.exists() and begun.read_text() == digest):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(begun) as unfinished:
        unfinished.write_text(digest)


def _load(stage: Stage, context: StageContext) -> None:
    try:
        stage.load(context)
    except (CheckpointError, KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"{context.folder}: what this stage has left cannot be used ({reason}); remove the "
            "folder and run again"
        ) from error


def _read_done(folder: Path, digest: str) -> dict[str, Any] | None:
    try:
        done: dict[str, Any] = json.loads((folder / _DONE).read_text())
    except (OSError, ValueError):
        return None
    return done if done.get("digest") == digest else None
