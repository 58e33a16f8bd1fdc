"""The files of scores that reports are made from: a training's, and the yardsticks'."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nmrflow.errors import ConfigError, DataError
from nmrflow.files.writing import check_writable, write_text

EVALUATION = "evaluation.json"
"""Name of the file in a run's folder."""

YARDSTICKS = "yardsticks.json"
"""Name of the file in a folder of runs."""


def write_scores(scores: Mapping[str, Any], path: Path) -> None:
    """Write scores as JSON, an entry a line, whole or not at all.

    Raises:
        ConfigError: If the file cannot be written.
    """
    lines = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in scores.items())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")
    except OSError as error:
        raise ConfigError(f"output={path}: cannot be written ({error})") from error


def check_scores_writable(path: Path) -> None:
    """Refuse a file that :func:`write_scores` could not write, before any work is done.

    Raises:
        ConfigError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_writable(path)
    except (OSError, DataError) as error:
        raise ConfigError(f"output={path}: cannot be written ({error})") from error


def read_scores(path: Path) -> dict[str, Any]:
    """Read what :func:`write_scores` wrote.

    Raises:
        DataError: If it is no such file.
    """
    try:
        scores = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: no file of scores ({error}); remove it") from error
    if not isinstance(scores, dict):
        raise DataError(f"{path}: no file of scores (a {type(scores).__name__}); remove it")
    return scores


def write_yardsticks(yardsticks: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Write the yardsticks of a folder's splits; raises as :func:`write_scores`."""
    entries = {str(number): entry for number, entry in enumerate(yardsticks)}
    write_scores(entries, folder / YARDSTICKS)


def read_yardsticks(folder: Path) -> list[dict[str, Any]]:
    """Read what :func:`write_yardsticks` wrote in or under a folder; it may be nothing.

    Returns:
        For each split its ``conditions``, and by yardstick its scores.

    Raises:
        DataError: If a file of that name is another.
    """
    found: list[dict[str, Any]] = []
    for path in sorted(folder.rglob(YARDSTICKS)):
        entries = read_scores(path).values()
        if not all(isinstance(entry, dict) and "conditions" in entry for entry in entries):
            raise DataError(f"{path}: no yardsticks; compute them again")
        found += entries
    return found


def find_finished(run_dir: Path, digest: str) -> dict[str, Any] | None:
    """The scores of a run that was finished in this folder before, None if there is none.

    Raises:
        ConfigError: If the finished run is of another configuration or other data, by digest.
    """
    if not (run_dir / EVALUATION).exists():
        return None
    scores = read_scores(run_dir / EVALUATION)
    if scores.get("configuration_sha256") != digest:
        raise ConfigError(
            f"{run_dir}: holds a finished run of another configuration or of other data; "
            "remove it, or give another folder as hydra.sweep.dir (one run: hydra.run.dir)"
        )
    return scores


def named(prefix: str, scores: Mapping[str, Any], suffix: str = "") -> dict[str, Any]:
    """Scores under longer names."""
    return {f"{prefix}{name}{suffix}": value for name, value in scores.items()}


def flatten_scores(evaluation: Mapping[str, Any]) -> dict[str, float | None]:
    """The single numbers among an evaluation's entries; ``name/key`` for those of maps.

    Lists (curves, examples) and texts are left out.
    """
    flat: dict[str, float | None] = {}
    for name, value in evaluation.items():
        if isinstance(value, Mapping) and "/" in name:
            flat |= {f"{name}/{key}": number for key, number in value.items()}
        elif (value is None and "/" in name) or isinstance(value, int | float):
            flat[name] = value
    return flat
