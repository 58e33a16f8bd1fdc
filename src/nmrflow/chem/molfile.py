"""Molfile blocks (MDL V2000 and V3000), as SDF records carry them."""

from dataclasses import dataclass

from rdkit import Chem, rdBase

from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError


@dataclass(frozen=True)
class Molfile:
    """A parsed molfile, before any question of whether a codec can hold it.

    Args:
        elements: Symbol of every atom in file order, explicit hydrogens included: what
            0-based atom numbers elsewhere in the record refer to.
    """

    elements: tuple[str, ...]
    _mol: Chem.Mol

    def structure(self) -> Structure:
        """The structure with the file's own Kekulé form; aromatic flags are RDKit's.

        Raises:
            StructureError: As :meth:`Structure.from_mol`, or if RDKit cannot sanitise it.
        """
        flagged = Chem.Mol(self._mol)
        with rdBase.BlockLogs():
            try:
                perceived = Chem.Mol(self._mol)
                Chem.SanitizeMol(perceived)
            except (ValueError, RuntimeError) as error:
                raise StructureError(f"RDKit refuses the structure: {error}") from error
        for bond, seen in zip(flagged.GetBonds(), perceived.GetBonds(), strict=True):
            bond.SetIsAromatic(seen.GetIsAromatic())
        return Structure.from_mol(flagged)


def parse_molfile(block: str) -> Molfile:
    """Parse one molfile block, without judging its chemistry.

    Raises:
        StructureError: If it is no readable molfile.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False)
    if mol is None:
        raise StructureError("no readable molfile block")
    return Molfile(tuple(atom.GetSymbol() for atom in mol.GetAtoms()), mol)
