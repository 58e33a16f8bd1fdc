"""Molecules with 13C shifts that nmrflow makes itself, by enumeration and additivity rules.

The shifts are textbook estimates, not measurements: ``benchmarks/embedded_shifts.py`` compares
them with measured ones.
"""

from nmrflow.chem.generation.additivity import predict_shifts
from nmrflow.chem.generation.enumeration import enumerate_hydrocarbons
from nmrflow.chem.structure import Structure
from nmrflow.data.records import Record, SourceData
from nmrflow.errors import StructureError
from nmrflow.spectra.peaks import Peak, PeakList


class Embedded:
    """The generated hydrocarbons as a data source: at hand anywhere, without a file.

    Always the same molecules in the same order. Synthetic: what a network scores here says
    nothing of measured spectra.
    """

    name = "embedded"
    path: str | None = None

    def read(self) -> SourceData:
        """Generate every record; takes well under five seconds."""
        records = []
        for k, (structure, shifts) in enumerate(generate()):
            peaks = tuple(Peak(shift, atoms=(str(atom),)) for atom, shift in enumerate(shifts))
            name, provenance = f"embedded-{k}", f"generated, number {k}"
            records.append(Record(name, name, structure, PeakList(peaks), provenance))
        return SourceData(tuple(records))

    def digest(self) -> str:
        """There is no file."""
        return ""


def generate() -> list[tuple[Structure, tuple[float, ...]]]:
    """All molecules of the enumeration that the additivity rules cover.

    Returns:
        Pairs of a structure and its shifts in ppm, one per carbon in the structure's atom
        order, sorted by number of atoms and then by bond table. Cyclopropane alone has a
        negative shift.
    """
    pairs = []
    for structure in enumerate_hydrocarbons():
        try:
            pairs.append((structure, predict_shifts(structure)))
        except StructureError:  # Outside the rules: left out rather than predicted badly.
            continue
    # RDKit's canonical SMILES may change between versions; the bond tables made here do not.
    return sorted(pairs, key=lambda pair: (pair[0].n_atoms, pair[0].bonds))
