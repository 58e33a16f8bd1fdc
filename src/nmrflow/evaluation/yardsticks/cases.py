"""The splits that a folder of runs was trained on, read again as they are now."""

from pathlib import Path
from typing import Any, NamedTuple

from nmrflow.data.records import Record
from nmrflow.data.splits import Sides, records_hash
from nmrflow.errors import DataError
from nmrflow.evaluation.scores_file import EVALUATION, read_scores
from nmrflow.model.trained import load_checkpoint
from nmrflow.spectra.axis import ShiftAxis


class Case(NamedTuple):
    """One distinct split among the runs.

    Conditions are ``data``, ``split``, ``split_seed``, ``split_sha256``, as the runs have them.
    """

    sides: Sides
    axis: ShiftAxis
    conditions: dict[str, Any]

    def __str__(self) -> str:
        return "{data}, {split} split, seed {split_seed}".format(**self.conditions)


def find_cases(folder: Path, data: str | None = None) -> list[Case]:
    """The distinct splits among the runs in or under a folder, ordered by name and seed.

    Args:
        folder: Of runs.
        data: The file that they were trained on, if it was one.

    Raises:
        ConfigError: If a run was trained on a file, and none is given.
        DataError: If there is no run, or the data is no longer what a run was trained on.
        CheckpointError: If a run's checkpoint cannot be read.
    """
    files = sorted(folder.rglob(EVALUATION))
    if not files:
        raise DataError(f"{folder}: no {EVALUATION} in or under this folder; train first")
    cases: dict[tuple[Any, ...], Case] = {}
    read: dict[Any, tuple[Record, ...]] = {}
    for file in files:
        stored = read_scores(file)
        names = ("data", "split", "split_seed", "data_sha256", "split_sha256")
        missing = [name for name in names if name not in stored]
        if missing:
            raise DataError(f"{file}: lacks {', '.join(missing)}; remove this run, or train again")
        key = tuple(stored[name] for name in names)
        if key not in cases:
            cases[key] = _read_case(file.parent, stored, read, data)
    return [cases[key] for key in sorted(cases)]


def _read_case(
    run: Path, stored: dict[str, Any], read: dict[Any, tuple[Record, ...]], data: str | None
) -> Case:
    """Read a run's records anew; what has been read for another run is in ``read``."""
    trained = load_checkpoint(run / "checkpoints")
    source = trained.source_at(data if "path" in trained.description["config"]["data"] else None)
    place = (stored["data_sha256"], source.path, trained.axis)
    if place not in read:
        read[place] = source.read().records
    sides = trained.split.divide(read[place])
    if records_hash(sides.validation, trained.axis) != stored["split_sha256"]:
        raise DataError(
            f"{source.path or source.name}: is no longer the data that {run} was trained on; "
            "bring that back, or train again"
        )
    names = ("data", "split", "split_seed", "split_sha256")
    return Case(sides, trained.axis, {name: stored[name] for name in names})
