"""``nmrflow check``: a structure, and the assignment that a file tells, against a spectrum."""

from rich.text import Text

from nmrflow.answers.check import Check, Verdict, check
from nmrflow.answers.sentences import remarks_on, remarks_on_fit, say_check
from nmrflow.chem.notation import order_of_smiles
from nmrflow.chem.structure import Structure
from nmrflow.commands.answering import Asking
from nmrflow.commands.elucidating import MIRROR_LINES
from nmrflow.commands.predicting import check_row, read_all
from nmrflow.commands.settings import Settings
from nmrflow.console import say, show_table
from nmrflow.errors import DataError, StructureError
from nmrflow.formats.molecule_files import MoleculeRow
from nmrflow.formats.spectrum_files import read_spectra
from nmrflow.formats.spectrum_sdf import SpectrumRow
from nmrflow.model.trained import TrainedFlow
from nmrflow.output.items import CHECK_COLUMNS, of_check
from nmrflow.output.writers import Heading
from nmrflow.spectra.peaks import PeakList

_COLOURS = {Verdict.FITS: "green", Verdict.DOUBTFUL: "yellow", Verdict.NO_FIT: "bold red"}


def run_check(asking: Asking, molecule: str | None, settings: Settings) -> None:
    """Check every spectrum of a source against a structure, or against the file's own.

    Raises:
        NmrflowError: If a spectrum or the structure is refused, or there is none.
    """
    model = settings.load([asking.source, *([molecule] if molecule else [])])
    given = _one_molecule(molecule, model) if molecule else None
    heading = Heading(
        CHECK_COLUMNS,
        {"command": "check", "model": settings.model, "caveats": model.caveats},
        f"Check of a {model.axis.nucleus.name} spectrum",
        MIRROR_LINES,
        model.axis.nucleus,
    )
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


def assignment_of(
    row: SpectrumRow, structure: Structure
) -> tuple[dict[int, float] | None, tuple[str, ...]]:
    """The shift of each atom of a structure that a spectrum's file assigns, and remarks.

    Atoms of an SDF are those of its own molecule, which must be the same; numbers in a list or a
    table are those of the structure as it was given, from 1. None where nothing is assigned.
    """
    peaks = row.peaks
    if peaks is None or not any(peak.atoms for peak in peaks.peaks):
        return None, ()
    if row.structure is None:
        return _by_number(peaks, structure)
    if row.structure.connectivity != structure.connectivity:
        return None, ("The file's own structure is another: its assignment was not used.",)
    # Both in the order in which the one canonical SMILES writes them.
    place = dict(zip(order_of_smiles(row.structure), order_of_smiles(structure), strict=True))
    told = {place[int(a)]: peak.shift_ppm for peak in peaks.peaks for a in peak.atoms}
    return told, ()


def _by_number(
    peaks: PeakList, structure: Structure
) -> tuple[dict[int, float] | None, tuple[str, ...]]:
    told: dict[int, float] = {}
    for peak in peaks.peaks:
        for label in peak.atoms:
            number = int(label) - 1 if label.isascii() and label.isdecimal() else -1
            if not 0 <= number < structure.n_atoms or structure.elements[number] != "C":
                why = f"{label!r} is no number of a carbon of the structure as it was given"
                return None, (f"What the list assigns to atoms was not used: {why}.",)
            told[number] = peak.shift_ppm
    return told, ()


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
    shown = " ".join(filter(None, (own.name, own.text))) or own.structure.connectivity
    title = f"{shown} ({own.structure.formula})" + (f", {row.name}" if row.name else "")
    names = ("measured", "predicted", "interval", "carbon", "atoms", "verdict", "better")
    show_table(title, names, rows, n_left=4)
    say(say_check(found))
