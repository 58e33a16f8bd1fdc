"""``nmrflow library``, ``nmrflow search`` and ``nmrflow compare``."""

from collections.abc import Sequence
from pathlib import Path

import torch

from nmrflow.answers.comparison import compare
from nmrflow.answers.search import search
from nmrflow.answers.sentences import remarks_on
from nmrflow.chem.structure import Structure
from nmrflow.commands.answering import Answer, Asking, answer_all
from nmrflow.commands.predicting import is_molecule_file
from nmrflow.commands.settings import Settings
from nmrflow.console import say, show_table
from nmrflow.errors import DataError, SpectrumError
from nmrflow.formats.molecule_files import parse_row
from nmrflow.formats.spectrum_files import read_spectra
from nmrflow.formats.spectrum_sdf import SpectrumRow
from nmrflow.library.build import add, build
from nmrflow.library.check import verify
from nmrflow.library.dataset import Manifest, read_manifest
from nmrflow.library.filters import Filters
from nmrflow.library.library import Library
from nmrflow.model.trained import TrainedFlow
from nmrflow.output.compared import pairs_of, similarity_of
from nmrflow.output.headings import heading_of
from nmrflow.output.items import Item
from nmrflow.output.ranked import of_answer
from nmrflow.spectra.peaks import PeakList
from nmrflow.spectra.question import Question


def run_build(
    files: Sequence[str],
    folder: Path,
    settings: Settings,
    smiles_column: str | None,
    n_members: int | None,
) -> None:
    """Make a library, or go on with one; raises as :func:`nmrflow.library.build.build`."""
    settings.prepare()
    torch.set_num_threads(1)  # As each of several processes has: sums are rounded alike.
    found = build(
        files,
        folder,
        model=settings.model,
        n_members=n_members,
        n_processes=settings.n_threads,
        smiles_column=smiles_column,
    )
    say(_described(folder, found))


def run_add(
    files: Sequence[str], folder: Path, settings: Settings, smiles_column: str | None
) -> None:
    """Add files to a library; raises as :func:`nmrflow.library.build.add`."""
    settings.prepare()
    torch.set_num_threads(1)  # As each of several processes has: sums are rounded alike.
    found = add(files, folder, n_processes=settings.n_threads, smiles_column=smiles_column)
    say(_described(folder, found))


def show_info(folder: Path) -> None:
    """What a library is made of; raises as :func:`nmrflow.library.dataset.read_manifest`."""
    manifest = read_manifest(folder)
    say(_described(folder, manifest))
    rows = [
        (f"{sum(s.n for s in manifest.shards if s.source == k):,}", source["file"])
        for k, source in enumerate(manifest.sources)
    ]
    show_table("Sources", ("molecules", "file"), rows)
    told = [text for shard in manifest.shards for text in shard.examples]
    say([f"Left out, for example: {text}" for text in told[:10]])


def run_verify(folder: Path) -> None:
    """Compare a library with its checksums.

    Raises:
        DataError: If something differs; after all has been looked at.
    """
    found = verify(folder)
    say(found or f"{folder}: as it was written")
    if found:
        raise DataError(f"{folder}: {len(found)} defects")


def run_search(
    folder: Path, asking: Asking, settings: Settings, filters: Filters, n_shown: int, depth: int
) -> None:
    """Look for every spectrum of a source in a library.

    Raises:
        NmrflowError: If the library, the source, its only spectrum, or a filter is refused.
    """
    model = settings.load([asking.source])
    library = Library(folder, model)
    about = {"library": str(folder), "n_library": library.n}
    heading = heading_of("search", settings.model, model, about)

    def answer(row: SpectrumRow, question: Question) -> tuple[Answer, list[Item]]:
        found = search(model, library, question, filters, n_shown=n_shown, depth=depth)
        return found, of_answer(row.number, row.name, found)

    answer_all(asking, settings, heading, model, answer)


def run_compare(one: str, other: str, settings: Settings) -> None:
    """Compare two spectra, of which each is a peak list, a file, or a molecule's predicted one.

    Raises:
        NmrflowError: If one is refused, or a file holds several.
    """
    model = settings.load([one, other])
    given = [_read(source, model) for source in (one, other)]
    found = compare(model, *given)
    say([sentence for question in found.questions for sentence in remarks_on(question)])
    columns = ("first", "second")
    title = "Peaks (in brackets: has its pair already)"
    show_table(title, columns, pairs_of(found), n_left=0)
    say(similarity_of(found))


def _read(source: str, model: TrainedFlow) -> PeakList | Structure:
    if not is_molecule_file(source):
        structure = parse_row(1, source).structure
        if structure is not None:
            return structure
    spectra = list(read_spectra(source, model.axis))
    if len(spectra) != 1:
        raise DataError(f"{source}: holds {len(spectra)} spectra, one is compared at a time")
    if spectra[0].peaks is None:
        raise SpectrumError(f"{spectra[0].where}: {spectra[0].reason}")
    return spectra[0].peaks


def _described(folder: Path, manifest: Manifest) -> list[str]:
    size = sum(shard.bytes for shard in manifest.shards) / 1e6
    n_read = sum(shard.n_read for shard in manifest.shards)
    weights = manifest.weights
    found = [
        f"{folder}: {manifest.n:,} molecules of {n_read:,} rows, {size:.1f} MB in "
        f"{len(manifest.shards)} shards",
        f"labelled by {weights['name']} ({weights['sha256'][:16]}), {manifest.n_members} members",
    ]
    found += [f"left out, {reason}: {n:,}" for reason, n in manifest.left_out.items()]
    if n_remarks := sum(shard.n_remarks for shard in manifest.shards):
        found.append(f"taken with a remark, as the largest part of a salt: {n_remarks:,}")
    if not manifest.is_whole:
        found.append("half made: the command that made it goes on where it was ended")
    return found
