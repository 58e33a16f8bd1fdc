"""One table of cells for each molecule, whatever numbering or Kekulé form it came in.

The canonical form is the atom order of RDKit's canonical SMILES (no stereo) and the Kekulé form
that RDKit reads that text as. Written column by column, atom by atom, every atom after the
first is bound to one before it: a SMILES is read along bonds.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from nmrflow.chem.domain import AtomType, Domain
from nmrflow.chem.graph import AtomFeatures, MolecularGraph
from nmrflow.chem.structure import Bond, Structure
from nmrflow.errors import ShapeError, StructureError

MAX_ORDER = 3


def canonical_form(structure: Structure) -> Structure:
    """The same molecule in its canonical order and Kekulé form, with RDKit's aromatic flags."""
    return _from_connectivity(structure.connectivity)


@lru_cache(maxsize=2048)
def _from_connectivity(connectivity: str) -> Structure:
    # A candidate is met several times on its way from a table to its rank.
    structure = Structure.from_smiles(connectivity)
    vars(structure)["connectivity"] = connectivity
    return structure


class AtomKind(NamedTuple):
    """What an atom's cell says.

    Args:
        type: Element, charge and valence.
        n_hydrogens: How many it bears; None where the cell does not say.
    """

    type: AtomType
    n_hydrogens: int | None

    @property
    def n_bonds(self) -> int:
        """Orders of all bonds to heavy atoms together; the most, where hydrogens are not told."""
        return self.type.valence - (self.n_hydrogens or 0)


class CanonicalMolecule(NamedTuple):
    """What is needed of a molecule to label it, in its canonical order.

    Args:
        cells: As :meth:`TableCodec.encode` writes it, ``(n_cells,)``.
        graph: For networks on graphs.
        first: Which atoms come first among those equivalent by symmetry (no stereo), ``(n,)``.
    """

    cells: NDArray[np.uint8]
    graph: MolecularGraph
    first: NDArray[np.bool_]


class TableCodec:
    """Molecules of a domain as a vector of typed cells.

    A slot for each pair of atoms ``i < j`` of the canonical form holds the order 0 to 3 of their
    bond, column by column (:attr:`pairs`). Where the domain knows several kinds of atoms, a cell
    for each atom stands before them: 1 + the number of its kind, 0 where there is no atom. A
    fraction beside a whole number is ignored: a flow fills it in. So prediction cannot depend on
    how a molecule was numbered or drawn.

    Args:
        domain: What can be encoded.
        tells_hydrogens: Whether an atom's cell also says how many hydrogens it has: a CH2 is then
            of another kind than a CH3.
        max_atoms: Most heavy atoms that a table holds; None: the domain's.
    """

    depends_on_atom_order = False

    def __init__(
        self, domain: Domain, *, tells_hydrogens: bool = False, max_atoms: int | None = None
    ) -> None:
        self.domain = domain
        self.tells_hydrogens = tells_hydrogens
        self.max_atoms = n = max_atoms or domain.max_atoms
        self.kinds = (
            tuple(AtomKind(t, h) for t in domain.atom_types for h in range(t.valence))
            if tells_hydrogens
            else tuple(AtomKind(t, None) for t in domain.atom_types)
        )
        """What an atom's cell says, by its number less 1."""
        self._kind = {kind: k for k, kind in enumerate(self.kinds)}
        self.pairs = tuple((i, j) for j in range(1, n) for i in range(j))
        self.n_kind_cells = n if len(self.kinds) > 1 else 0
        self.shape = (self.n_kind_cells + len(self.pairs),)
        self._slot = {pair: self.n_kind_cells + slot for slot, pair in enumerate(self.pairs)}
        self._most = np.full(self.shape, MAX_ORDER)
        self._most[: self.n_kind_cells] = len(self.kinds)
        self.loses: tuple[str, ...] = (
            "stereochemistry (cis/trans and R/S forms share one tensor)",
            *(
                ["methane (it has no bond: its tensor would be all zeros)"]
                if domain.is_hydrocarbon
                else []
            ),
            "the numbering and the Kekulé form (one canonical form stands for all)",
        )

    def refusal(self, structure: Structure) -> str | None:
        """Why a structure has no table here, in a sentence, or None where it has one."""
        if (reason := self.domain.refusal(structure)) is not None:
            return reason
        fewest = 2 if self.tells_hydrogens else 1
        if not fewest <= structure.n_atoms <= self.max_atoms:
            return (
                f"{structure.formula} has {structure.n_atoms} heavy atoms: tables are of "
                f"{fewest} to {self.max_atoms}"
            )
        return None

    def encode(self, structure: Structure) -> NDArray[np.uint8]:
        """Write a structure's canonical form, ``(n_cells,)``.

        Raises:
            StructureError: As :meth:`nmrflow.chem.domain.Domain.check`, and for more atoms than a
                table holds; where hydrogens are told, for a single one.
        """
        if (reason := self.refusal(structure)) is not None:
            raise StructureError(reason)  # also what RDKit's text would not tell apart
        return self.write(canonical_form(structure))

    def write(self, structure: Structure) -> NDArray[np.uint8]:
        """Write a structure as it is numbered, ``(n_cells,)``; raises as :meth:`encode`."""
        if structure.n_atoms > self.max_atoms:
            raise StructureError(self.refusal(structure) or "")
        return self._written(
            self._kinds_of(structure), [(b.begin, b.end, b.order) for b in structure.bonds]
        )

    def _kinds_of(self, structure: Structure) -> Sequence[int]:
        kinds = self.domain.kinds_of(structure)
        if not self.tells_hydrogens:
            return kinds
        types = self.domain.atom_types
        if structure.n_atoms == 1:
            raise StructureError(f"{structure.formula} has no bond between heavy atoms")
        told = zip(kinds, structure.n_hydrogens, strict=True)
        return [self._kind[AtomKind(types[k], h)] for k, h in told]

    def _written(
        self, kinds: Sequence[int], bonds: Sequence[tuple[int, int, int]]
    ) -> NDArray[np.uint8]:
        cells = np.zeros(self.shape, dtype=np.uint8)
        if self.n_kind_cells:
            cells[: len(kinds)] = np.array(kinds) + 1
        for begin, end, order in bonds:
            cells[self._slot[min(begin, end), max(begin, end)]] = order
        return cells

    def canonical(self, connectivity: str, features: AtomFeatures) -> CanonicalMolecule:
        """A molecule from its connectivity, by a way three times as short as through structures.

        Args:
            connectivity: As :attr:`nmrflow.chem.structure.Structure.connectivity` writes it, of
                a molecule of the domain.
            features: Of the graph's atoms.

        Raises:
            StructureError: As :meth:`encode`.
        """
        mol = Chem.MolFromSmiles(connectivity)
        classes = list(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False))
        first = np.zeros(len(classes), dtype=bool)
        first[np.unique(classes, return_index=True)[1]] = True
        graph = features.graph_of(mol)
        kinds: Sequence[int] = ()
        if self.n_kind_cells or not self._holds(mol):
            kinds = self._kinds_of(_from_connectivity(connectivity))
        Chem.Kekulize(mol, clearAromaticFlags=True)
        bonds = [
            (b.GetBeginAtomIdx(), b.GetEndAtomIdx(), int(b.GetBondTypeAsDouble()))
            for b in mol.GetBonds()
        ]
        return CanonicalMolecule(self._written(kinds, bonds), graph, first)

    def _holds(self, mol: Chem.Mol) -> bool:
        """Whether a neutral molecule of the only kind's element; valences follow from that."""
        symbols = {atom.GetSymbol() for atom in mol.GetAtoms()}
        return symbols == {*self.domain.elements} and mol.GetNumAtoms() <= self.max_atoms

    def decode(self, tensor: NDArray[np.generic]) -> Structure:
        """Read whole numbers that are the canonical form of their molecule.

        Raises:
            ShapeError: If the shape is another.
            StructureError: If the cells are no valid connected molecule of the domain, or not
                the canonical form of their molecule: each molecule has exactly one.
        """
        canonical = self.read(tensor)
        if (self.write(canonical) != tensor).any():
            raise StructureError(
                f"the table is a molecule ({canonical.connectivity}), but not in canonical form"
            )
        return canonical

    def read(self, tensor: NDArray[np.generic]) -> Structure:
        """The molecule of whole numbers, however it is numbered; in canonical form.

        Raises:
            ShapeError: If the shape is another.
            StructureError: As :meth:`decode`, but any numbering and Kekulé form will do.
        """
        return canonical_form(self.structure(tensor))

    def structure(self, tensor: NDArray[np.generic]) -> Structure:
        """The structure of whole numbers, numbered as they are; without aromatic flags.

        Raises:
            ShapeError: If the shape is another.
            StructureError: If a number is another, or the cells are no valid connected molecule.
        """
        if tensor.shape != self.shape:
            raise ShapeError(f"expected cells of shape {self.shape}, got {tensor.shape}")
        cells = np.asarray(tensor)
        if not ((cells >= 0) & (cells <= self._most) & (cells == np.floor(cells))).all():
            raise StructureError(
                "a bond order is none of 0, 1, 2, 3, or an atom of no kind"
                if self.n_kind_cells
                else "a bond order is none of 0, 1, 2, 3"
            )
        # What is drawn is looked at twice: for its spectrum, and for its name.
        return _read_table(self, cells.astype(np.int8).tobytes())

    def structure_of(self, cells: NDArray[np.int8]) -> Structure:
        """As :meth:`structure`, of numbers that cells can hold, read anew."""
        n_before = self.n_kind_cells
        pairs = sorted(
            (*self.pairs[int(slot)], int(cells[n_before + slot]))
            for slot in np.flatnonzero(cells[n_before:])
        )
        bonds = tuple(Bond(*pair) for pair in pairs)
        if not n_before:
            if not bonds:
                raise StructureError("no bonds: an empty table is no molecule")
            kinds = [0] * (1 + max(bond.end for bond in bonds))
        else:
            n = int(np.count_nonzero(cells[:n_before]))
            if cells[n:n_before].any() or any(bond.end >= n for bond in bonds):
                raise StructureError("an atom, or a bond, stands behind the last atom")
            kinds = [int(kind) - 1 for kind in cells[:n]]
        types = [self.kinds[kind].type for kind in kinds]
        structure = Structure(
            tuple(t.element for t in types), bonds, tuple(t.charge for t in types)
        )
        if n_before and list(self._kinds_of(structure)) != kinds:
            raise StructureError("an atom has another valence than its kind, or other hydrogens")
        return structure

    def round(self, tensor: NDArray[np.floating]) -> NDArray[np.uint8]:
        """The whole numbers nearest to the cells.

        Args:
            tensor: The cells, and behind them perhaps others that say nothing of the molecule.

        Raises:
            StructureError: If a cell rounds to nothing that it can hold.
        """
        cells = np.floor(np.asarray(tensor)[: self.shape[0]] + 0.5)
        if not ((cells >= 0) & (cells <= self._most)).all():
            raise StructureError("a bond slot holds no number that rounds to 0, 1, 2 or 3")
        return cells.astype(np.uint8)


@lru_cache(maxsize=2048)
def _read_table(codec: TableCodec, table: bytes) -> Structure:
    return codec.structure_of(np.frombuffer(table, dtype=np.int8))
