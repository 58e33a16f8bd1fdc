"""``nmrflow check``: a structure, and the assignment that a file tells, against a spectrum."""

from rich.text import Text

from nmrflow.answers.check import Check, Verdict, check
from nmrflow.answers.given import assignment_of, check_row
from nmrflow.answers.sentences import remarks_on, remarks_on_fit, say_check
from nmrflow.commands.answering import Asking
from nmrflow.commands.predicting import read_all
from nmrflow.commands.settings import Settings
from nmrflow.console import say, show_table
from nmrflow.errors import DataError, StructureError
from nmrflow.formats.molecule_files import MoleculeRow
from nmrflow.formats.spectrum_files import read_spectra
from nmrflow.formats.spectrum_sdf import SpectrumRow
from nmrflow.model.trained import TrainedFlow
from nmrflow.output.headings import heading_of
from nmrflow.output.items import of_check

_COLOURS = {Verdict.FITS: "green", Verdict.DOUBTFUL: "yellow", Verdict.NO_FIT: "bold red"}


def run_check(asking: Asking, molecule: str | None, settings: Settings) -> None:
    """Check every spectrum of a source against a structure, or against the file's own.

    Raises:
        NmrflowError: If a spectrum or the structure is refused, or there is none.
    """
    model = settings.load([asking.source, *([molecule] if molecule else [])])
    given = _one_molecule(molecule, model) if molecule else None
    heading = heading_of("check", settings.model, model)
    with settings.writing(heading) as add:
        n = 0
        for row in read_spectra(asking.source, model.axis):
            n += 1
            own = given or _own_molecule(row)
            question = asking.ask(row, model.axis, model.domain)
            assert own.structure is not None
            told, notes = assignment_of(row, own.structure)
            found = check(model, question, own.structure, told)
            remarks = (*notes, *remarks_on(found.question), *remarks_on_fit(found.fit))
            _show(found, own, row, remarks)
            for item in of_check(found, own, row.name, remarks):
                add(item)
        if not n:
            raise DataError(f"{asking.source}: holds no spectrum")


def _one_molecule(source: str, model: TrainedFlow) -> MoleculeRow:
    rows = [check_row(model, row) for row in read_all([source], None)]
    if len(rows) != 1:
        raise DataError(f"{source}: check takes one structure, here are {len(rows)}")
    if rows[0].structure is None:
        raise StructureError(f"{rows[0].where}: {rows[0].reason}")
    return rows[0]


def _own_molecule(row: SpectrumRow) -> MoleculeRow:
    if row.structure is None:
        raise DataError(f"{row.where}: tells no structure; give one behind the spectrum")
    text = row.structure.connectivity
    return MoleculeRow(row.number, row.where, row.name, text, row.structure, None)


def _show(found: Check, own: MoleculeRow, row: SpectrumRow, remarks: tuple[str, ...]) -> None:
    say(remarks)
    assert own.structure is not None
    rows: list[list[str | Text]] = []
    for one in found.carbons:
        pair = one.assigned
        rows.append(
            [
                f"{pair.measured.shift_ppm:.2f}",
                f"{pair.group.shift_ppm:.2f}",
                f"{pair.group.low_ppm:.1f} to {pair.group.high_ppm:.1f}",
                pair.group.kind,
                " ".join(str(atom + 1) for atom in pair.group.atoms),
                Text(one.verdict, style=_COLOURS[one.verdict]),
                "" if one.better is None else f"{one.better:g} ppm",
            ]
        )
    shown = own.shown or own.structure.connectivity
    title = f"{shown} ({own.structure.formula})" + (f", {row.name}" if row.name else "")
    names = ("measured", "predicted", "interval", "carbon", "atoms", "verdict", "better")
    show_table(title, names, rows, n_left=4)
    say(say_check(found))
