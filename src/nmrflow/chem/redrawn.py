"""Groups that are drawn in two ways, and were given in the way that is not ours."""

import re

from rdkit import Chem, rdBase

from nmrflow.chem.structure import Structure
from nmrflow.chem.valence import atoms_of

_POSITIVE = re.compile(r"\[\d*([A-Za-z][a-z]?)[^]]*\+")
_BONDS = {1: "", 2: "=", 3: "#"}


def say_redrawn(drawn: Chem.Mol, structure: Structure) -> str | None:
    """What of a drawing was read with other charges and bonds, in words; None where nothing was.

    Numbering, Kekulé form and hydrogens that are written out are no difference.

    Args:
        drawn: As it was given, not sanitised.
        structure: What was read of it, its heavy atoms in the same order.
    """
    heavy = [atom for atom in atoms_of(drawn) if atom.GetAtomicNum() != 1]
    charges = structure.charges or (0,) * structure.n_atoms
    if len(heavy) != len(charges):
        return None
    charges_drawn = [atom.GetFormalCharge() for atom in heavy]
    found = set()
    for begin, end, order, _ in structure.bonds:
        if charges_drawn[begin] == charges[begin] or charges_drawn[end] == charges[end]:
            continue
        bond = drawn.GetBondBetweenAtoms(heavy[begin].GetIdx(), heavy[end].GetIdx())
        pair = sorted((begin, end), key=lambda k: structure.elements[k])
        elements = [structure.elements[k] for k in pair]
        before, after = (
            _BONDS.get(int(o), "~").join(
                _symbol(element, own[k]) for element, k in zip(elements, pair, strict=True)
            )
            for o, own in ((bond.GetBondTypeAsDouble(), charges_drawn), (order, charges))
        )
        found.add(f"{before} was read as {after}")
    return "; ".join(sorted(found)) or None


def say_redrawn_smiles(text: str, structure: Structure) -> str | None:
    """As :func:`say_redrawn`, of a SMILES that was read."""
    # Where those are written that are read nothing was redrawn: most texts need no second look.
    written = sorted(symbol.capitalize() for symbol in _POSITIVE.findall(text))
    told = zip(structure.elements, structure.charges, strict=False)
    if written == sorted(element for element, charge in told if charge > 0):
        return None
    with rdBase.BlockLogs():
        drawn = Chem.MolFromSmiles(text, sanitize=False)
    return None if drawn is None else say_redrawn(drawn, structure)


def _symbol(element: str, charge: int) -> str:
    return f"[{element}{'+' if charge > 0 else '-'}]" if charge else element
