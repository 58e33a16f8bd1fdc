"""What can be typed: commands, their arguments and their help."""

from pathlib import Path
from typing import Annotated
from warnings import catch_warnings, simplefilter

import typer

from nmrflow import __version__
from nmrflow.answers.networks import DEFAULT
from nmrflow.commands.library_app import compare, libraries, search
from nmrflow.commands.options import (
    N_THREADS,
    Commands,
    Counts,
    Dept,
    Elements,
    Elucidating,
    Errors,
    Formula,
    KeepSolvent,
    Model,
    OnError,
    Output,
    Peaks,
    Quiet,
    SmilesColumn,
    Substructures,
    Threads,
    Without,
    make_settings,
)
from nmrflow.commands.page_app import page
from nmrflow.errors import errors_for_people
from nmrflow.limits import MAX_SAMPLES

app = typer.Typer(
    name="nmrflow",
    cls=Commands,
    help="13C NMR, both ways: any organic molecule to its shifts, shifts to molecules.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
models = typer.Typer(help="Networks that come with nmrflow.", no_args_is_help=True)
app.add_typer(libraries, name="library")
app.add_typer(models, name="models")


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

    Example: nmrflow predict "CC(C)C1CCC(C)CC1O" -o menthol.svg
    """
    with errors_for_people():
        from nmrflow.commands.predicting import run_predict

        settings = make_settings(output, model, on_error, threads, is_quiet=quiet)
        run_predict(molecules, settings, smiles_column)


@app.command()
def elucidate(
    peaks: Peaks,
    *,
    formula: Formula = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Candidates to show.")] = 10,
    samples: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_SAMPLES,
            help="Draws; more find rarer structures. Default: 600 of the network hydrocarbons; "
            "of organic a beam of the likeliest instead.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same list.")] = 0,
    counts: Counts = None,
    elements: Elements = None,
    dept: Dept = None,
    substructure: Substructures = None,
    without: Without = None,
    keep_solvent: KeepSolvent = False,
    output: Output = None,
    model: Elucidating = None,
    on_error: Errors = OnError.MARK,
    threads: Threads = N_THREADS,
    quiet: Quiet = False,
) -> None:
    """Propose structures for a 13C spectrum, the most probable first.

    Example: nmrflow elucidate "137.9, 129.1, 128.3, 125.3, 21.5" --formula C7H8 -o page.html
    """
    with errors_for_people():
        from nmrflow.answers.networks import network_for
        from nmrflow.commands.answering import Asking
        from nmrflow.commands.elucidating import run_elucidate
        from nmrflow.formats.counts import parse_conditions

        known = parse_conditions(elements, counts, dept, substructure or (), without or ())
        run_elucidate(
            Asking(peaks, formula, keep_solvent, known),
            make_settings(
                output, model or network_for(formula), on_error, threads, is_quiet=quiet
            ),
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
            make_settings(output, model, on_error, threads, is_quiet=quiet),
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
            make_settings(output, model, OnError.STOP, threads, is_quiet=quiet),
        )


@app.command()
def check(
    peaks: Peaks,
    structure: Annotated[
        str | None,
        typer.Argument(
            help="A SMILES, an InChI, or a file of one molecule; without it the file's own.",
            metavar="[STRUCTURE]",
        ),
    ] = None,
    *,
    keep_solvent: KeepSolvent = False,
    output: Output = None,
    model: Model = DEFAULT,
    threads: Threads = N_THREADS,
    quiet: Quiet = False,
) -> None:
    """Say whether a structure, and its assignment where the file has one, fits a spectrum.

    Atoms that a list or a table names are numbered as the structure is written, from 1.

    Example: nmrflow check assigned.sdf "Cc1ccccc1"
    """
    with errors_for_people():
        from nmrflow.commands.answering import Asking
        from nmrflow.commands.checking import run_check

        run_check(
            Asking(peaks, None, keep_solvent),
            structure,
            make_settings(output, model, OnError.STOP, threads, is_quiet=quiet),
        )


app.command()(search)
app.command()(compare)
app.command("app")(page)


@app.command()
def examples(
    folder: Annotated[
        Path, typer.Argument(help="A folder, made if it is missing.", metavar="DIR")
    ],
) -> None:
    """Write one sample file of every form that the commands read."""
    with errors_for_people():
        from nmrflow.commands.example_files import write_examples

        with catch_warnings(record=True) as remarks:
            simplefilter("always")
            files = write_examples(folder)
        for file in files:
            typer.echo(file)
        for remark in remarks:
            typer.echo(f"nmrflow: {remark.message}", err=True)


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


def main() -> None:
    """The entry of ``nmrflow`` and of ``python -m nmrflow``."""
    with errors_for_people():
        app()
