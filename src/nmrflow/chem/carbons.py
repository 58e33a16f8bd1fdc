"""Ten kinds of carbon, by what decides where its shift lies."""

from nmrflow.chem.structure import Structure
from nmrflow.chem.valence import atoms_of

KINDS = (
    "CH3",
    "CH2",
    "CH",
    "C",
    "C-O",
    "C-halogen",
    "aromatic CH",
    "aromatic C",
    "C=C",
    "C=O",
    "C≡ and C=N",
)
"""sp3 carbons by their hydrogens where they bear neither oxygen nor halogen; then the others."""

_HALOGENS = {"F", "Cl", "Br", "I"}


def carbon_kinds(structure: Structure) -> list[str | None]:
    """The kind of each atom, one of :data:`KINDS`; None of atoms that are no carbon."""
    mol = structure.to_mol()
    is_aromatic = [atom.GetIsAromatic() for atom in atoms_of(mol)]
    return [
        _kind(structure, atom, is_aromatic=is_aromatic[atom]) if element == "C" else None
        for atom, element in enumerate(structure.elements)
    ]


def _kind(structure: Structure, atom: int, *, is_aromatic: bool) -> str:
    around = [(structure.elements[b], bond.order) for b, bond in structure.neighbours[atom]]
    n_hydrogens = structure.n_hydrogens[atom]
    if is_aromatic:
        return "aromatic CH" if n_hydrogens else "aromatic C"
    orders = [order for _, order in around]
    if ("O", 2) in around:
        return "C=O"
    if 3 in orders or orders.count(2) > 1 or ("N", 2) in around:
        return "C≡ and C=N"
    if 2 in orders:
        return "C=C"
    beside = {element for element, _ in around}
    if beside & _HALOGENS:
        return "C-halogen"
    if "O" in beside:
        return "C-O"
    return ("C", "CH", "CH2", "CH3", "CH3")[n_hydrogens]
