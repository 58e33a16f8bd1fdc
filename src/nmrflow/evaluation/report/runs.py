"""Runs as a table, and what several of them say together."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nmrflow.errors import DataError
from nmrflow.evaluation.figures import Evaluation
from nmrflow.evaluation.paper.tables import QUANTITIES
from nmrflow.evaluation.scores_file import EVALUATION, flatten_scores, read_scores

KIND = ("experiment", "data", "split", "n_epochs")
"""Runs that agree in these are averaged; their seeds differ."""


def read_runs(folder: Path) -> list[Evaluation]:
    """Every ``evaluation.json`` in or under a folder, ordered by kind and seeds.

    Each gets ``run``, its folder, and ``n_epochs``, the length of its table of epochs.

    Raises:
        DataError: If there is none, or one is no evaluation of a training.
    """
    files = sorted(folder.rglob(EVALUATION))
    if not files:
        raise DataError(f"{folder}: no {EVALUATION} in or under this folder; train first")
    runs = []
    for file in files:
        scores = read_scores(file)
        missing = [key for key in (*KIND[:3], "split_seed", "seed", "epochs") if key not in scores]
        if missing:
            raise DataError(
                f"{file}: lacks {', '.join(missing)}; it was not made by this version's "
                "nmrflow.train: train again, or remove it"
            )
        runs.append({**scores, "run": str(file.parent), "n_epochs": len(scores["epochs"])})
    return sorted(runs, key=lambda run: (*(run[k] for k in KIND), run["split_seed"], run["seed"]))


def scores_table(runs: Sequence[Evaluation]) -> pd.DataFrame:
    """A row per run, a column per single number, indexed by split seed and seed."""
    table = pd.DataFrame([flatten_scores(run) for run in runs], dtype=object)
    table["examples"] = [len(run["examples"]) for run in runs]
    return table.set_index(["split_seed", "seed"])


def epochs_table(runs: Sequence[Evaluation]) -> pd.DataFrame:
    """A row per run and epoch, with the run's ``split_seed`` and ``seed``; each epoch once.

    Runs of other lengths go through the same epochs when their seeds agree: the longer one's
    are left out where a shorter one has them.
    """
    rows = [
        {"split_seed": run["split_seed"], "seed": run["seed"], "n": run["n"], **row}
        for run in sorted(runs, key=lambda run: len(run["epochs"]))
        for row in run["epochs"]
    ]
    return pd.DataFrame(rows).drop_duplicates(["split_seed", "seed", "epoch"])


def summarise(values: pd.Series) -> dict[str, float | int | None]:
    """Mean, sd (n - 1), min and max of the values that are there, and their number."""
    known = values.dropna().astype(float)
    numbers = {"mean": known.mean(), "sd": known.std(), "min": known.min(), "max": known.max()}
    return {
        **{name: None if pd.isna(number) else float(number) for name, number in numbers.items()},
        "runs": len(known),
    }


def paper_table(runs: Sequence[Evaluation], all_lengths: Sequence[Evaluation]) -> pd.DataFrame:
    """Every quantity of the paper beside ours, in epochs also of the like of other lengths.

    Returns:
        A row per quantity of :data:`nmrflow.evaluation.paper.tables.QUANTITIES`: ``quantity``,
        ``paper`` (text), ``mean``, ``sd``, ``min``, ``max``, ``runs``, ``molecules`` and
        ``split seeds`` (texts).
    """
    scores, epochs = scores_table(runs), epochs_table(all_lengths)
    rows = []
    for quantity in QUANTITIES:
        if quantity.epoch is None:
            values = scores.get(quantity.key, pd.Series(dtype=object))
            n = _molecules(scores, quantity.key) if len(values) else values
        else:
            at = epochs[epochs["epoch"] == quantity.epoch].set_index(["split_seed", "seed"])
            values, n = at.get(quantity.key, pd.Series(dtype=object)), at["n"]
        there = values.dropna().index
        rows.append(
            {
                "quantity": quantity.label,
                "paper": quantity.published,
                **summarise(values),
                "molecules": span(n.loc[there]),
                "split seeds": seeds(there.get_level_values(0)) if len(there) else "",
            }
        )
    return pd.DataFrame(rows)


def _molecules(scores: pd.DataFrame, key: str) -> pd.Series:
    """How many molecules a score is of."""
    if key.startswith(("conditional/cd", "conditional/rcd")):
        return scores["conditional/n_molecules"]
    return scores["entropy/n"] if key.startswith("entropy/") else scores["n"]


def span(values: pd.Series) -> str:
    """``237 to 290``, or the one number."""
    if values.empty:
        return ""
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def seeds(values: Sequence[int] | pd.Index) -> str:
    """``0 to 9`` for a run of whole numbers, else a list."""
    numbers = sorted({int(value) for value in values})
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))
