"""Hydrocarbons as arrays for networks on graphs: nothing in them depends on Kekulé form."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError

MAX_ATOMS = 17

BOND_KINDS = ("single", "single in a ring", "double", "double in a ring", "triple", "aromatic")

N_ATOM_FEATURES = 20
"""Hydrogens 0 to 3, carbons bound 0 to 4, ring bonds 0 to 4, smallest ring 3 to 7 or larger."""

_LARGE_RING = 8


class CarbonGraphs(NamedTuple):
    """Molecules as arrays, padded with carbons that are none.

    Args:
        atoms: 0/1 features of each carbon, ``(n, 17, N_ATOM_FEATURES)``.
        bonds: 1 + the position in :data:`BOND_KINDS`, 0 where there is none, ``(n, 17, 17)``.
        share: 1 / number of carbons equivalent to it by symmetry, 0 for padding, ``(n, 17)``.
    """

    atoms: NDArray[np.uint8]
    bonds: NDArray[np.uint8]
    share: NDArray[np.float32]


def carbon_graphs(structures: Sequence[Structure]) -> CarbonGraphs:
    """The arrays of hydrocarbons of at most 17 carbons.

    Renumbering a structure's atoms renumbers its arrays in the same way and changes nothing
    else; RDKit's perception decides what is aromatic, whatever Kekulé form is stored.

    Raises:
        StructureError: If a structure holds another element or more carbons.
    """
    n = len(structures)
    graphs = CarbonGraphs(
        np.zeros((n, MAX_ATOMS, N_ATOM_FEATURES), dtype=np.uint8),
        np.zeros((n, MAX_ATOMS, MAX_ATOMS), dtype=np.uint8),
        np.zeros((n, MAX_ATOMS), dtype=np.float32),
    )
    for row, structure in enumerate(structures):
        if structure.n_atoms > MAX_ATOMS or set(structure.elements) != {"C"}:
            raise StructureError(f"{structure.formula}: up to {MAX_ATOMS} carbons, nothing else")
        _fill(structure.to_mol(), *(array[row] for array in graphs))
    return graphs


def _fill(
    mol: Chem.Mol,
    atoms: NDArray[np.uint8],
    bonds: NDArray[np.uint8],
    share: NDArray[np.float32],
) -> None:
    n = mol.GetNumAtoms()
    smallest = [0] * n
    for ring in sorted(mol.GetRingInfo().AtomRings(), key=len, reverse=True):
        for a in ring:
            smallest[a] = min(len(ring), _LARGE_RING)
    degree, n_ring_bonds = [0] * n, [0] * n
    for bond in mol.GetBonds():
        in_ring = bond.IsInRing()
        if bond.GetIsAromatic():
            kind = BOND_KINDS.index("aromatic")
        else:
            kind = min(2 * int(bond.GetBondTypeAsDouble()) - 2 + in_ring, 4)
        one, other = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        bonds[one, other] = bonds[other, one] = 1 + kind
        for a in (one, other):
            degree[a] += 1
            n_ring_bonds[a] += in_ring
    classes = list(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False))
    for a, atom in enumerate(mol.GetAtoms()):
        atoms[a, min(atom.GetTotalNumHs(), 3)] = 1
        atoms[a, 4 + degree[a]] = 1
        atoms[a, 9 + n_ring_bonds[a]] = 1
        if smallest[a]:
            atoms[a, 14 + smallest[a] - 3] = 1
        share[a] = 1 / classes.count(classes[a])
