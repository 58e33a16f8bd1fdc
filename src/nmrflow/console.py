"""What is said on screen, and what of the libraries' own talk is not."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from rich import get_console
from rich.measure import Measurement
from rich.progress import Progress, track
from rich.table import Table
from rich.text import Text

from nmrflow.errors import printable

Item = TypeVar("Item")

_ENDLESS = 10_000


def say(lines: str | Iterable[str]) -> None:
    """Print lines as they are: long ones are not broken, so that paths can be copied."""
    for line in [lines] if isinstance(lines, str) else lines:
        get_console().print(Text(printable(line)), soft_wrap=True)


@contextmanager
def outliving_readers(*, writes_files: bool = True) -> Iterator[None]:
    """Within it a pipe that nobody reads any more ends nothing, where there are files to write."""

    def go_on() -> None:
        silence()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    console = get_console()
    before = console.on_broken_pipe
    if writes_files:
        console.on_broken_pipe = go_on  # type: ignore[method-assign]
    try:
        yield
    finally:
        console.on_broken_pipe = before  # type: ignore[method-assign]


def silence() -> None:
    """From now on nothing is said or shown: another process does so."""
    get_console().quiet = True


def show_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, n_left: int = 1
) -> None:
    """Print a table whose cells are whole, however wide it becomes: they can be copied.

    The last ``n_left`` columns are texts, the others numbers.
    """
    say(title)
    table = Table()
    for k, column in enumerate(columns):
        is_text = k >= len(columns) - n_left
        table.add_column(column, no_wrap=True, justify="left" if is_text else "right")
    for row in rows:
        table.add_row(*(c if isinstance(c, Text) else Text(printable(c)) for c in row))
    # A console prints nothing wider than itself; a terminal breaks the lines of a wider one.
    console = get_console()
    options = console.options.update(width=_ENDLESS, max_width=_ENDLESS)
    width = Measurement.get(console, options, table).maximum
    own, console.width = console.width, max(width, console.width)
    console.print(table)
    console.width = own


_is_quiet = False


def hide_progress() -> None:
    """From now on no progress bar has a place."""
    global _is_quiet
    _is_quiet = True


def shows_progress() -> bool:
    """Whether a progress bar has a place: a terminal or a notebook, not a file or a pipe."""
    console = get_console()
    return not _is_quiet and (console.is_terminal or console.is_jupyter)


def progress(items: Iterable[Item], n: int | None, description: str) -> Iterator[Item]:
    """Go through items under a bar that is gone in the end; no bar for one item, or in a pipe.

    Where nobody knows how many items there are, ``n`` is None, and the bar moves without an end.
    """
    hidden = n in (0, 1) or not shows_progress()
    yield from track(items, description, total=n, transient=True, disable=hidden)


@contextmanager
def steps(description: str) -> Iterator[Callable[[float], None]]:
    """A bar for work that tells which share of it is done; none in a pipe."""
    with Progress(transient=True, disable=not shows_progress()) as bar:
        task = bar.add_task(description, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def show_scores(title: str, scores: Mapping[str, Any]) -> None:
    """Print scores, each with the constant predictor's beside it where there is one.

    Curves and lists of numbers are for files and reports: what is printed are single numbers,
    and maps (deviation by noise level) on one line.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("score", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("constant", justify="right")
    for name, value in scores.items():
        if "/" not in name or name.startswith("spectrum/constant/"):
            continue
        constant = scores.get(name.replace("spectrum/", "spectrum/constant/", 1))
        beside = "" if constant is None or "spectrum/" not in name else f"{constant:.4f}"
        if isinstance(value, Mapping):
            table.add_row(name, " ".join(f"{v:.3g}" for v in value.values()), beside)
        elif not isinstance(value, list):
            table.add_row(name, "-" if value is None else f"{value:.4g}", beside)
    get_console().print(table)


def quiet_libraries() -> None:
    """Switch off what libraries print that is neither a result nor a problem of the user's."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    os.environ.setdefault("WANDB_SILENT", "true")
    for message in (
        ".*does not have many workers.*",  # batches are slices of a tensor: nothing to load
        ".*exists and is not empty.*",  # a run folder that the user named is the user's wish
        ".*litlogger.*",  # advertisement
        ".*isinstance.treespec, LeafSpec.*",  # Lightning 2.6.6 on torch 2.13
    ):
        warnings.filterwarnings("ignore", message=message)
