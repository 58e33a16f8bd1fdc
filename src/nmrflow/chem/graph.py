"""Molecules of any elements as sparse arrays for networks on graphs.

Nothing in them depends on the Kekulé form, and renumbering a structure's atoms renumbers its
arrays and changes nothing else.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from nmrflow.chem.structure import Structure
from nmrflow.chem.valence import atoms_of, bonds_of

ELEMENTS = ("C", "N", "O", "S", "P", "F", "Cl", "Br", "Si")
"""Elements with a feature of their own unless others are named; all others share one."""

BOND_KINDS = ("single", "single in a ring", "double", "double in a ring", "triple", "aromatic")

RING_SIZES = (3, 4, 5, 6, 7, 8)
"""Ring sizes with a feature of their own; larger rings count as the last."""

KIND_HYDROGENS, N_SIZES = 3, 4
"""Of the columns of :meth:`AtomFeatures.count_kinds` that of hydrogens, and how many are first."""

_Kind = tuple[str, int, int, int, bool, int]
"""Of an atom: symbol, hydrogens, neighbours, ring bonds, whether aromatic, charge."""

_MOST = 4  # More hydrogens, neighbours or ring bonds than four count as four.
_N_BEHIND = 3 * (_MOST + 1) + len(RING_SIZES) + 1
_AROMATIC_KIND = BOND_KINDS.index("aromatic")
_TRIPLE_KIND = BOND_KINDS.index("triple")


class MolecularGraph(NamedTuple):
    """One molecule of n heavy atoms and e/2 bonds, atoms in the structure's order.

    Args:
        atoms: Features of each atom, ``(n, n_features)``. All are 0/1 but the rings: for
            each size the number of pairs of an atom's bonds whose smallest ring has it.
        edges: Source, target and position in :data:`BOND_KINDS` of each bond, once in each
            direction, ``(3, e)``.
        share: 1 / number of atoms equivalent to it by symmetry, ``(n,)``.
        observed: Which atoms are of the nucleus that is observed, ``(n,)``.
    """

    atoms: NDArray[np.uint8]
    edges: NDArray[np.int32]
    share: NDArray[np.float32]
    observed: NDArray[np.bool_]


class AtomFeatures:
    """How atoms become numbers; the molecule's graph with them.

    Args:
        elements: Those with a feature of their own; all others share one.
        observed: The element whose atoms have shifts.
        tells_charges: Whether a positive and a negative charge are features too.
    """

    def __init__(
        self,
        elements: Sequence[str] = ELEMENTS,
        observed: str = "C",
        *,
        tells_charges: bool = False,
    ) -> None:
        self.elements = tuple(elements)
        self.observed = observed
        self.tells_charges = tells_charges
        self.n = len(self.elements) + 1 + _N_BEHIND + 2 * tells_charges
        """Features: element, hydrogens 0 to 4, neighbours 0 to 4, ring bonds 0 to 4, rings by
        size, aromatic; positive, negative."""
        self._column = {element: column for column, element in enumerate(self.elements)}
        self._hydrogens = len(self.elements) + 1
        self._neighbours = self._hydrogens + _MOST + 1
        self._ring_bonds = self._neighbours + _MOST + 1
        self._rings = self._ring_bonds + _MOST + 1
        self._aromatic = self._rings + len(RING_SIZES)
        self._rows: dict[_Kind, bytes] = {}

    def columns_of(self, elements: Sequence[str]) -> list[int]:
        """Columns of :meth:`count_kinds` that say how many atoms of each element there are.

        Raises:
            ValueError: If one has no feature of its own.
        """
        return [N_SIZES + self.elements.index(element) for element in elements]

    def graph(self, structure: Structure) -> MolecularGraph:
        """The arrays of one molecule; RDKit's perception decides what is aromatic.

        Raises:
            StructureError: If RDKit refuses the structure.
        """
        return self.graph_of(structure.to_mol())

    def graph_of(self, mol: Chem.Mol) -> MolecularGraph:
        """As :meth:`graph`, of a sanitised RDKit molecule."""
        everything = atoms_of(mol)
        symbols = [atom.GetSymbol() for atom in everything]
        edges, ring_neighbours = _edges(mol)
        rows = [
            self._row(
                (
                    symbol,
                    min(atom.GetTotalNumHs(), _MOST),
                    min(atom.GetDegree(), _MOST),
                    min(len(around), _MOST),
                    atom.GetIsAromatic(),
                    atom.GetFormalCharge(),
                )
            )
            for symbol, atom, around in zip(symbols, everything, ring_neighbours, strict=True)
        ]
        atoms = np.frombuffer(bytearray(b"".join(rows)), dtype=np.uint8).reshape(-1, self.n)
        for a, size in _pair_rings(mol, ring_neighbours):
            atoms[a, self._rings + min(size, RING_SIZES[-1]) - RING_SIZES[0]] += 1
        classes = tuple(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False))
        n_alike = Counter(classes)
        return MolecularGraph(
            atoms,
            edges,
            np.array([1 / n_alike[c] for c in classes], dtype=np.float32),
            np.array([symbol == self.observed for symbol in symbols]),
        )

    def _row(self, key: _Kind) -> bytes:
        """The features of an atom, but for its rings: there are few of them, made once."""
        if (row := self._rows.get(key)) is None:
            symbol, n_hydrogens, n_neighbours, n_ring_bonds, is_aromatic, charge = key
            told = bytearray(self.n)
            told[self._column.get(symbol, len(self.elements))] = 1
            told[self._hydrogens + n_hydrogens] = 1
            told[self._neighbours + n_neighbours] = 1
            told[self._ring_bonds + n_ring_bonds] = 1
            told[self._aromatic] = is_aromatic
            if self.tells_charges and charge:
                told[self._aromatic + (1 if charge > 0 else 2)] = 1
            row = self._rows[key] = bytes(told)
        return row

    def count_kinds(self, graph: MolecularGraph) -> NDArray[np.uint8]:
        """How many atoms and bonds of each kind a molecule has, whatever its numbering.

        Returns:
            Atoms, bonds, atoms that differ by symmetry, hydrogens; the sum of each atom feature;
            bonds of each kind; atoms by hydrogens, neighbours, whether aromatic, whether in a
            ring: one row of numbers, as long for every molecule.
        """
        atoms = graph.atoms.astype(np.int64)
        hydrogens = atoms[:, self._hydrogens : self._neighbours].argmax(1)
        neighbours = atoms[:, self._neighbours : self._ring_bonds].argmax(1)
        in_ring = 1 - atoms[:, self._ring_bonds]
        n_states = _MOST + 1
        environment = n_states * hydrogens + neighbours
        environment = 4 * environment + 2 * atoms[:, self._aromatic] + in_ring
        sizes = len(atoms), graph.edges.shape[1] // 2, round(graph.share.sum()), hydrogens.sum()
        counts = np.concatenate(
            [
                sizes,
                atoms.sum(0),
                np.bincount(graph.edges[2], minlength=len(BOND_KINDS)) // 2,
                np.bincount(environment, minlength=4 * n_states**2),
            ]
        )
        return counts.clip(0, 255).astype(np.uint8)


def molecular_graph(structure: Structure) -> MolecularGraph:
    """The graph of a molecule with the usual features, its carbons observed."""
    return _USUAL.graph(structure)


_USUAL = AtomFeatures()


def _edges(mol: Chem.Mol) -> tuple[NDArray[np.int32], list[list[int]]]:
    """Bonds in both directions, ``(3, e)``, and each atom's neighbours along ring bonds."""
    columns: list[tuple[int, int, int]] = []
    ring_neighbours: list[list[int]] = [[] for _ in range(mol.GetNumAtoms())]
    for bond in bonds_of(mol):
        in_ring = bond.IsInRing()
        if bond.GetIsAromatic():
            kind = _AROMATIC_KIND
        else:
            kind = min(2 * int(bond.GetBondTypeAsDouble()) - 2 + in_ring, _TRIPLE_KIND)
        one, other = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        columns += [(one, other, kind), (other, one, kind)]
        if in_ring:
            ring_neighbours[one].append(other)
            ring_neighbours[other].append(one)
    return np.array(columns, dtype=np.int32).reshape(-1, 3).T, ring_neighbours


def _pair_rings(mol: Chem.Mol, ring_neighbours: list[list[int]]) -> list[tuple[int, int]]:
    """For each pair of ring bonds that meet at an atom: the atom, the size of their ring.

    That is the smallest ring through both. Counting the rings of a smallest set instead would
    depend on the numbering: in cages the set is not unique.
    """
    smallest = [0] * len(ring_neighbours)
    for ring in sorted(mol.GetRingInfo().AtomRings(), key=len, reverse=True):
        for a in ring:
            smallest[a] = len(ring)
    found = []
    for a, around in enumerate(ring_neighbours):
        if len(around) == 2:  # Its one pair lies in the smallest ring of the atom.
            found.append((a, smallest[a]))
        else:
            for k, start in enumerate(around[:-1]):
                reached = _distances_without(a, start, ring_neighbours)
                found += [(a, 2 + reached.get(end, RING_SIZES[-1])) for end in around[k + 1 :]]
    return found


def _distances_without(
    avoided: int, start: int, ring_neighbours: list[list[int]]
) -> dict[int, int]:
    """Bonds between ``start`` and each atom within reach by ring bonds, around one atom."""
    distance = {start: 0}
    front = [start]
    for step in range(1, RING_SIZES[-1] - 1):
        following = []
        for a in front:
            for b in ring_neighbours[a]:
                if b != avoided and b not in distance:
                    distance[b] = step
                    following.append(b)
        front = following
    return distance
