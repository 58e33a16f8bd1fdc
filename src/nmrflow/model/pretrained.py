"""Weights that come with the package, by name.

To make such a file from a run: ``python -m nmrflow.model.pretrained RUN NAME``; after a change of
its card or its calibration: ``python -m nmrflow.model.pretrained --seal NAME``.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nmrflow.console import say
from nmrflow.errors import CheckpointError, errors_for_people
from nmrflow.files.reading import names_a_file
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.calibration import SUFFIX
from nmrflow.model.manifest import CARD, WEIGHTS, defects, entry, read_manifest, seal

if TYPE_CHECKING:
    from nmrflow.model.trained import TrainedFlow

FOLDER = Path(__file__).parents[1] / "weights"


def names() -> list[str]:
    """Names of all weights that come with this installation.

    Raises:
        CheckpointError: If what was packaged cannot be read.
    """
    return sorted(read_manifest(FOLDER))


def find_pretrained(name: str) -> Path:
    """The checkpoint file of a name; it and its calibration are as packaged.

    Raises:
        CheckpointError: If there is no such name, or a file is missing or another.
    """
    manifest = read_manifest(FOLDER)
    if name not in manifest:
        raise CheckpointError(
            f"no weights named {name!r} come with nmrflow; there are: "
            f"{', '.join(sorted(manifest)) or 'none'}"
        )
    for kind, defect in defects(FOLDER, name, manifest[name]):
        if kind != CARD:  # Nothing is computed from it.
            raise CheckpointError(defect)
    return FOLDER / (name + WEIGHTS)


def verify(name: str) -> list[str]:
    """What of the files of a name is not as packaged, in sentences; the card too."""
    return [defect for _, defect in defects(FOLDER, name, read_manifest(FOLDER)[name])]


def load_pretrained(name: str) -> "TrainedFlow":
    """Load weights that come with the package.

    Args:
        name: One of :func:`names`; ``docs`` and the model card beside the weights say what
            each was trained on and how far it can be trusted.

    Raises:
        CheckpointError: As :func:`find_pretrained`.
    """
    from nmrflow.model.trained import load_checkpoint

    return load_checkpoint(find_pretrained(name), is_verified=True)


def load(name: str) -> "TrainedFlow":
    """Weights that come with the package, by their name, or a run's or checkpoint's, by its path.

    A file or folder in the working folder never takes the place of a name: ``./NAME`` means it.

    Raises:
        CheckpointError: As :func:`find_pretrained`, or if the checkpoint cannot be read.
    """
    from nmrflow.model.trained import load_checkpoint

    known = names()
    if name in known:
        return load_pretrained(name)
    if not Path(name).expanduser().exists():
        raise CheckpointError(
            f"{name}: is none of the networks that come with nmrflow ({', '.join(known)}), and no "
            f"file or folder (looked in {Path.cwd()})"
        )
    return load_checkpoint(name)


def package(run: Path, name: str) -> Path:
    """Write a run's weights as those of a name: half precision, without paths or optimiser.

    A calibration of the weights that had this name before is removed.

    Args:
        run: A checkpoint, or a run's folder.
        name: New or old.

    Returns:
        The file.
    """
    checkpoint = checkpoints.read(run)
    about = dict(checkpoint[checkpoints.KEY])
    about["config"] = _without_paths(about["config"])
    about["data_path"] = None
    state = {
        key: weight.half() if weight.is_floating_point() else weight
        for key, weight in checkpoint["state_dict"].items()
    }
    file = FOLDER / f"{name}.ckpt"
    file.with_suffix(SUFFIX).unlink(missing_ok=True)  # Of other weights.
    checkpoints.save_atomically({checkpoints.KEY: about, "state_dict": state}, file)
    seal(FOLDER, name)
    return file


def _without_paths(config: Any) -> Any:  # noqa: ANN401 - plain values
    """Paths say where files lay on the machine that trained; they mean nothing elsewhere."""
    if isinstance(config, Mapping):
        return {
            key: None if names_a_file(str(key)) else _without_paths(value)
            for key, value in config.items()
        }
    return config


def main() -> None:
    """Package the weights of a run."""
    parser = argparse.ArgumentParser(
        prog="nmrflow.model.pretrained", description="Put a run's weights into the package."
    )
    parser.add_argument("run", nargs="?", help="a checkpoint, or a run's folder")
    parser.add_argument("name", nargs="?", help="what they are to be called: hydrocarbons")
    parser.add_argument("--seal", metavar="NAME", help="take its card and calibration in anew")
    given = parser.parse_args()
    if (given.name is None) == (given.seal is None):
        parser.error("give RUN and NAME, or --seal NAME")
    with errors_for_people():
        if given.seal is not None:
            seal(FOLDER, given.seal)
            say(f"{FOLDER}: {given.seal} is packaged as it is")
            return
        file = package(Path(given.run), given.name)
        size = file.stat().st_size / 2**20
        say(f"{file}: {size:.1f} MiB, sha256 {entry(file)['sha256']}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
