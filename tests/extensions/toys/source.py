"""Made-up spectra of made-up molecules, by a rule that a network can learn."""

from collections.abc import Sequence

from nmrflow.chem.domain import Domain
from nmrflow.chem.generation.walk import generate_molecules
from nmrflow.chem.structure import Structure
from nmrflow.data.records import Record, SourceData
from nmrflow.spectra.peaks import Peak, PeakList

_AT_PPM = {"C": 20.0, "N": 35.0, "O": 60.0, "F": 85.0}


class Invented:
    """Molecules of a domain, each atom of one element with a shift by its neighbours.

    Args:
        smiles: What molecules are made from.
        domain: Which molecules are made.
        element: The observed one.
        n: How many.
    """

    name = "invented"
    path: str | None = None

    def __init__(self, smiles: Sequence[str], domain: Domain, element: str, n: int) -> None:
        self.smiles = tuple(smiles)
        self.domain = domain
        self.element = element
        self.n = n

    def read(self) -> SourceData:
        seeds = [Structure.from_smiles(smiles) for smiles in self.smiles]
        made = generate_molecules(seeds, self.n, 0, self.domain, with_seeds=True)
        known = (structure for structure in made if self.element in structure.elements)
        return SourceData(tuple(self._record(k, one) for k, one in enumerate(known)))

    def digest(self) -> str:
        return f"{self.smiles} {self.element} {self.n}"

    def _record(self, number: int, structure: Structure) -> Record:
        peaks = []
        for atom, element in enumerate(structure.elements):
            if element == self.element:
                shift = 0.0
                for b, bond in structure.neighbours[atom]:
                    shift += _AT_PPM[structure.elements[b]] + 10 * (bond.order - 1)
                    shift += 5 * len(structure.neighbours[b])
                peaks.append(Peak(round(min(shift, 149.0), 1), atoms=(str(atom),)))
        name = f"invented-{number}"
        return Record(name, name, structure, PeakList(tuple(peaks)), name)
