"""Whether molecules hold a pattern."""

from collections.abc import Callable

from rdkit import Chem, rdBase

from nmrflow.errors import StructureError


def holds(smarts: str) -> Callable[[str], bool]:
    """Whether a molecule, by its connectivity, holds a pattern.

    Args:
        smarts: The pattern; a SMILES is one too, of which hydrogens are not asked.

    Raises:
        StructureError: If it is none that RDKit can read.

    Example:
        >>> holds("c1ccccc1O")("Cc1ccccc1O")
        True
    """
    with rdBase.BlockLogs():
        pattern = Chem.MolFromSmarts(smarts)
    if pattern is None or not pattern.GetNumAtoms():
        raise StructureError(f"{smarts!r} is no pattern (SMARTS or SMILES) that RDKit can read")

    def is_held(connectivity: str) -> bool:
        return bool(Chem.MolFromSmiles(connectivity).HasSubstructMatch(pattern))

    return is_held
