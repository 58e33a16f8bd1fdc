"""Which bonds and charges atoms may have, and which of two ways to draw a group is ours."""

from collections.abc import Sequence

from rdkit import Chem

from nmrflow.chem.formula import max_valence

_HYPERVALENT = {"P": 3, "S": 2, "As": 3, "Se": 2, "Te": 2}
"""Elements that have more than their lowest valence, and that."""

# RDKit would keep a hydrogen that tells on which side of a double bond it is drawn.
_ALL_HYDROGENS = Chem.RemoveHsParameters()
_ALL_HYDROGENS.removeDefiningBondStereo = True  # type: ignore[assignment]

_HIGHER = {1: Chem.BondType.DOUBLE, 2: Chem.BondType.TRIPLE}
"""The bond of one order more."""


def atoms_of(mol: Chem.Mol) -> list[Chem.Atom]:
    """Its atoms in order, faster than by the sequence of RDKit, which looks for changes."""
    return [mol.GetAtomWithIdx(k) for k in range(mol.GetNumAtoms())]


def bonds_of(mol: Chem.Mol) -> list[Chem.Bond]:
    """Its bonds, likewise."""
    return [mol.GetBondWithIdx(k) for k in range(mol.GetNumBonds())]


def without_hydrogens(mol: Chem.Mol) -> Chem.Mol:
    """A copy, not sanitised, whose hydrogens are implicit."""
    if mol.GetNumHeavyAtoms() == mol.GetNumAtoms():
        return Chem.Mol(mol)
    return Chem.RemoveHs(mol, _ALL_HYDROGENS, sanitize=False)


def join_charges(mol: Chem.Mol) -> Chem.Mol:
    """A Kekulé form with S+-O-, P+-C- and the like as double bonds, atoms in their order."""
    if not any(atom.GetFormalCharge() > 0 for atom in atoms_of(mol)):
        return mol
    joined = Chem.RWMol(mol)
    for bond in bonds_of(joined):
        order = int(bond.GetBondTypeAsDouble())
        for one, other in (
            (bond.GetBeginAtom(), bond.GetEndAtom()),
            (bond.GetEndAtom(), bond.GetBeginAtom()),
        ):
            own = int(sum(around.GetBondTypeAsDouble() for around in one.GetBonds()))
            charges = one.GetFormalCharge(), other.GetFormalCharge()
            if order in _HIGHER and _is_joinable(one.GetSymbol(), own, *charges):
                bond.SetBondType(_HIGHER[order])
                one.SetFormalCharge(charges[0] - 1)
                other.SetFormalCharge(charges[1] + 1)
                break
    return joined.GetMol()


def _is_joinable(element: str, n_bonds: int, charge: int, other_charge: int) -> bool:
    """Whether an atom's charge and a neighbour's are a way of drawing one more bond.

    Not where it bears hydrogens: they would be beyond its lowest valence.
    """
    lowest = _HYPERVALENT.get(element)
    return lowest is not None and other_charge < 0 < charge and n_bonds >= lowest + charge


def find_split(
    elements: Sequence[str],
    bonds: Sequence[tuple[int, int, int]],
    valence: Sequence[int],
    charges: Sequence[int],
) -> str | None:
    """A bond that is drawn as two charges, in words, or None: a molecule would have two tables.

    Args:
        elements: Symbol of each atom.
        bonds: Two atoms, and an order.
        valence: Sum of the orders of each atom's bonds.
        charges: Of each atom; none where all are neutral.
    """
    for begin, end, order in bonds if charges else ():
        for one, other in ((begin, end), (end, begin)):
            told = elements[one], valence[one], charges[one], charges[other]
            if order in _HIGHER and _is_joinable(*told):
                return (
                    f"atoms {one} ({elements[one]}) and {other} ({elements[other]}) bear opposite "
                    "charges in place of one more bond between them"
                )
    return None


def find_crowded(
    elements: Sequence[str], valence: Sequence[int], charges: Sequence[int]
) -> str | None:
    """An atom with more bonds than it can have, in words, or None; arguments as above."""
    for atom, (element, n_bonds) in enumerate(zip(elements, valence, strict=True)):
        most = max_valence(element, charges[atom] if charges else 0)
        if most is not None and n_bonds > most:
            return f"atom {atom} ({element}) has {n_bonds} bonds; {most} at most"
    return None
