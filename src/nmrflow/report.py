"""One table over the runs of a multirun: ``python -m nmrflow.report DIR``."""

import argparse
import json
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from nmrflow.console import say
from nmrflow.errors import DataError, errors_for_people

PUBLISHED = {
    "spectrum/f1_macro": "0.1695 (0.1548 to 0.1839)",
    "inversion/max_abs_error": "9e-5 to 1.5e-4",
    "inversion/mean_abs_error": "5e-5 to 7e-5",
    "latent/z_mean_mean": "0.0858",
    "latent/z_mean_std": "0.0334",
    "latent/z_std_mean": "0.5861",
    "latent/z_std_std": "0.0795",
}
"""What the paper reports for the same quantity, as text.

Kuhn, Dwarka, Grenda, Vainikko, arXiv:2602.03875, 2026: text and Table 3; ten random splits of
its own 1,467 rows for the F1, a single run where no range is given.
"""

_WIDTH = 120
"""Columns of text that the table needs; output that goes to a file has no width of its own."""

_KIND = ["experiment", "data", "split"]
_CONDITIONS = ("data_sha256", "n", "n_excluded")


def read_runs(folder: Path) -> pd.DataFrame:
    """Every ``evaluation.json`` in or under a folder, a row each, ordered by seeds.

    Raises:
        DataError: If there is none, or one is no evaluation.
    """
    files = sorted(folder.rglob("evaluation.json"))
    if not files:
        raise DataError(f"{folder}: no evaluation.json in or under this folder; train first")
    rows = []
    for file in files:
        try:
            rows.append({"run": str(file.parent), **json.loads(file.read_text())})
        except (ValueError, TypeError) as error:
            raise DataError(f"{file}: no evaluation ({error}); remove this run") from error
    return pd.DataFrame(rows).sort_values(["split_seed", "seed"], ignore_index=True)


def summarise_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean, standard deviation (n - 1), min and max over runs of every score.

    Returns:
        A row per score; columns mean, std, min, max, the mean of the constant predictor's
        score (NaN where there is none), and the paper's value as text.
    """
    columns = [str(column) for column in runs]
    names = [c for c in columns if "/" in c and not c.startswith("spectrum/constant/")]
    table = runs[names].astype(float).agg(["mean", "std", "min", "max"]).T
    constants = {
        name: runs[name.replace("spectrum/", "spectrum/constant/")].mean()
        for name in names
        if name.startswith("spectrum/")
    }
    table["constant"] = pd.Series(constants, dtype=float)
    table["published"] = pd.Series(PUBLISHED)
    return table


def show_report(folder: Path) -> None:
    """Print a table for each kind of run, and under it what the figures are of."""
    runs = read_runs(folder)
    console = Console(width=max(Console().width, _WIDTH))
    for kind, group in runs.groupby(_KIND, sort=True):
        title = f"{', '.join(map(str, kind))}: {len(group)} runs in {folder}"
        shown = Table(title=title, title_justify="left")
        for heading in ("score", "mean", "sd", "min", "max", "constant", "paper"):
            is_text = heading in ("score", "paper")
            shown.add_column(heading, justify="left" if is_text else "right", no_wrap=True)
        for name, row in summarise_runs(group).iterrows():
            numbers = [row[column] for column in ("mean", "std", "min", "max", "constant")]
            paper = row["published"] if isinstance(row["published"], str) else ""
            shown.add_row(str(name), *("" if pd.isna(v) else f"{v:.4g}" for v in numbers), paper)
        console.print(shown)
        seeds = group[["split_seed", "seed"]].astype(str).agg("/".join, axis=1)
        say(f"split seed/seed: {', '.join(seeds)}")
        for condition in filter(group.columns.__contains__, _CONDITIONS):
            values = sorted(group[condition].unique().tolist())
            say(f"{condition}: {', '.join(map(str, values))}")


def main() -> None:
    """Entry of the command line."""
    parser = argparse.ArgumentParser(prog="nmrflow.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="a run folder, or a multirun's")
    with errors_for_people():
        show_report(parser.parse_args().folder)


if __name__ == "__main__":
    main()
