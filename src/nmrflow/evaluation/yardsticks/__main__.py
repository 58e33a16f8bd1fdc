"""Yardsticks of every split that a folder of runs was trained on.

``python -m nmrflow.evaluation.yardsticks DIR`` computes what the cache does not hold, shows all,
and writes it to ``DIR/yardsticks.json``, where the report on these runs finds it.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path

import torch
from rich import get_console
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table

from nmrflow.console import quiet_libraries, say, shows_progress
from nmrflow.errors import ConfigError, errors_for_people
from nmrflow.evaluation.scores_file import (
    YARDSTICKS,
    check_scores_writable,
    write_yardsticks,
)
from nmrflow.evaluation.yardsticks.cache import (
    PARTS,
    Yardsticks,
    cached,
    compute_alone,
    compute_and_keep,
    yardsticks_for,
)
from nmrflow.evaluation.yardsticks.cases import Case, find_cases
from nmrflow.evaluation.yardsticks.compute import Settings
from nmrflow.workers import run_jobs

_WIDTH = 120
"""Columns of text that the table needs; output that goes to a file has no width of its own."""

NAMES = PARTS[1:]


def compute_all(
    cases: Sequence[Case], settings: Settings, *, n_jobs: int, n_threads: int
) -> list[Yardsticks]:
    """The yardsticks of every case; what is missing is computed in up to ``n_jobs`` processes.

    One process computes with ``n_threads`` threads, of several each with one.
    """
    missing = [case for case in cases if cached(case.sides, case.axis, settings) is None]
    say(f"{len(cases)} split(s), {len(missing)} to compute")
    columns = (*Progress.get_default_columns()[:3], TimeElapsedColumn())
    hidden = not (missing and shows_progress())
    with Progress(*columns, console=get_console(), disable=hidden) as bars:
        if min(n_jobs, len(missing)) > 1:
            bar = bars.add_task("splits", total=1.0)
            jobs = [partial(compute_alone, case.sides, case.axis, settings) for case in missing]
            run_jobs(jobs, n_jobs, lambda share: bars.update(bar, completed=share))
        else:
            torch.set_num_threads(n_threads)
            for case in missing:
                _compute_here(case, settings, bars)
    return [
        yardsticks_for(case.sides, case.axis, settings, conditions=case.conditions)
        for case in cases
    ]


def _compute_here(case: Case, settings: Settings, bars: Progress) -> None:
    bar = bars.add_task(str(case), total=1.0)

    def show(stage: str, share: float) -> None:
        bars.update(bar, completed=share, description=f"{case}: {stage}")

    compute_and_keep(case.sides, case.axis, settings, show)
    bars.update(bar, completed=1.0, description=str(case))


def show_yardsticks(found: Sequence[Yardsticks]) -> None:
    """Print the means over splits, with the range where there are several, a table a source."""
    console = Console(width=max(get_console().width, _WIDTH))
    kinds: dict[tuple[str, str], list[Yardsticks]] = defaultdict(list)
    for one in found:
        kinds[str(one["conditions"]["data"]), str(one["conditions"]["split"])].append(one)
    for (data, split), group in sorted(kinds.items(), key=itemgetter(0)):
        seeds = ", ".join(str(f["conditions"]["split_seed"]) for f in group)
        table = Table(title=f"{data}, {split} split, seed {seeds}", title_justify="left")
        table.add_column("score", no_wrap=True)
        for name in NAMES:
            table.add_column(name.replace("_", " "), justify="right")
        for score in dict.fromkeys(score for name in NAMES for score in group[0][name]):
            table.add_row(score, *(_range([f[name].get(score) for f in group]) for name in NAMES))
        table.add_row(
            "seconds", *(_range([f["conditions"]["seconds"][n] for f in group]) for n in NAMES)
        )
        console.print(table)


def _range(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    figures = (sum(known) / len(known), min(known), max(known))
    mean, low, high = (f"{v:,.0f}" if v >= 1_000 else f"{v:.4g}" for v in figures)
    return mean if low == high else f"{mean} ({low} to {high})"


def main() -> None:
    """Entry of the command line."""
    defaults = Settings()
    parser = argparse.ArgumentParser(prog="nmrflow.evaluation.yardsticks", description=__doc__)
    parser.add_argument("folder", type=Path, help="a run folder, or a multirun's")
    parser.add_argument("--data", metavar="FILE", help="what the runs were trained on, if a file")
    parser.add_argument("--corpus-size", type=int, default=defaults.corpus_size, metavar="N")
    parser.add_argument("--networks", type=int, default=defaults.n_networks, metavar="N")
    parser.add_argument("--epochs", type=int, default=defaults.n_epochs, metavar="N")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--threads", type=int, default=1, help="of a single process")
    parser.add_argument("--jobs", type=int, default=1, help="splits computed at the same time")
    given = parser.parse_args()
    quiet_libraries()
    with errors_for_people():
        for name in ("threads", "jobs"):
            if getattr(given, name) < 1:
                raise ConfigError(f"--{name}={getattr(given, name)}: 1 or more is needed")
        settings = Settings(given.corpus_size, given.networks, given.epochs, given.seed)
        cases = find_cases(given.folder, given.data)
        check_scores_writable(given.folder / YARDSTICKS)
        found = compute_all(cases, settings, n_jobs=given.jobs, n_threads=given.threads)
        show_yardsticks(found)
        write_yardsticks(found, given.folder)
        say(f"written {given.folder / YARDSTICKS}")


if __name__ == "__main__":
    main()
