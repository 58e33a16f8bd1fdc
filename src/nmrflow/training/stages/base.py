"""What a stage is, and how stages follow each other."""

import hashlib
import json
import re
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from nmrflow.console import say
from nmrflow.data.records import Record
from nmrflow.data.splits import records_hash
from nmrflow.errors import CheckpointError, ConfigError, first_line
from nmrflow.files.writing import write_text
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.manifest import entry
from nmrflow.model.network import Network
from nmrflow.model.schema import load_weights
from nmrflow.shifts.forward import EnsembleForward
from nmrflow.shifts.network import ShiftEnsemble
from nmrflow.training.processes import is_first

Found = TypeVar("Found")

_DONE = "done.json"
_BEGUN = "begun"
_WEIGHTS = "shifts.ckpt"
_SECONDS = 0.5
"""Between two looks at how far the first process is."""


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

    keeps: tuple[str, ...] = ()
    """Names of the files that :meth:`load` reads; their checksums are kept."""

    is_together = False
    """Whether processes that train together all take part in :meth:`run`; otherwise the first
    one does it alone, and the others wait until it is done."""

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

        Plain values: all of the stage's configuration and the model's, unless it knows better.
        """
        return [settings, model]


class ForwardStage(Stage):
    """One that trains the networks of the forward side."""

    keeps = (_WEIGHTS,)

    def keep(self, context: StageContext, ensemble: ShiftEnsemble) -> None:
        """Keep what was trained, and take it into the network."""
        kept = {
            checkpoints.KEY: checkpoints.describe_software(),
            "state_dict": ensemble.state_dict(),
        }
        checkpoints.save_atomically(kept, context.folder / _WEIGHTS)
        self.load(context)

    def load(self, context: StageContext) -> None:
        """Take the networks; what follows does not train them."""
        forward = ensemble_of(context.network)
        load_weights(forward.ensemble, checkpoints.read(context.folder / _WEIGHTS)["state_dict"])
        forward.eval()
        forward.requires_grad_(requires_grad=False)


def run_stages(
    stages: Mapping[str, Stage], described: Mapping[str, Any], context: StageContext
) -> dict[str, Any]:
    """Run stages in order; one that is done under the same conditions is loaded instead.

    Args:
        stages: By name.
        described: The configuration of each and of the model, plain values: changing what a
            stage depends on (:meth:`Stage.conditions`), or the training side, makes it and those
            behind it run again.
        context: ``folder`` is the run's; every stage gets one inside.

    Returns:
        The facts of all stages, and ``stage_seconds``: how long each took in the run that
        ended it.

    Raises:
        CheckpointError: If what a stage has left cannot be loaded, or is not as it was left.
        ConfigError: If a stage's name is none of a folder, or its folder is somebody else's.
    """
    if strange := [name for name in stages if not re.fullmatch(r"\w[\w-]*", name)]:
        raise ConfigError(f"stages.{strange[0]}: a name of letters and digits is needed")
    facts: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    folders: dict[str, Path] = {}
    digests = stage_digests(stages, described, context)
    for name, stage in stages.items():
        own = replace(context, folder=context.folder / name, folders=dict(folders))
        folders[name] = own.folder
        digest = digests[name]
        look = partial(_read_done, own.folder, digest, stage.keeps)
        done = look() if stage.is_together or is_first() else _wait_for(look)
        if done is None:
            done = _run(name, stage, own, digest)
        else:
            try:
                stage.load(own)
            except (CheckpointError, KeyError, RuntimeError) as error:
                raise CheckpointError(
                    f"{own.folder}: what this stage has left cannot be used "
                    f"({first_line(error)}); remove the folder and run again"
                ) from error
            say(f"stage {name}: done before, kept ({own.folder})")
        facts |= done["facts"]
        seconds[name] = done["seconds"]
    return {**facts, "stage_seconds": seconds} if stages else {}


def _run(name: str, stage: Stage, context: StageContext, digest: str) -> dict[str, Any]:
    say(f"stage {name}: begins")
    started = time.perf_counter()
    if is_first():
        _make_ready(context.folder, digest)
    else:
        _wait_for(lambda: _is_ready(context.folder, digest) or None)
    facts = stage.run(context)
    done = {"digest": digest, "facts": facts, "seconds": time.perf_counter() - started}
    if is_first():
        kept = {name: entry(context.folder / name) for name in stage.keeps}
        whole = json.loads(json.dumps({**done, "files": kept}))
        write_text(context.folder / _DONE, json.dumps({**whole, "sha256": _digest(whole)}))
    say(f"stage {name}: {done['seconds']:.0f} s")
    return done


def _wait_for(look: Callable[[], Found | None]) -> Found:
    """What another process leaves in a folder; without end, as nobody knows how long it takes."""
    while (found := look()) is None:
        time.sleep(_SECONDS)
    return found


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
    if folder.exists() and not _is_ready(folder, digest):
        left = [file for file in folder.iterdir() if file.name != _BEGUN]
        if left and not (folder / _BEGUN).is_file():
            raise ConfigError(
                f"{folder}: this stage would begin anew here, and what lies in it is of no "
                "stage; move it away, or give another hydra.run.dir"
            )
        # First what would make it count as done; last of all what says that it may be removed.
        for file in sorted(left, key=lambda file: file.name != _DONE):
            shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / _BEGUN, digest)


def _is_ready(folder: Path, digest: str) -> bool:
    try:
        return (folder / _BEGUN).read_text() == digest
    except OSError:
        return False


def _read_done(folder: Path, digest: str, keeps: Sequence[str]) -> dict[str, Any] | None:
    """What a stage that is done has told; None if it is not, or under other conditions.

    Raises:
        CheckpointError: If that, or a file that it keeps, is not as it was left.
    """
    file = folder / _DONE
    try:
        done = json.loads(file.read_text(encoding="utf-8"))
        if done.pop("sha256") != _digest(done):
            raise ValueError("another checksum")
        if done["digest"] != digest:
            return None
        for name in keeps:
            file = folder / name
            if entry(file) != done["files"][name]:
                raise ValueError("another checksum")
    except FileNotFoundError as error:
        if file.name == _DONE:
            return None
        raise _damaged(file, error) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(file, error) from error
    return dict(done)


def _damaged(file: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{file}: is not as this stage left it ({type(error).__name__}: {error}); remove the "
        f"folder {file.parent} and run again"
    )
