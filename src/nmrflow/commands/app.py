"""What can be typed: commands, their arguments and their help."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmrflow import __version__
from nmrflow.errors import errors_for_people
from nmrflow.limits import MAX_SAMPLES, MAX_THREADS

if TYPE_CHECKING:
    from nmrflow.commands.settings import Settings

DEFAULT = "hydrocarbons"
N_THREADS = 2

app = typer.Typer(
    name="nmrflow",
    help="13C NMR of hydrocarbons, both ways: structures to shifts, shifts to structures.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
models = typer.Typer(help="Networks that come with nmrflow.", no_args_is_help=True)
app.add_typer(models, name="models")


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
Output = Annotated[
    list[Path] | None,
    typer.Option(
        "--output", "-o",
        help="File to write: .csv .json .sdf .html .svg .png. May be given several times.",
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
Threads = Annotated[int, typer.Option(min=1, max=MAX_THREADS, help="Threads of computation.")]
Peaks = Annotated[
    str,
    typer.Argument(
        help="A peak list such as '21.4, 125.4, 128.3', or a file: list, table, publication's "
        "text, CSEARCH lines, SDF (nmrshiftdb2, NMReDATA), JCAMP-DX peak table.",
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


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
) -> None:
    if version:
        typer.echo(f"nmrflow {__version__}")
        raise typer.Exit


@app.command()
def predict(
    molecules: Annotated[
        list[str],
        typer.Argument(
            help="SMILES or InChI, or files: .smi .csv .sdf .mol .inchi, also .gz.",
            metavar="MOLS...",
        ),
    ],
    *,
    output: Output = None,
    model: Model = DEFAULT,
    on_error: Errors = OnError.MARK,
    smiles_column: SmilesColumn = None,
    threads: Threads = N_THREADS,
    quiet: Quiet = False,
) -> None:
    """Predict the 13C shifts of molecules, each with its 90 % interval.

    Stereochemistry is not told apart: cis and trans, R and S have one prediction.

    Example: nmrflow predict "CC(C)c1ccc(C)cc1" -o cymene.svg
    """
    with errors_for_people():
        from nmrflow.commands.predicting import run_predict

        settings = _settings(output, model, on_error, threads, is_quiet=quiet)
        run_predict(molecules, settings, smiles_column)


@app.command()
def elucidate(
    peaks: Peaks,
    *,
    formula: Formula = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Candidates to show.")] = 10,
    samples: Annotated[
        int, typer.Option(min=1, max=MAX_SAMPLES, help="Draws; more find rarer structures.")
    ] = 600,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same list.")] = 0,
    keep_solvent: KeepSolvent = False,
    output: Output = None,
    model: Model = DEFAULT,
    on_error: Errors = OnError.MARK,
    threads: Threads = N_THREADS,
    quiet: Quiet = False,
) -> None:
    """Propose structures for a 13C spectrum, the most probable first.

    Example: nmrflow elucidate "137.9, 129.1, 128.3, 125.3, 21.5" --formula C7H8 -o page.html
    """
    with errors_for_people():
        from nmrflow.commands.answering import Asking
        from nmrflow.commands.elucidating import run_elucidate

        run_elucidate(
            Asking(peaks, formula, keep_solvent),
            _settings(output, model, on_error, threads, is_quiet=quiet),
            n_shown=n,
            n_samples=samples,
            seed=seed,
        )


@app.command()
def rank(
    peaks: Peaks,
    candidates: Annotated[
        list[str],
        typer.Argument(
            help="SMILES or InChI, or files: .smi .csv .sdf .mol .inchi.", metavar="CANDIDATES..."
        ),
    ],
    *,
    formula: Formula = None,
    keep_solvent: KeepSolvent = False,
    output: Output = None,
    model: Model = DEFAULT,
    on_error: Errors = OnError.MARK,
    smiles_column: SmilesColumn = None,
    threads: Threads = N_THREADS,
    quiet: Quiet = False,
) -> None:
    """Order your own candidates by how well they fit a spectrum, and say if none does.

    Example: nmrflow rank "137.9, 129.1, 128.3, 125.3, 21.5" candidates.smi
    """
    with errors_for_people():
        from nmrflow.commands.answering import Asking
        from nmrflow.commands.elucidating import run_rank

        run_rank(
            Asking(peaks, formula, keep_solvent),
            candidates,
            _settings(output, model, on_error, threads, is_quiet=quiet),
            smiles_column,
        )


@app.command()
def assign(
    peaks: Peaks,
    structure: Annotated[
        str,
        typer.Argument(help="A SMILES, an InChI, or a file of one molecule.", metavar="STRUCTURE"),
    ],
    *,
    keep_solvent: KeepSolvent = False,
    output: Output = None,
    model: Model = DEFAULT,
    threads: Threads = N_THREADS,
    quiet: Quiet = False,
) -> None:
    """Say which peak belongs to which carbon of a known structure.

    Example: nmrflow assign "137.9, 129.1, 128.3, 125.3, 21.5" "Cc1ccccc1" -o toluene.png
    """
    with errors_for_people():
        from nmrflow.commands.answering import Asking
        from nmrflow.commands.elucidating import run_assign

        run_assign(
            Asking(peaks, None, keep_solvent),
            structure,
            _settings(output, model, OnError.STOP, threads, is_quiet=quiet),
        )


@app.command()
def examples(
    folder: Annotated[
        Path, typer.Argument(help="A folder, made if it is missing.", metavar="DIR")
    ],
) -> None:
    """Write one sample file of every form that the commands read."""
    with errors_for_people():
        from nmrflow.commands.example_files import write_examples

        for file in write_examples(folder):
            typer.echo(file)


@models.command("list")
def list_models() -> None:
    """Name the networks that come with nmrflow, and what they were trained on."""
    with errors_for_people():
        from nmrflow.commands.models import list_all

        list_all()


@models.command()
def verify() -> None:
    """Compare the files of all networks with their checksums."""
    with errors_for_people():
        from nmrflow.commands.models import verify_all

        verify_all()


def _settings(
    output: list[Path] | None, model: str, on_error: OnError, n_threads: int, *, is_quiet: bool
) -> "Settings":
    from nmrflow.commands.settings import Settings

    # However it is spelled, a file is written once.
    outputs = tuple({os.path.realpath(file): file for file in output or ()}.values())
    return Settings(model, outputs, on_error.value, n_threads, is_quiet)


def main() -> None:
    """The entry of ``nmrflow`` and of ``python -m nmrflow``."""
    with errors_for_people():
        app()
