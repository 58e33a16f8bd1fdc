"""What was packaged: size and checksum of every file of the weights that come with nmrflow."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nmrflow.errors import CheckpointError
from nmrflow.files.writing import write_text
from nmrflow.model.calibration import SUFFIX

MANIFEST = "manifest.json"
WEIGHTS, CARD = ".ckpt", ".md"
KINDS = (WEIGHTS, CARD, SUFFIX)
"""Endings of a network's files; the last, its calibration, there may be or not."""

_ADVICE = "reinstall nmrflow"


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """For each network its files by name, each with ``bytes`` and ``sha256``.

    Raises:
        CheckpointError: If the manifest is missing or damaged.
    """
    file = folder / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        for name, files in manifest.items():
            unknown = files.keys() - {name + kind for kind in KINDS}
            if unknown or Path(name).name != name or name + WEIGHTS not in files:
                raise ValueError(f"the files of {name!r} are not those of a network")
            for entry in files.values():
                if type(entry["bytes"]) is not int or type(entry["sha256"]) is not str:
                    raise ValueError(f"a checksum of {name!r} is none")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{file}: what was packaged cannot be read ({type(error).__name__}: {reason}); "
            f"{_ADVICE}"
        ) from error
    return dict(manifest)


def defects(folder: Path, name: str, files: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Endings of a network's files that are not as packaged, and a sentence about each."""
    for kind in KINDS:
        file = folder / (name + kind)
        told = files.get(file.name)
        if told is None:
            if file.exists():
                yield kind, f"{file}: was not packaged with {name}; remove it"
            continue
        try:
            found = entry(file)
        except OSError as error:
            yield kind, f"{file}: cannot be read ({error.strerror}); {_ADVICE}"
            continue
        if found != dict(told):
            yield (
                kind,
                f"{file}: is not the file that was packaged ({found['bytes']:,} bytes, SHA-256 "
                f"{found['sha256']}; expected {told['bytes']:,}, {told['sha256']}); {_ADVICE}",
            )


def entry(file: Path) -> dict[str, Any]:
    """Size and checksum of a file; raises OSError."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"bytes": stream.tell(), "sha256": digest}


def seal(folder: Path, name: str) -> None:
    """Take the files of a network, as they lie there, into the manifest.

    Raises:
        CheckpointError: If there are no weights of that name, or the manifest is damaged.
    """
    manifest = read_manifest(folder) if (folder / MANIFEST).exists() else {}
    files = [file for kind in KINDS if (file := folder / (name + kind)).is_file()]
    if not (folder / (name + WEIGHTS)).is_file():
        raise CheckpointError(f"{folder}: holds no weights named {name!r}")
    manifest[name] = {file.name: entry(file) for file in files}
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
