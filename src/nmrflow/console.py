"""What is said on screen, and what of the libraries' own talk is not."""

import logging
import os
import warnings
from collections.abc import Iterable, Mapping

from rich import get_console
from rich.table import Table


def say(lines: str | Iterable[str]) -> None:
    """Print lines as they are: long ones are not broken, so that paths can be copied."""
    for line in [lines] if isinstance(lines, str) else lines:
        get_console().print(line, highlight=False, markup=False, soft_wrap=True)


def shows_progress() -> bool:
    """Whether a progress bar has a place: a terminal or a notebook, not a file or a pipe."""
    console = get_console()
    return console.is_terminal or console.is_jupyter


def show_scores(title: str, scores: Mapping[str, float]) -> None:
    """Print scores, each with the constant predictor's beside it where there is one."""
    table = Table(title=title, title_justify="left")
    table.add_column("score")
    table.add_column("value", justify="right")
    table.add_column("constant", justify="right")
    for name, value in scores.items():
        if name.startswith("spectrum/constant/"):
            continue
        constant = scores.get(name.replace("spectrum/", "spectrum/constant/", 1))
        beside = "" if constant is None or "spectrum/" not in name else f"{constant:.4f}"
        table.add_row(name, f"{value:.4g}", beside)
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
