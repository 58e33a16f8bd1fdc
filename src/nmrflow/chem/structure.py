"""The structure type that all of nmrflow passes around, and its ways from and to RDKit."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, NoReturn

from rdkit import Chem, rdBase

from nmrflow.chem.formula import hill
from nmrflow.chem.valence import (
    atoms_of,
    bonds_of,
    find_crowded,
    find_split,
    join_charges,
    without_hydrogens,
)
from nmrflow.errors import StructureError
from nmrflow.limits import MAX_ATOMS

_ORDERS = {Chem.BondType.SINGLE: 1, Chem.BondType.DOUBLE: 2, Chem.BondType.TRIPLE: 3}
_AROMATIC = 1.5
_BOND_TYPES = {order: bond_type for bond_type, order in _ORDERS.items()}


class Bond(NamedTuple):
    """One bond of a Kekulé form; ``begin < end`` are 0-based atom positions."""

    begin: int
    end: int
    order: int
    aromatic: bool = False


@dataclass(frozen=True)
class Structure:
    """A molecule as a table of bonds: one Kekulé form, its aromatic flags, one atom order.

    Hydrogens are implicit: as many as fill an atom's lowest valence that holds its bonds.
    Stereochemistry is not held. Equality is that of the table; two structures are the same
    *molecule* when :attr:`connectivity` is equal.

    Args:
        elements: Element symbol of every heavy atom, in stored order.
        bonds: Bonds sorted by ``(begin, end)``, each pair of atoms once.
        charges: Formal charge of every atom; empty where all are neutral.

    Raises:
        StructureError: If an atom or a bond is impossible, an atom has too many bonds,
            or the atoms do not hang together.
    """

    elements: tuple[str, ...]
    bonds: tuple[Bond, ...]
    charges: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.charges and not any(self.charges):
            object.__setattr__(self, "charges", ())  # One table for a neutral molecule.
        problem = _find_problem(self.elements, self.bonds, self.charges)
        if problem is not None:
            raise StructureError(problem)

    @property
    def n_atoms(self) -> int:
        """Number of heavy atoms."""
        return len(self.elements)

    @cached_property
    def neighbours(self) -> tuple[tuple[tuple[int, Bond], ...], ...]:
        """For each atom its ``(neighbour, bond)`` pairs, in bond order."""
        table: list[list[tuple[int, Bond]]] = [[] for _ in self.elements]
        for bond in self.bonds:
            table[bond.begin].append((bond.end, bond))
            table[bond.end].append((bond.begin, bond))
        return tuple(tuple(row) for row in table)

    @cached_property
    def n_hydrogens(self) -> tuple[int, ...]:
        """Implicit hydrogens of each atom: what its lowest allowed valence leaves open."""
        return tuple(atom.GetTotalNumHs() for atom in atoms_of(self._mol))

    @cached_property
    def valences(self) -> tuple[int, ...]:
        """Bond orders and hydrogens of each atom together."""
        valences = list(self.n_hydrogens)
        for bond in self.bonds:
            valences[bond.begin] += bond.order
            valences[bond.end] += bond.order
        return tuple(valences)

    @cached_property
    def symmetry_classes(self) -> tuple[int, ...]:
        """For each atom a number that it shares with the atoms it is equivalent to (no stereo)."""
        ranks = Chem.CanonicalRankAtoms(self._mol, breakTies=False, includeChirality=False)
        return tuple(ranks)

    @cached_property
    def connectivity(self) -> str:
        """Canonical SMILES without stereo, after RDKit's own aromaticity perception.

        This is the identity of a molecule everywhere in nmrflow: two structures are the
        same when their connectivities are equal, whatever their atom order, Kekulé form or
        stored aromatic flags.
        """
        return str(Chem.MolToSmiles(self._mol, isomericSmiles=False))

    @cached_property
    def formula(self) -> str:
        """Molecular formula in Hill order, for example ``C10H14``; a net charge stands behind."""
        counts = Counter(self.elements)
        counts["H"] += sum(self.n_hydrogens)
        return hill(counts, sum(self.charges))

    def permuted(self, order: Sequence[int]) -> "Structure":
        """The same molecule with its atoms renumbered: new atom k is old atom ``order[k]``.

        Raises:
            StructureError: If ``order`` is not a permutation of the atoms.
        """
        if sorted(order) != list(range(self.n_atoms)):
            raise StructureError(f"{list(order)} is no permutation of {self.n_atoms} atoms")
        new_position = {old: new for new, old in enumerate(order)}
        return Structure(
            tuple(self.elements[old] for old in order),
            sort_bonds(
                (new_position[b.begin], new_position[b.end], b.order, b.aromatic)
                for b in self.bonds
            ),
            tuple(self.charges[old] for old in order) if self.charges else (),
        )

    def to_mol(self) -> Chem.Mol:
        """A sanitised RDKit molecule with the same atom order; aromaticity is RDKit's own.

        Raises:
            StructureError: If RDKit refuses the structure.
        """
        return Chem.Mol(self._mol)

    @cached_property
    def _mol(self) -> Chem.Mol:
        """Never handed out: who asks for a molecule may change it."""
        mol = Chem.RWMol()
        with rdBase.BlockLogs():
            try:
                for element in self.elements:
                    mol.AddAtom(Chem.Atom(element))
                for atom, charge in enumerate(self.charges):
                    mol.GetAtomWithIdx(atom).SetFormalCharge(charge)
                for bond in self.bonds:
                    mol.AddBond(bond.begin, bond.end, _BOND_TYPES[bond.order])
                Chem.SanitizeMol(mol)
            except (ValueError, RuntimeError) as error:
                # RDKit says which check failed, then why, then where in its own sources.
                reason = " ".join(" ".join(str(error).split("\n")[:2]).split())
                raise StructureError(f"RDKit refuses the structure: {reason}") from error
        return mol.GetMol()

    @classmethod
    def from_mol(cls, mol: Chem.Mol) -> "Structure":
        """Read an RDKit molecule: its own Kekulé form and flags where its bonds are Kekulé.

        Bonds of type AROMATIC are written as the Kekulé form RDKit chooses, with the flag
        set. Stereochemistry is dropped; explicit hydrogens are made implicit. Of a group that is
        drawn with and without charges there is one form: nitro groups, N-oxides and azides have
        them, sulfoxides, phosphine oxides and ylides have not.

        Raises:
            StructureError: For no or too many atoms, radicals, isotopes, query atoms or bonds,
                bond orders but 1 to 3, hydrogens that the bonds do not tell, several fragments.
        """
        if (n := mol.GetNumAtoms()) > MAX_ATOMS:
            raise StructureError(f"{n:,} atoms are more than the {MAX_ATOMS:,} that are read")
        with rdBase.BlockLogs():
            try:
                mol = without_hydrogens(mol)
                # Five-bonded nitrogen of nitro groups, azides and the like becomes charged.
                Chem.SanitizeMol(mol, Chem.SanitizeFlags.SANITIZE_CLEANUP)
                mol.UpdatePropertyCache(strict=True)
                if any(b.GetBondTypeAsDouble() == _AROMATIC for b in bonds_of(mol)):
                    Chem.Kekulize(mol, clearAromaticFlags=False)
                mol = join_charges(mol)
            except (ValueError, RuntimeError) as error:
                raise StructureError(f"RDKit refuses the structure: {error}") from error
        n_fragments = len(Chem.GetMolFrags(mol))
        if n_fragments > 1:
            raise StructureError(_say_fragments(n_fragments))
        atoms = atoms_of(mol)
        for atom in atoms:
            if not atom.GetAtomicNum() or atom.GetNumRadicalElectrons() or atom.GetIsotope():
                _refuse(atom)
        bonds = []
        for bond in bonds_of(mol):
            if (order := _ORDERS.get(bond.GetBondType())) is None:
                raise StructureError(f"bond {bond.GetIdx()} is of type {bond.GetBondType()}")
            bonds.append(
                (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), order, bond.GetIsAromatic())
            )
        structure = cls(
            tuple(atom.GetSymbol() for atom in atoms),
            sort_bonds(bonds),
            tuple(atom.GetFormalCharge() for atom in atoms),
        )
        if any(atom.GetNoImplicit() for atom in atoms):
            structure._refuse_other_hydrogens([a.GetTotalNumHs() for a in atoms])
        return structure

    def _refuse_other_hydrogens(self, told: Sequence[int]) -> None:
        """A formula must not change silently: ``C[SH3]`` is no thiol."""
        for atom, (own, n) in enumerate(zip(self.n_hydrogens, told, strict=True)):
            if own != n:
                raise StructureError(
                    f"atom {atom} ({self.elements[atom]}) has {n} hydrogens where its bonds leave "
                    f"{own}: hydrogens beyond an atom's lowest valence cannot be held"
                )

    @classmethod
    def from_smiles(cls, smiles: str) -> "Structure":
        """Read a SMILES; atoms keep the order in which the SMILES writes them.

        Raises:
            StructureError: If RDKit cannot read it, or as for :meth:`from_mol`.
        """
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            raise StructureError(f"{smiles!r} is no SMILES that RDKit can read")
        return cls.from_mol(mol)


def _refuse(atom: Chem.Atom) -> NoReturn:
    where = f"atom {atom.GetIdx()} ({atom.GetSymbol()})"
    if atom.GetAtomicNum() == 0:
        raise StructureError(f"{where} is no element")
    what = "radical" if atom.GetNumRadicalElectrons() else "labelled isotope"
    raise StructureError(f"{where} is a {what}; none is known")


def sort_bonds(bonds: Iterable[tuple[int, int, int, bool]]) -> tuple[Bond, ...]:
    """Bonds with the smaller atom first, in the order in which a :class:`Structure` holds them."""
    return tuple(
        sorted(Bond(min(a, b), max(a, b), order, bool(flag)) for a, b, order, flag in bonds)
    )


def _find_problem(
    elements: tuple[str, ...], bonds: tuple[Bond, ...], charges: tuple[int, ...]
) -> str | None:
    """The first reason why these are no molecule, in words, or None."""
    if not elements:
        return "no atoms"
    if charges and len(charges) != len(elements):
        return f"{len(charges)} charges for {len(elements)} atoms"
    valence = [0] * len(elements)
    seen: set[tuple[int, int]] = set()
    for bond in bonds:
        pair = f"bond {bond.begin}-{bond.end}"
        if not 0 <= bond.begin < bond.end < len(elements):
            return f"{pair} names an atom outside 0..{len(elements) - 1}"
        if bond.order not in _BOND_TYPES:
            return f"{pair} has order {bond.order}; 1, 2 and 3 are known"
        if (bond.begin, bond.end) in seen:
            return f"{pair} is given twice"
        seen.add((bond.begin, bond.end))
        valence[bond.begin] += bond.order
        valence[bond.end] += bond.order
    problem = find_crowded(elements, valence, charges) or find_split(
        elements, [bond[:3] for bond in bonds], valence, charges
    )
    if problem is not None:
        return problem
    if list(bonds) != sorted(bonds):
        return "the bonds are not in order; sort_bonds() puts them there"
    n_fragments = _count_fragments(len(elements), bonds)
    if n_fragments > 1:
        return _say_fragments(n_fragments)
    return None


def _say_fragments(n: int) -> str:
    return f"{n} molecules that do not hang together, a mixture or a salt; one is expected"


def _count_fragments(n_atoms: int, bonds: tuple[Bond, ...]) -> int:
    root = list(range(n_atoms))

    def find(atom: int) -> int:
        while root[atom] != atom:
            root[atom] = root[root[atom]]  # Else a long chain would take quadratic time.
            atom = root[atom]
        return atom

    for bond in bonds:
        root[find(bond.begin)] = find(bond.end)
    return sum(find(atom) == atom for atom in range(n_atoms))
