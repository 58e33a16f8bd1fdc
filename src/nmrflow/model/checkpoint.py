"""Checkpoint files: tensors and plain values, written whole or not at all, read without code."""

import hashlib
import io
import pickle
import zipfile
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from nmrflow.errors import CheckpointError
from nmrflow.files.writing import written_whole
from nmrflow.model.migrations import MIGRATIONS
from nmrflow.model.schema import check_plain, check_weights

FORMAT = 2
KEY = "nmrflow"
"""Everything that is ours in a Lightning checkpoint lies under this key."""

PACKAGES = ("nmrflow", "torch", "lightning", "FrEIA", "numpy", "rdkit")


def read(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint that nmrflow wrote; nothing in the file is ever executed.

    Args:
        path: A ``.ckpt`` file, or a folder: then the newest ``last.ckpt`` in or under it.

    Returns:
        Lightning's checkpoint; ``[KEY]`` holds what :func:`describe_software` and the
        training module put there.

    Raises:
        CheckpointError: If there is no such file, it is damaged or cut off, holds pickled
            objects, is not ours, is of a newer format, or holds weights that no training leaves.
    """
    file = find(path)
    try:
        _check_archive(file)
        checkpoint: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{file}: holds something other than tensors and plain values; it was not loaded, "
            "and nothing in it was run. Use a checkpoint that nmrflow wrote"
        ) from error
    except Exception as error:  # a damaged file raises whatever its decoder stumbled over
        raise CheckpointError(
            f"{file}: no checkpoint, or damaged or cut off ({error}); it was not loaded. "
            "Use another, for example an earlier copy"
        ) from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(KEY), dict):
        raise CheckpointError(f"{file}: not a checkpoint that nmrflow wrote")
    number = checkpoint[KEY].get("format")
    if type(number) is not int or not 1 <= number <= FORMAT:
        raise CheckpointError(
            f"{file}: format {number}; this nmrflow knows 1 to {FORMAT}: "
            "for a newer format install a newer one"
        )
    try:
        check_plain(checkpoint[KEY], KEY)
        for step in range(number, FORMAT):
            checkpoint = MIGRATIONS[step](checkpoint)
        if "state_dict" in checkpoint:
            check_weights(checkpoint["state_dict"])
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{file}: lacks {error}; it is incomplete") from error
    except CheckpointError as error:
        raise CheckpointError(f"{file}: {error}; use another, or an earlier copy") from error
    return checkpoint


def _check_archive(file: Path) -> None:
    """Check every byte against its checksum: torch reads a flipped bit without a word."""
    with zipfile.ZipFile(file) as archive:
        damaged = archive.testzip()
        # torch writes 0; an entry marked as a folder would be read as unfilled memory.
        odd = [entry.filename for entry in archive.infolist() if entry.external_attr]
    if damaged or odd:
        raise zipfile.BadZipFile(f"wrong checksum or entry: {damaged or odd[0]}")


def find(path: str | Path) -> Path:
    """The checkpoint file that a path means.

    Raises:
        CheckpointError: If there is none.
    """
    try:
        file = Path(path).expanduser()
        if file.is_dir():
            # What a stage keeps is no checkpoint of a run.
            there = file.rglob("last.ckpt")
            of_runs = [path for path in there if "stages" not in path.relative_to(file).parts]
            found = sorted(of_runs, key=lambda p: p.stat().st_mtime)
            if not found:
                raise CheckpointError(f"{file}: no last.ckpt in or under this folder")
            return found[-1]
        if not file.exists():
            raise CheckpointError(f"{file}: no such file (looked in {Path.cwd()})")
        if not file.is_file():
            raise CheckpointError(f"{file}: is a device or a pipe; a file or a folder is needed")
    except (OSError, RuntimeError) as error:  # Too long a name, or the home of nobody.
        raise CheckpointError(f"{str(path)[:100]}: cannot be opened ({error})") from error
    return file


def save_atomically(checkpoint: dict[str, Any], path: str | Path) -> None:
    """Write a checkpoint so that a run killed at any moment leaves the old one or the new."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    # In memory first: on a full disk torch's own writer ends the process, or hides the reason.
    packed = io.BytesIO()
    torch.save(checkpoint, packed)
    with written_whole(file) as unfinished:
        unfinished.write_bytes(packed.getbuffer())


@cache
def describe_software() -> dict[str, Any]:
    """Format number and versions. FrEIA's two programs share one number: its digest tells."""
    return {
        "format": FORMAT,
        "versions": {package: _version(package) for package in PACKAGES},
        "freia_sha256": _source_digest("FrEIA"),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _source_digest(package: str) -> str:
    spec = find_spec(package)
    digest = hashlib.sha256()
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(folder).rglob("*.py")):
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
