"""Hydrocarbons made by random edits of given ones: a corpus that reaches beyond its seeds.

Each molecule is the end of a walk: a seed is edited until it has become something that was
not met before. So the near neighbourhood of every seed is filled first, small ones included,
and the longer the list, the farther the walks go; where all around is known, a walk sets out
from a molecule made earlier.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from random import Random
from typing import NamedTuple

from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from nmrflow.chem.generation import edits
from nmrflow.chem.generation.edits import VALENCE, Edit, Skeleton, skeleton_of
from nmrflow.chem.generation.strain import find_strain
from nmrflow.chem.structure import Bond, Structure
from nmrflow.errors import StructureError

MAX_CARBONS = 17
"""Largest number of carbons of a molecule here."""

EDITS: dict[Edit, int] = {
    edits.add_carbon: 3,
    edits.insert_carbon: 2,
    edits.remove_carbon: 3,
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

MAX_GROUP = 10
"""Carbons of the largest group that is exchanged."""

MAX_EDITS = 20
"""Edits in a row, those that found no place included, after which a walk begins anew."""

STRANGE = 0.2
"""Chance of a molecule to be kept for each atom environment in it that no seed has.

An environment is a carbon with all its neighbours (Morgan, radius 1).
"""

SMALL = 8
"""Molecules of up to this many carbons, which are few, are kept however strange.

From a handful of seeds, which know few environments, hardly anything larger comes.
"""

PATIENCE = 2_000
"""Walks in a row without a new molecule after which nothing more is expected."""

_BOND_TYPES = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=1)


def generate_hydrocarbons(
    seeds: Sequence[Structure],
    n: int,
    seed: int,
    *,
    max_carbons: int = MAX_CARBONS,
    with_seeds: bool = False,
) -> Iterator[Structure]:
    """Make distinct plausible hydrocarbons of 2 to ``max_carbons`` carbons by random edits.

    The same arguments give the same list, whatever the order of the seeds' rows: molecules are
    first sorted by connectivity.

    Args:
        seeds: Hydrocarbons to start from; repeats of a molecule count once.
        n: How many to make. Fewer come where edits find no more (see :data:`PATIENCE`).
        seed: Of the random edits.
        max_carbons: At most 17.
        with_seeds: Yield the seeds first, as they were given; they do not count as made.

    Yields:
        Structures with RDKit's aromatic flags, each connectivity at most once; seeds are not
        among them unless asked for.

    Raises:
        StructureError: If there is no seed, or one is no hydrocarbon of 2 to ``max_carbons``
            carbons.
    """
    distinct = _distinct(seeds, max_carbons)
    if with_seeds:
        yield from distinct
    yield from _Generator(distinct, seed, max_carbons).make(n)


class _Found(NamedTuple):
    """The end of a walk."""

    skeleton: Skeleton
    mol: Chem.Mol
    connectivity: str


class _Generator:
    """The seeds, and what has been met on the way from them."""

    def __init__(self, seeds: Sequence[Structure], seed: int, max_carbons: int) -> None:
        self._rng = Random(seed)
        self._max_carbons = max_carbons
        self._seeds = [structure.bonds for structure in seeds]
        skeletons = [skeleton_of(bonds) for bonds in self._seeds]
        groups = [g for s in skeletons for g in edits.groups_of(s) if len(g) <= MAX_GROUP]
        weights = EDITS | ({edits.exchange_group(groups): EXCHANGE_WEIGHT} if groups else {})
        self._edits, self._weights = list(weights), list(accumulate(weights.values()))
        self._known = set[int]().union(*(_environments(_perceive(s)) for s in skeletons))
        self._seen = {structure.connectivity for structure in seeds}
        self._tables: set[int] = set()

    def make(self, n: int) -> Iterator[Structure]:
        """Yield n molecules, or fewer."""
        made: list[tuple[Bond, ...]] = []
        starts = self._seeds
        n_in_vain = 0
        while len(made) < n and n_in_vain < PATIENCE:
            start = starts[int(self._rng.random() * len(starts))]
            end = self._walk(skeleton_of(start))
            n_in_vain += 1
            if end is not None and self._keeps(end):
                n_in_vain = 0
                structure = _to_structure(end)
                made.append(structure.bonds)
                yield structure
            # Where the surroundings are used up, the next walk sets out from farther away.
            starts = made if end is None and made else self._seeds

    def _walk(self, skeleton: Skeleton) -> _Found | None:
        """Edit a molecule until it is one not met before; None if all are known around it."""
        rng = self._rng
        for _ in range(MAX_EDITS):
            edited = [dict(row) for row in skeleton]
            (edit,) = rng.choices(self._edits, cum_weights=self._weights)
            if not edit(edited, rng) or not 2 <= len(edited) <= self._max_carbons:
                continue
            skeleton = edited
            table = hash(tuple(tuple(sorted(row.items())) for row in skeleton))
            if table in self._tables:  # Spares RDKit what was met in this very numbering.
                continue
            self._tables.add(table)
            mol = _perceive(skeleton)
            connectivity = Chem.MolToSmiles(mol, isomericSmiles=False)
            if connectivity not in self._seen:
                self._seen.add(connectivity)
                return _Found(skeleton, mol, connectivity)
        return None

    def _keeps(self, found: _Found) -> bool:
        """Whether a new molecule is plausible, and as familiar as chance asks for."""
        if find_strain(found.skeleton, found.mol.GetRingInfo().AtomRings()) is not None:
            return False
        if len(found.skeleton) <= SMALL:
            return True
        n_strange = len(_environments(found.mol) - self._known)
        return n_strange == 0 or self._rng.random() < STRANGE**n_strange


def _distinct(seeds: Sequence[Structure], max_carbons: int) -> list[Structure]:
    """Each molecule once, ordered by its text."""
    if not seeds:
        raise StructureError("no structure to start from; at least one is needed")
    by_name: dict[str, Structure] = {}
    # Of several numberings of a molecule one is taken that no order of rows decides.
    for structure in sorted(seeds, key=lambda s: s.bonds, reverse=True):
        if set(structure.elements) != {"C"} or not 2 <= structure.n_atoms <= max_carbons:
            raise StructureError(
                f"{structure.formula} cannot be a seed; hydrocarbons of 2 to {max_carbons} "
                "carbons can"
            )
        by_name[structure.connectivity] = structure
    return [by_name[name] for name in sorted(by_name)]


@cache
def _carbons(n: int) -> Chem.RWMol:
    mol = Chem.RWMol()
    for _ in range(n):
        mol.AddAtom(Chem.Atom("C"))
    return mol


def _perceive(skeleton: Skeleton) -> Chem.Mol:
    """The sanitised molecule; its bonds are in the order of :func:`_bonds`."""
    mol = Chem.RWMol(_carbons(len(skeleton)))
    for begin, end, order in _bonds(skeleton):
        mol.AddBond(begin, end, _BOND_TYPES[order])
    Chem.SanitizeMol(mol)
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


def _to_structure(found: _Found) -> Structure:
    table = _bonds(found.skeleton)
    if "c" in found.connectivity:  # a carbon in lower case is an aromatic one
        flags = [bond.GetIsAromatic() for bond in found.mol.GetBonds()]
    else:
        flags = [False] * len(table)
    bonds = (_bond(*bond, flag) for bond, flag in zip(table, flags, strict=True))
    structure = Structure(("C",) * len(found.skeleton), tuple(bonds))
    # Known here; RDKit would take longer than all the rest to say it again.
    vars(structure)["connectivity"] = found.connectivity
    vars(structure)["n_hydrogens"] = tuple(VALENCE - sum(row.values()) for row in found.skeleton)
    return structure
