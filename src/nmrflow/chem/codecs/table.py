"""One table of bond orders for each hydrocarbon, whatever numbering or Kekulé form it came in.

The canonical form is the atom order of RDKit's canonical SMILES (no stereo) and the Kekulé form
that RDKit reads that text as. Written column by column, atom by atom, every atom after the
first is bound to one before it: a SMILES is read along bonds.
"""

import re
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from nmrflow.chem.domain import MAX_CARBONS, check_domain
from nmrflow.chem.graph import MolecularGraph, graph_of
from nmrflow.chem.structure import Bond, Structure
from nmrflow.errors import ShapeError, StructureError

MAX_ATOMS = MAX_CARBONS

N_SLOTS = MAX_ATOMS * (MAX_ATOMS - 1) // 2
"""Pairs of atoms: 136. Slot ``j (j - 1) / 2 + i`` holds the bond order of atoms ``i < j``."""


_FORMULA = re.compile(r"C(?P<c>[1-9]\d?)H(?P<h>[1-9]\d?)?")


def canonical_form(structure: Structure) -> Structure:
    """The same molecule in its canonical order and Kekulé form, with RDKit's aromatic flags."""
    return _from_connectivity(structure.connectivity)


@lru_cache(maxsize=4096)
def _from_connectivity(connectivity: str) -> Structure:
    # A candidate is met several times on its way from a table to its rank.
    structure = Structure.from_smiles(connectivity)
    vars(structure)["connectivity"] = connectivity
    return structure


def bond_orders(structure: Structure) -> NDArray[np.uint8]:
    """The orders of a structure's bonds as it is numbered, 0 where there is none, ``(136,)``.

    Raises:
        StructureError: As :func:`nmrflow.chem.domain.check_domain`.
    """
    check_domain(structure)
    orders = np.zeros(N_SLOTS, dtype=np.uint8)
    for bond in structure.bonds:
        orders[bond.end * (bond.end - 1) // 2 + bond.begin] = bond.order
    return orders


def structure_from_orders(orders: NDArray[np.generic]) -> Structure:
    """The structure of a table of orders, numbered as the table is; without aromatic flags.

    Args:
        orders: Whole numbers 0 to 3, ``(136,)``. The molecule has as many atoms as the last
            occupied column says.

    Raises:
        ShapeError: If the shape is another.
        StructureError: If a number is another, or the bonds are no valid connected molecule.
    """
    if orders.shape != (N_SLOTS,):
        raise ShapeError(f"expected bond orders of shape ({N_SLOTS},), got {orders.shape}")
    if not np.isin(orders, (0, 1, 2, 3)).all():
        raise StructureError("a bond order is none of 0, 1, 2, 3")
    return _from_table(orders.astype(np.int8).tobytes())


@lru_cache(maxsize=4096)
def _from_table(table: bytes) -> Structure:
    # What is drawn is looked at twice: for its spectrum, and for its name.
    orders = np.frombuffer(table, dtype=np.int8)
    slots = np.flatnonzero(orders)
    if not len(slots):
        raise StructureError("no bonds: an empty table is no molecule")
    pairs = sorted((*_pair(int(slot)), int(orders[slot])) for slot in slots)
    n_atoms = 1 + max(end for _, end, _ in pairs)
    return Structure(("C",) * n_atoms, tuple(Bond(*pair) for pair in pairs))


def count_atoms_and_bonds(formula: str) -> tuple[int, int]:
    """Number of carbons and sum of all bond orders that a hydrocarbon's formula says.

    Raises:
        StructureError: If it is no formula of a hydrocarbon of 2 to 17 carbons, as C10H14 is.
    """
    match = _FORMULA.fullmatch(formula.strip())
    if match is None:
        raise StructureError(f"formula {formula!r} is none of a hydrocarbon, as C10H14 is")
    n_carbons, n_hydrogens = int(match["c"]), int(match["h"] or 1)
    total, odd = divmod(4 * n_carbons - n_hydrogens, 2)
    if not 2 <= n_carbons <= MAX_ATOMS or odd or total < n_carbons - 1:
        raise StructureError(
            f"no molecule of 2 to {MAX_ATOMS} carbons has the formula {formula.strip()}"
        )
    return n_carbons, total


class CanonicalMolecule(NamedTuple):
    """What is needed of a molecule to label it, in its canonical order.

    Args:
        orders: As of :func:`bond_orders`, ``(136,)``.
        graph: For networks on graphs.
        first: Which atoms come first among those equivalent by symmetry (no stereo), ``(n,)``.
    """

    orders: NDArray[np.uint8]
    graph: MolecularGraph
    first: NDArray[np.bool_]


def read_canonical(connectivity: str) -> CanonicalMolecule:
    """A hydrocarbon from its connectivity, by a way three times as short as through structures.

    Args:
        connectivity: As :attr:`nmrflow.chem.structure.Structure.connectivity` writes it.
    """
    mol = Chem.MolFromSmiles(connectivity)
    classes = list(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False))
    first = np.zeros(len(classes), dtype=bool)
    first[np.unique(classes, return_index=True)[1]] = True
    graph = graph_of(mol)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    orders = np.zeros(N_SLOTS, dtype=np.uint8)
    for bond in mol.GetBonds():
        i, j = sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
        orders[j * (j - 1) // 2 + i] = int(bond.GetBondTypeAsDouble())
    return CanonicalMolecule(orders, graph, first)


class BondOrderCodec:
    """Hydrocarbons of 2 to 17 carbons as one table of bond orders, in a 4 x 16 x 16 image.

    Cell ``[0, i, k]`` with ``k >= i`` holds the order 0 to 3 of the bond between atoms ``i`` and
    ``k + 1`` of the canonical form; the other 888 cells hold nothing. A fraction above the
    order is ignored, and so is all that stands in the other cells: both are what a flow fills
    in. So prediction cannot depend on how a molecule was numbered or drawn.
    """

    max_atoms = MAX_ATOMS
    shape = (4, 16, 16)
    depends_on_atom_order = False
    loses = (
        "stereochemistry (cis/trans and R/S forms share one tensor)",
        "methane (it has no bond: its tensor would be all zeros)",
        "the numbering and the Kekulé form (one canonical form stands for all)",
    )

    def check(self, structure: Structure) -> None:
        """Raises as :func:`nmrflow.chem.domain.check_domain`."""
        check_domain(structure)

    def encode(self, structure: Structure) -> NDArray[np.uint8]:
        """Write a structure's canonical form.

        Returns:
            Array of shape ``(4, 16, 16)``, values 0 to 3.

        Raises:
            StructureError: As :func:`bond_orders`.
        """
        self.check(structure)  # refuses what RDKit's text would not tell apart
        return np.asarray(self.image(bond_orders(canonical_form(structure))[None])[0])

    @classmethod
    def image(cls, orders: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Tables of orders ``(n, 136)`` as images ``(n, 4, 16, 16)``."""
        tensors = np.zeros((len(orders), *cls.shape), dtype=np.uint8)
        tensors[:, 0, *_CELLS] = orders
        return tensors

    def decode(self, tensor: NDArray[np.generic]) -> Structure:
        """Read an image of whole numbers that is the canonical form of its molecule.

        Raises:
            ShapeError: If the shape is another.
            StructureError: If a cell that holds nothing is set, the bonds are no valid
                connected molecule, or the table is not the canonical form of its molecule:
                each molecule has exactly one.
        """
        canonical = self.read(tensor)
        if (bond_orders(canonical) != tensor[0, *_CELLS]).any():
            raise StructureError(
                f"the table is a molecule ({canonical.connectivity}), but not in canonical form"
            )
        return canonical

    def read(self, tensor: NDArray[np.generic]) -> Structure:
        """The molecule of an image of whole numbers, however it is numbered; in canonical form.

        Raises:
            ShapeError: If the shape is another.
            StructureError: As :meth:`decode`, but any numbering and Kekulé form will do.
        """
        if tensor.shape != self.shape:
            raise ShapeError(f"expected a bond image of shape {self.shape}, got {tensor.shape}")
        orders = tensor[0, *_CELLS]
        if np.count_nonzero(tensor) != np.count_nonzero(orders):
            raise StructureError("a cell that holds no bond is set; round the tensor first")
        return canonical_form(structure_from_orders(orders))

    def round(self, tensor: NDArray[np.floating]) -> NDArray[np.uint8]:
        """The orders nearest to the slots' numbers; cells that hold nothing become 0.

        Raises:
            StructureError: If a slot rounds to no order.
        """
        orders = np.floor(tensor[0, *_CELLS] + 0.5)
        if not ((orders >= 0) & (orders <= 3)).all():
            raise StructureError("a bond slot holds no number that rounds to 0, 1, 2 or 3")
        return np.asarray(self.image(orders[None].astype(np.uint8))[0])


@cache
def _pair(slot: int) -> tuple[int, int]:
    """Atoms ``(i, j)`` of a slot."""
    j = 1
    while j * (j + 1) // 2 <= slot:
        j += 1
    return slot - j * (j - 1) // 2, j


_CELLS = tuple(np.array([(i, j - 1) for i, j in map(_pair, range(N_SLOTS))]).T)
"""Where each slot stands in the image."""
