"""What somebody gives beside peaks: molecules, and what belongs to which of their atoms."""

from dataclasses import replace

from nmrflow.chem.notation import order_of_smiles
from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError
from nmrflow.formats.molecule_files import MoleculeRow
from nmrflow.formats.spectrum_sdf import SpectrumRow
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.peaks import PeakList


def check_row(model: TrainedFlow, row: MoleculeRow) -> MoleculeRow:
    """The row; without its structure, and with the reason, where the network does not know it."""
    if row.structure is not None:
        try:
            model.check(row.structure)
        except StructureError as error:
            return replace(row, structure=None, reason=str(error))
    return row


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
