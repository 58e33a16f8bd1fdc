"""``nmrflow predict``: molecules to shifts, part by part, in little memory."""

import gc
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import count, islice
from pathlib import Path

from nmrflow.answers.given import check_row
from nmrflow.answers.prediction import LEVEL, CarbonGroup, Prediction, predict
from nmrflow.chem.structure import Structure
from nmrflow.commands.settings import Settings
from nmrflow.console import progress, say, show_table
from nmrflow.errors import StructureError
from nmrflow.formats.molecule_files import (
    MOLECULE_SUFFIXES,
    MoleculeRow,
    count_rows,
    parse_row,
    read_molecules,
)
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow
from nmrflow.output.headings import heading_of
from nmrflow.output.items import Item, of_prediction
from nmrflow.workers import map_in_order

N_AT_ONCE = 1024
N_FOR_PROCESSES = 2_000
"""From so many rows on several processes are worth what starting them takes."""

N_SHOWN = 10
"""More molecules than this are shown in brief, and not at all if they are written to a file."""


def run_predict(sources: Sequence[str], settings: Settings, smiles_column: str | None) -> None:
    """Predict molecules from the command line or from files, a row of output for each.

    Raises:
        NmrflowError: If a file cannot be read or written, one molecule ends all, or none at all
            could be predicted; files are written all the same.
    """
    model = settings.load(sources)
    # What stands stays: not to be looked through for garbage with each thousand molecules.
    gc.freeze()
    heading = heading_of("predict", settings.model, model, {"level": LEVEL})
    n: Counter[str] = Counter()
    reason: str | None = "there was none"
    n_rows = _count(sources)
    shows = not settings.outputs or (n_rows is not None and n_rows <= N_SHOWN)
    with settings.writing(heading) as add:
        rows = progress(read_all(sources, smiles_column), n_rows, "predicting")
        for molecule, prediction in _predict(settings, model, rows, n_rows):
            n["molecules"] += 1
            if molecule.remark is not None:
                say(f"{molecule.where}: {molecule.remark}")
            if prediction is None:
                n["refused"] += 1
                reason = molecule.reason
            if prediction is not None or settings.keeps(molecule.where, str(molecule.reason)):
                add(of_prediction(molecule, prediction))
            # A single refusal is what the command ends with.
            if shows and (prediction is not None or n_rows != 1):
                _show(molecule, prediction, is_brief=n["molecules"] > N_SHOWN)
        if n["refused"] and settings.on_error == "skip":
            add(Item({}, {}, note=f"{n['refused']:,} molecules were refused and left out."))
    if n["refused"] == n["molecules"] == 1:
        raise StructureError(str(reason))
    if n["refused"] == n["molecules"]:
        raise StructureError(f"{n['molecules']:,} refused, none predicted; the last: {reason}")
    if n["molecules"] > 1:
        fate = {"mark": "marked", "skip": "left out"}.get(settings.on_error, "refused")
        refused = f", {n['refused']:,} {fate}" if n["refused"] else ""
        n_predicted = n["molecules"] - n["refused"]
        # What was left out is said to those who want quiet too.
        tell = say if n["refused"] else settings.tell
        tell(f"{n['molecules']:,} molecules: {n_predicted:,} predicted{refused}")


def read_all(sources: Sequence[str], smiles_column: str | None) -> Iterator[MoleculeRow]:
    """Every row of every source, numbered through."""
    numbers = count(1)
    for source in sources:
        if is_molecule_file(source):
            for row in read_molecules(source, smiles_column=smiles_column):
                yield replace(row, number=next(numbers))
        else:
            yield parse_row(next(numbers), source)


def is_molecule_file(source: str) -> bool:
    """Whether an argument is a file, here or missing, and no SMILES.

    The name's ending decides, since no file without one of ours can be read. What has none and
    lies here is a file too, to be refused as one, unless it is a molecule's notation: ``CCC`` is
    propane, and ``./CCC`` the file.
    """
    name = source.lower().removesuffix(".gz")
    try:
        if name.endswith(MOLECULE_SUFFIXES):
            return True
        return Path(source).is_file() and parse_row(1, source).structure is None
    except (OSError, ValueError):  # too long for a name
        return False


def _count(sources: Sequence[str]) -> int | None:
    counts = [count_rows(source) if is_molecule_file(source) else 1 for source in sources]
    return None if None in counts else sum(n or 0 for n in counts)


def _predict(
    settings: Settings, model: TrainedFlow, rows: Iterator[MoleculeRow], n_rows: int | None
) -> Iterator[tuple[MoleculeRow, Prediction | None]]:
    """The rows in their order, each with its prediction where there can be one."""
    waiting = deque[list[MoleculeRow]]()

    def structures() -> Iterator[list[Structure]]:
        while part := [check_row(model, row) for row in islice(rows, N_AT_ONCE)]:
            waiting.append(part)
            yield [row.structure for row in part if row.structure is not None]

    is_few = n_rows is not None and n_rows < N_FOR_PROCESSES
    n_processes = 1 if is_few else settings.n_threads
    here, there = partial(_predict_all, model), partial(_predict_elsewhere, settings.model)
    for found in map_in_order(here if n_processes == 1 else there, structures(), n_processes):
        groups = iter(found)
        for row in waiting.popleft():
            if row.structure is None:
                yield row, None
            else:
                yield row, Prediction(row.structure, next(groups), LEVEL, model.axis.nucleus)


def _predict_all(
    model: TrainedFlow, structures: Sequence[Structure]
) -> list[tuple[CarbonGroup, ...]]:
    """What is predicted of any number of structures, none included.

    Not with the structures: who asks has them, and they take long from one process to another.
    """
    return [found.groups for found in predict(model, structures)] if structures else []


def _predict_elsewhere(
    name: str, structures: Sequence[Structure]
) -> list[tuple[CarbonGroup, ...]]:
    return _predict_all(_load_once(name), structures)


@cache
def _load_once(name: str) -> TrainedFlow:
    model = load(name)
    gc.freeze()  # As in the first process.
    return model


def _show(molecule: MoleculeRow, prediction: Prediction | None, *, is_brief: bool) -> None:
    name = molecule.shown or f"row {molecule.number}"
    if prediction is None:
        say(f"{name}: {molecule.reason}")
    elif is_brief:
        say(f"{name}: {', '.join(f'{group.shift_ppm:.1f}' for group in prediction.groups)}")
    else:
        names = ("ppm", f"{prediction.level:.0%} interval", prediction.nucleus.noun, "atoms")
        rows = [
            (
                f"{group.shift_ppm:.1f}",
                f"{group.low_ppm:.1f} to {group.high_ppm:.1f}",
                group.kind,
                " ".join(str(atom + 1) for atom in group.atoms),
            )
            for group in prediction.groups
        ]
        show_table(f"{name} ({prediction.structure.formula})", names, rows, n_left=2)
