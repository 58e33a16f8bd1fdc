"""Weights that come with the package, by name.

To make such a file from a run: ``python -m nmrflow.model.pretrained RUN NAME``.
"""

import argparse
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nmrflow.console import say
from nmrflow.errors import CheckpointError, errors_for_people
from nmrflow.files import names_a_file
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.calibration import SUFFIX
from nmrflow.writing import write_text

if TYPE_CHECKING:
    from nmrflow.model.trained import TrainedFlow

FOLDER = Path(__file__).parents[1] / "weights"
_CHECKSUMS = "sha256.json"


def names() -> list[str]:
    """Names of all weights that come with this installation."""
    return sorted(file.stem for file in FOLDER.glob("*.ckpt"))


def find_pretrained(name: str) -> Path:
    """The checkpoint file of a name, its checksum verified.

    Raises:
        CheckpointError: If there is no such name, or the file is not what was packaged.
    """
    file = FOLDER / f"{name}.ckpt"
    if not file.is_file():
        raise CheckpointError(
            f"no weights named {name!r} come with nmrflow; there are: "
            f"{', '.join(names()) or 'none'}"
        )
    expected, found = json.loads((FOLDER / _CHECKSUMS).read_text()).get(name), _digest(file)
    if expected != found:
        raise CheckpointError(
            f"{file}: is not the file that was packaged (SHA-256 {found}, expected {expected}); "
            "reinstall nmrflow"
        )
    return file


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

    Raises:
        CheckpointError: As :func:`find_pretrained`, or if the checkpoint cannot be read.
    """
    from nmrflow.model.trained import load_checkpoint

    if name in names() and not Path(name).exists():
        return load_pretrained(name)
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
    sums_file = FOLDER / _CHECKSUMS
    sums = json.loads(sums_file.read_text()) if sums_file.exists() else {}
    sums[name] = _digest(file)
    write_text(sums_file, json.dumps(sums, indent=1, sort_keys=True) + "\n")
    return file


def _without_paths(config: Any) -> Any:  # noqa: ANN401 - plain values
    """Paths say where files lay on the machine that trained; they mean nothing elsewhere."""
    if isinstance(config, Mapping):
        return {
            key: None if names_a_file(str(key)) else _without_paths(value)
            for key, value in config.items()
        }
    return config


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main() -> None:
    """Package the weights of a run."""
    parser = argparse.ArgumentParser(
        prog="nmrflow.model.pretrained", description="Put a run's weights into the package."
    )
    parser.add_argument("run", type=Path, help="a checkpoint, or a run's folder")
    parser.add_argument("name", help="what they are to be called, for example hydrocarbons")
    given = parser.parse_args()
    with errors_for_people():
        file = package(given.run, given.name)
        size = file.stat().st_size / 2**20
        say(f"{file}: {size:.1f} MiB, sha256 {_digest(file)}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
