"""Salts and solvates: the part whose spectrum is meant."""

from collections.abc import Sequence
from typing import NamedTuple

from rdkit import Chem, rdBase

_MOST_BESIDE = 0.5
"""Carbons of another part in units of the largest part's: more of them are a mixture."""


class MainPart(NamedTuple):
    """The largest of several parts.

    Args:
        place: Which one it is.
        remark: What was left out, in words.
    """

    place: int
    remark: str


def main_part_of_smiles(text: str) -> tuple[str, str] | None:
    """The SMILES of the largest part of a salt, as it stands in a text, and a remark.

    None where there are no parts, or none is much larger in carbons than all others: of a mixture
    nobody can say which is meant.
    """
    if "." not in text or not text.isascii():
        return None
    parts = text.split(".")
    with rdBase.BlockLogs():
        found = [Chem.MolFromSmiles(part) if part else None for part in parts]
    # Ring bonds may lead from one part to another: then a part alone is no SMILES.
    mols = [mol for mol in found if mol is not None]
    if len(mols) < len(parts) or any(len(Chem.GetMolFrags(mol)) != 1 for mol in mols):
        return None
    main = main_part(mols)
    return None if main is None else (parts[main.place], main.remark)


def main_part(mols: Sequence[Chem.Mol]) -> MainPart | None:
    """The largest of some parts, or None as of :func:`main_part_of_smiles`."""
    n_carbons = [sum(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms()) for mol in mols]
    order = sorted(range(len(mols)), key=lambda k: -n_carbons[k])
    if len(mols) < 2 or not n_carbons[order[0]]:
        return None
    if n_carbons[order[1]] > _MOST_BESIDE * n_carbons[order[0]]:
        return None
    left_out = ", ".join(Chem.MolToSmiles(mols[k], isomericSmiles=False) for k in order[1:])
    remark = f"a salt or solvate: its largest part is taken, and numbered; left out: {left_out}"
    return MainPart(order[0], remark)
