"""What can be typed of libraries: ``search``, ``compare``, and the commands of ``library``."""

from pathlib import Path
from typing import Annotated

import typer

from nmrflow.answers.networks import DEFAULT
from nmrflow.commands.options import (
    N_THREADS,
    Elements,
    Errors,
    Formula,
    KeepSolvent,
    Model,
    OnError,
    Output,
    Peaks,
    Quiet,
    SmilesColumn,
    Threads,
    make_settings,
)
from nmrflow.errors import errors_for_people
from nmrflow.limits import MAX_SAMPLES

DEPTH = 200
"""That of :func:`nmrflow.answers.search.search`, whose import would take long."""

libraries = typer.Typer(
    help="Libraries of molecules, labelled with predicted spectra.", no_args_is_help=True
)


def search(
    library: Annotated[Path, typer.Argument(help="A library's folder.", metavar="LIB")],
    peaks: Peaks,
    *,
    formula: Formula = None,
    mass: Annotated[float | None, typer.Option(help="Monoisotopic mass in u.")] = None,
    ppm: Annotated[float, typer.Option(min=0, help="By how much the mass may differ.")] = 10.0,
    elements: Elements = None,
    kinds: Annotated[
        str | None,
        typer.Option(help="Carbons of kinds: 'CH3=2, C=O>=1, aromatic CH<=4'."),
    ] = None,
    substructure: Annotated[
        str | None, typer.Option(help="A pattern that it holds, as SMARTS or SMILES.")
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Hits to show.")] = 10,
    depth: Annotated[
        int,
        typer.Option(min=1, max=MAX_SAMPLES, help="Molecules that are predicted anew."),
    ] = DEPTH,
    keep_solvent: KeepSolvent = False,
    output: Output = None,
    model: Model = DEFAULT,
    on_error: Errors = OnError.MARK,
    threads: Threads = N_THREADS,
    quiet: Quiet = False,
) -> None:
    """Look in a library for what a spectrum could be of.

    Example: nmrflow search LIB "137.9, 129.1, 128.3, 125.3, 21.5" --elements C,H
    """
    with errors_for_people():
        from nmrflow.commands.answering import Asking
        from nmrflow.commands.libraries import run_search
        from nmrflow.formats.counts import parse_elements
        from nmrflow.library.filters import Filters, parse_kinds

        filters = Filters(
            None,
            mass,
            ppm,
            None if elements is None else parse_elements(elements),
            () if kinds is None else parse_kinds(kinds),
            substructure,
        )
        settings = make_settings(output, model, on_error, threads, is_quiet=quiet)
        run_search(library, Asking(peaks, formula, keep_solvent), settings, filters, n, depth)


def compare(
    one: Annotated[str, typer.Argument(help="A peak list or its file, or a SMILES.", metavar="A")],
    other: Annotated[str, typer.Argument(help="The same.", metavar="B")],
    *,
    model: Model = DEFAULT,
    threads: Threads = N_THREADS,
    quiet: Quiet = False,
) -> None:
    """Say how alike two spectra are; of a SMILES the predicted one is taken.

    Example: nmrflow compare "137.9, 129.1, 128.3, 125.3, 21.5" "Cc1ccccc1"
    """
    with errors_for_people():
        from nmrflow.commands.libraries import run_compare

        run_compare(one, other, make_settings(None, model, OnError.STOP, threads, is_quiet=quiet))


@libraries.command()
def build(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Of molecules: .smi .csv .sdf .inchi .parquet, also .gz; or a library.",
            metavar="FILES...",
        ),
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the library.")],
    model: Model = DEFAULT,
    members: Annotated[
        int | None,
        typer.Option(min=1, help="Members of the ensemble that label: fewer are faster."),
    ] = None,
    smiles_column: SmilesColumn = None,
    threads: Threads = N_THREADS,
    quiet: Quiet = False,
) -> None:
    """Make a library of molecules, or go on with one that was interrupted.

    Example: nmrflow library build compounds.smi.gz -o LIB
    """
    with errors_for_people():
        from nmrflow.commands.libraries import run_build

        settings = make_settings(None, model, OnError.MARK, threads, is_quiet=quiet)
        run_build(files, output, settings, smiles_column, members)


@libraries.command()
def add(
    library: Annotated[Path, typer.Argument(help="The library's folder.", metavar="LIB")],
    files: Annotated[list[str], typer.Argument(help="As of build.", metavar="FILES...")],
    *,
    smiles_column: SmilesColumn = None,
    threads: Threads = N_THREADS,
    quiet: Quiet = False,
) -> None:
    """Add molecules to a library, labelled by the same weights."""
    with errors_for_people():
        from nmrflow.commands.libraries import run_add

        settings = make_settings(None, DEFAULT, OnError.MARK, threads, is_quiet=quiet)
        run_add(files, library, settings, smiles_column)


@libraries.command()
def info(
    library: Annotated[Path, typer.Argument(help="The library's folder.", metavar="LIB")],
) -> None:
    """Say what a library is made of, and what was left out and why."""
    with errors_for_people():
        from nmrflow.commands.libraries import show_info

        show_info(library)


@libraries.command("verify")
def verify_library(
    library: Annotated[Path, typer.Argument(help="The library's folder.", metavar="LIB")],
) -> None:
    """Compare every shard of a library with its checksum."""
    with errors_for_people():
        from nmrflow.commands.libraries import run_verify

        run_verify(library)
