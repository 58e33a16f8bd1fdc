"""Molecules made by random edits of given ones: a corpus that reaches beyond its seeds.

Each molecule is the end of a walk: a seed is edited until it has become something that was
not met before. So the near neighbourhood of every seed is filled first, small ones included,
and the longer the list, the farther the walks go; where all around is known, a walk sets out
from a molecule made earlier.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from random import Random
from typing import NamedTuple, TypeAlias

from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from nmrflow.chem.domain import AtomType, Domain
from nmrflow.chem.generation import edits
from nmrflow.chem.generation.edits import Edit, Skeleton, skeleton_of
from nmrflow.chem.generation.strain import find_strain
from nmrflow.chem.structure import Bond, Structure
from nmrflow.errors import StructureError

EDITS: dict[Edit, int] = {
    edits.add_atom: 3,
    edits.insert_atom: 2,
    edits.remove_atom: 3,
    edits.move_group: 4,
    edits.shift_bond: 6,
    edits.change_order: 6,
    edits.shift_double_bond: 8,
    edits.open_ring: 1,
    edits.close_ring: 3,
    edits.make_benzene: 1,
}
"""Edits, each tried in proportion to its number; chosen on training-side molecules."""

EXCHANGE_WEIGHT = 2
"""The number of :func:`nmrflow.chem.generation.edits.exchange_group` beside those."""

CHANGE_WEIGHT = 4
"""That of :func:`nmrflow.chem.generation.edits.change_kind`, where there are several kinds."""

MAX_GROUP = 10
"""Atoms of the largest group that is exchanged."""

MAX_EDITS = 20
"""Edits in a row, those that found no place included, after which a walk begins anew."""

STRANGE = 0.2
"""Chance of a molecule to be kept for each atom environment in it that no seed has.

An environment is an atom with all its neighbours (Morgan, radius 1).
"""

SMALL = 8
"""Molecules of up to this many atoms, which are few, are kept however strange.

From a handful of seeds, which know few environments, hardly anything larger comes.
"""

PATIENCE = 2_000
"""Walks in a row without a new molecule after which nothing more is expected."""

_BOND_TYPES = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=1)


def generate_molecules(
    seeds: Sequence[Structure],
    n: int,
    seed: int,
    domain: Domain,
    *,
    with_seeds: bool = False,
) -> Iterator[Structure]:
    """Make distinct plausible molecules of a domain by random edits.

    The same arguments give the same list, whatever the order of the seeds' rows: molecules are
    first sorted by connectivity.

    Args:
        seeds: Molecules to start from; repeats of a molecule count once.
        n: How many to make. Fewer come where edits find no more (see :data:`PATIENCE`).
        seed: Of the random edits.
        domain: Of the seeds, and of what is made.
        with_seeds: Yield the seeds first, as they were given; they do not count as made.

    Yields:
        Structures with RDKit's aromatic flags, each connectivity at most once; seeds are not
        among them unless asked for.

    Raises:
        StructureError: If there is no seed, or one lies outside the domain.
    """
    distinct = _distinct(seeds, domain)
    if with_seeds:
        yield from distinct
    yield from _Generator(distinct, seed, domain).make(n)


_Start: TypeAlias = tuple[tuple[Bond, ...], tuple[int, ...]]
"""Bonds, and the kinds of the atoms."""


class _Found(NamedTuple):
    """The end of a walk."""

    skeleton: Skeleton
    mol: Chem.Mol
    connectivity: str


class _Generator:
    """The seeds, and what has been met on the way from them."""

    def __init__(self, seeds: Sequence[Structure], seed: int, domain: Domain) -> None:
        self._rng = Random(seed)
        self._domain = domain
        # From a lone atom no edit leads anywhere.
        self._seeds = [(s.bonds, domain.kinds_of(s)) for s in seeds if s.bonds]
        skeletons = [self._skeleton(start) for start in self._seeds]
        groups = [g for s in skeletons for g in edits.groups_of(s) if len(g) <= MAX_GROUP]
        weights = EDITS | ({edits.exchange_group(groups): EXCHANGE_WEIGHT} if groups else {})
        if len(domain.atom_types) > 1:
            weights |= {edits.change_kind: CHANGE_WEIGHT}
        # RDKit fills the lowest valence that holds the bonds, which must be that of the kind.
        self._is_unsure = len(domain.atom_types) > 1
        self._edits, self._weights = list(weights), list(accumulate(weights.values()))
        self._known = set[int]().union(*(_environments(self._perceive(s)) for s in skeletons))
        self._seen = {structure.connectivity for structure in seeds}
        self._tables: set[int] = set()

    def make(self, n: int) -> Iterator[Structure]:
        """Yield n molecules, or fewer."""
        made: list[_Start] = []
        starts = self._seeds
        n_in_vain = 0
        while self._seeds and len(made) < n and n_in_vain < PATIENCE:
            start = starts[int(self._rng.random() * len(starts))]
            end = self._walk(self._skeleton(start))
            n_in_vain += 1
            structure = self._to_structure(end) if end and self._keeps(end) else None
            if end is not None and structure is not None:
                n_in_vain = 0
                made.append((structure.bonds, tuple(end.skeleton.kinds)))
                yield structure
            # Where the surroundings are used up, the next walk sets out from farther away.
            starts = made if end is None and made else self._seeds

    def _walk(self, skeleton: Skeleton) -> _Found | None:
        """Edit a molecule until it is one not met before; None if all are known around it."""
        rng = self._rng
        for _ in range(MAX_EDITS):
            edited = skeleton.edited()
            (edit,) = rng.choices(self._edits, cum_weights=self._weights)
            if not edit(edited, rng) or not 2 <= len(edited) <= self._domain.max_atoms:
                continue
            skeleton = edited
            rows = tuple(tuple(sorted(row.items())) for row in skeleton)
            table = hash((rows, tuple(skeleton.kinds)))
            if table in self._tables:  # Spares RDKit what was met in this very numbering.
                continue
            self._tables.add(table)
            mol = self._perceive(skeleton)
            if self._is_unsure and not self._fills(skeleton, mol):
                continue
            connectivity = Chem.MolToSmiles(mol, isomericSmiles=False)
            if connectivity not in self._seen:
                self._seen.add(connectivity)
                return _Found(skeleton, mol, connectivity)
        return None

    def _skeleton(self, start: _Start) -> Skeleton:
        return skeleton_of(*start, self._domain.valences)

    def _types(self, skeleton: Skeleton) -> tuple[AtomType, ...]:
        return tuple(self._domain.atom_types[kind] for kind in skeleton.kinds)

    def _perceive(self, skeleton: Skeleton) -> Chem.Mol:
        """The sanitised molecule; its bonds are in the order of :func:`_bonds`."""
        mol = Chem.RWMol(_atoms(self._types(skeleton)))
        for begin, end, order in _bonds(skeleton):
            mol.AddBond(begin, end, _BOND_TYPES[order])
        Chem.SanitizeMol(mol)
        return mol

    def _fills(self, skeleton: Skeleton, mol: Chem.Mol) -> bool:
        """Whether each atom has the hydrogens that its kind's valence leaves."""
        return all(
            atom.GetTotalNumHs() == kind.valence - sum(row.values())
            for atom, kind, row in zip(
                mol.GetAtoms(), self._types(skeleton), skeleton, strict=True
            )
        )

    def _to_structure(self, found: _Found) -> Structure | None:
        """The structure; None of a group that is ours to draw otherwise."""
        skeleton, types = found.skeleton, self._types(found.skeleton)
        flags = [bond.GetIsAromatic() for bond in found.mol.GetBonds()]
        table = zip(_bonds(skeleton), flags, strict=True)
        try:
            structure = Structure(
                tuple(element for element, _, _ in types),
                tuple(_bond(*bond, flag) for bond, flag in table),
                tuple(charge for _, charge, _ in types),
            )
        except StructureError:
            return None
        # Known here; RDKit would take longer than all the rest to say it again.
        vars(structure)["connectivity"] = found.connectivity
        vars(structure)["n_hydrogens"] = tuple(
            atom_type.valence - sum(row.values())
            for atom_type, row in zip(types, skeleton, strict=True)
        )
        return structure

    def _keeps(self, found: _Found) -> bool:
        """Whether a new molecule is plausible, and as familiar as chance asks for."""
        if find_strain(found.skeleton, found.mol.GetRingInfo().AtomRings()) is not None:
            return False
        if len(found.skeleton) <= SMALL:
            return True
        n_strange = len(_environments(found.mol) - self._known)
        return n_strange == 0 or self._rng.random() < STRANGE**n_strange


def _distinct(seeds: Sequence[Structure], domain: Domain) -> list[Structure]:
    """Each molecule once, ordered by its text."""
    if not seeds:
        raise StructureError("no structure to start from; at least one is needed")
    by_name: dict[str, Structure] = {}
    # Of several numberings of a molecule one is taken that no order of rows decides.
    for structure in sorted(seeds, key=lambda s: (s.bonds, s.elements), reverse=True):
        if (reason := domain.refusal(structure)) is not None:
            raise StructureError(f"{reason}; it cannot be a seed")
        by_name[structure.connectivity] = structure
    return [by_name[name] for name in sorted(by_name)]


@cache
def _atoms(types: tuple[AtomType, ...]) -> Chem.RWMol:
    mol = Chem.RWMol()
    for element, charge, _ in types:
        atom = Chem.Atom(element)
        atom.SetFormalCharge(charge)
        mol.AddAtom(atom)
    return mol


def _bonds(skeleton: Skeleton) -> list[tuple[int, int, int]]:
    return [
        (atom, other, row[other])
        for atom, row in enumerate(skeleton)
        for other in sorted(row)
        if atom < other
    ]


@cache
def _bond(begin: int, end: int, order: int, aromatic: bool) -> Bond:  # noqa: FBT001
    """Bonds are few and structures many: each is held once."""
    return Bond(begin, end, order, aromatic)


def _environments(mol: Chem.Mol) -> set[int]:
    return set(_MORGAN.GetSparseCountFingerprint(mol).GetNonzeroElements())
