"""The molecules that the networks know, and plain words for those that they do not."""

from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError

MIN_CARBONS, MAX_CARBONS = 2, 17
"""Methane has no bond, and a table of bonds has room for 17 atoms."""


def check_domain(structure: Structure) -> None:
    """Refuse what is no hydrocarbon of 2 to 17 carbons.

    Raises:
        StructureError: In a sentence that says what is too much.
    """
    foreign = sorted(set(structure.elements) - {"C"})
    if foreign:
        raise StructureError(
            f"{structure.formula} contains {', '.join(foreign)}: only hydrocarbons, of C and H, "
            "are known"
        )
    if not MIN_CARBONS <= structure.n_atoms <= MAX_CARBONS:
        raise StructureError(
            f"{structure.formula} has {structure.n_atoms} carbon"
            f"{'' if structure.n_atoms == 1 else 's'}: {MIN_CARBONS} to {MAX_CARBONS} are known"
        )
