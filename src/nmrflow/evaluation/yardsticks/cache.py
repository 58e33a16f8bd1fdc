"""Yardsticks kept between runs: the same records and settings are computed once."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pooch

from nmrflow.console import say
from nmrflow.data.splits import Sides, records_hash
from nmrflow.evaluation.yardsticks.compute import Progress, Settings, compute_yardsticks
from nmrflow.files.writing import write_text
from nmrflow.spectra.axis import ShiftAxis

VERSION = 2
"""To be raised when a yardstick's method changes: what is cached is then computed anew."""

PARTS = ("conditions", "nearest_neighbour", "message_passing", "lookup")

Yardsticks = dict[str, dict[str, Any]]


def yardsticks_for(
    sides: Sides,
    axis: ShiftAxis,
    settings: Settings = Settings(),  # noqa: B008 - frozen
    *,
    conditions: Mapping[str, Any] | None = None,
) -> Yardsticks:
    """The yardsticks of a split, neither side empty: from the cache, or computed and put there.

    Returns:
        As :func:`nmrflow.evaluation.yardsticks.compute.compute_yardsticks`, ``conditions``
        (names of data and split, seed) added to its own.
    """
    found = cached(sides, axis, settings) or compute_and_keep(sides, axis, settings)
    return {**found, "conditions": {**(conditions or {}), **found["conditions"]}}


def compute_and_keep(
    sides: Sides,
    axis: ShiftAxis,
    settings: Settings,
    progress: Progress = lambda stage, share: None,  # noqa: ARG005
) -> Yardsticks:
    """Compute the yardsticks of a split, whatever the cache holds, and put them there.

    Whole or not at all: several processes may write at once.
    """
    computed = compute_yardsticks(sides, axis, settings, progress)
    file = cache_file(sides, axis, settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(computed, indent=2) + "\n")
    return computed


def compute_alone(
    sides: Sides, axis: ShiftAxis, settings: Settings, progress: Callable[[float], None]
) -> None:
    """The same as one of several jobs.

    Not in ``__main__``: a process that is started anew cannot find functions of that module.
    """
    compute_and_keep(sides, axis, settings)
    progress(1.0)


def cached(
    sides: Sides,
    axis: ShiftAxis,
    settings: Settings = Settings(),  # noqa: B008 - frozen
) -> Yardsticks | None:
    """The yardsticks of a split if they have been computed, else None; says if damaged."""
    file = cache_file(sides, axis, settings)
    try:
        content = json.loads(file.read_text())
        if isinstance(content, dict) and all(isinstance(content.get(p), dict) for p in PARTS):
            return content
        reason = "not what was written"
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = str(error)
    say(f"{file}: damaged ({reason}); these yardsticks count as not computed")
    return None


def cache_file(sides: Sides, axis: ShiftAxis, settings: Settings) -> Path:
    """Where the yardsticks of a split lie; named by a digest of all that decides them."""
    key = {
        "version": VERSION,
        "train": records_hash(sides.train, axis),
        "validation": records_hash(sides.validation, axis),
        "fine_width_ppm": axis.fine_width_ppm,
        "n_fine_bins": axis.n_fine_bins,
        "n_bins": axis.n_bins,
        "start_ppm": axis.start_ppm,
        "nucleus": axis.nucleus.name,  # Not its solvents or headings: they decide nothing here.
        "settings": asdict(settings),
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return cache_folder() / f"{digest[:32]}.json"


def cache_folder() -> Path:
    """``$NMRFLOW_CACHE/yardsticks``, or the like in the user's own cache folder."""
    root = os.environ.get("NMRFLOW_CACHE") or pooch.os_cache("nmrflow")
    return Path(root).expanduser() / "yardsticks"
