"""Arguments and options that several commands have."""

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from nmrflow.limits import MAX_THREADS

if TYPE_CHECKING:
    from nmrflow.commands.settings import Settings

N_THREADS = 2


class OnError(StrEnum):
    """What becomes of input that cannot be used."""

    MARK = "mark"
    SKIP = "skip"
    STOP = "stop"


Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="Name of a network (nmrflow models list), or a run's folder. A file or folder that "
        "has the name of a network is ./NAME.",
    ),
]
Elucidating = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Name of a network (nmrflow models list), or a run's folder, as ./NAME where a "
        "network has its name. Default: organic; hydrocarbons for a formula of C and H alone.",
    ),
]
Output = Annotated[
    list[Path] | None,
    typer.Option(
        "--output", "-o",
        help="File to write: .csv .json .sdf .html .txt .svg .png .jdx. May be given repeatedly.",
    ),
]  # fmt: skip
Errors = Annotated[
    OnError,
    typer.Option(
        help="Input that cannot be used: [b]mark[/b] writes a row with the reason, [b]skip[/b] "
        "leaves it out, [b]stop[/b] ends at the first with exit code 1."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Threads = Annotated[
    int,
    typer.Option(
        min=1,
        max=MAX_THREADS,
        help="Threads of computation; of thousands of molecules, processes.",
    ),
]
Peaks = Annotated[
    str,
    typer.Argument(
        help="A peak list such as '21.4, 125.4, 128.3', or a file: list, table, publication's "
        "text, CSEARCH lines, SDF (nmrshiftdb2, NMReDATA), JCAMP-DX peak table, TopSpin's list.",
        metavar="PEAKS",
    ),
]
KeepSolvent = Annotated[
    bool, typer.Option("--keep-solvent", help="Take lines of solvent and TMS for the compound's.")
]
SmilesColumn = Annotated[
    str | None,
    typer.Option(help="Column of a .csv that holds the SMILES, by name or number from 1."),
]
Formula = Annotated[
    str | None, typer.Option("--formula", "-f", help="Molecular formula, as C10H14, if known.")
]
Counts = Annotated[str | None, typer.Option(help="Atoms of some elements: 'N=1, O>=2, H=10-14'.")]
Dept = Annotated[
    str | None, typer.Option(help="Carbons by their hydrogens: 'CH3=2, CH2=3, CH=4, C=1'.")
]
Substructures = Annotated[
    list[str] | None,
    typer.Option(help="A pattern that it holds, as SMARTS or SMILES; may be given several times."),
]
Without = Annotated[list[str] | None, typer.Option(help="A pattern that it does not hold.")]
Elements = Annotated[
    str | None, typer.Option(help="Elements that it may have, as C,H,N,O, and no others.")
]


def make_settings(
    output: list[Path] | None, model: str, on_error: OnError, n_threads: int, *, is_quiet: bool
) -> "Settings":
    """What was typed of the options that all commands have."""
    from nmrflow.commands.settings import Settings

    # However it is spelled, a file is written once.
    outputs = tuple({os.path.realpath(file): file for file in output or ()}.values())
    return Settings(model, outputs, on_error.value, n_threads, is_quiet)


_OF_NUMBERS = ("-n", "--samples", "--seed", "--threads")


class Commands(TyperGroup):
    """Commands whose arguments may begin with a negative shift, which is no option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as typer has it
        """As of any group; the hyphen before a number is written as the minus sign it means."""
        before = ["", *args]
        plain = [
            re.sub(r"^-(?=[0-9.])", "\N{MINUS SIGN}", arg) if option not in _OF_NUMBERS else arg
            for option, arg in zip(before, args, strict=False)
        ]
        return super().parse_args(ctx, plain)
