"""Hydrocarbon structures made by rule, family by family, always in the same order.

An alkyl group is a rooted tree: the tuple of the alkyl groups on its first carbon. Trees are
built from smaller trees, and every molecule is put together so that it arises once; nothing
is read from a list of molecules.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations_with_replacement, permutations, product
from typing import TypeAlias

from nmrflow.chem.structure import Structure, sort_bonds

Alkyl: TypeAlias = tuple["Alkyl", ...]
"""An alkyl group: the groups on its first carbon, at most three; methyl is ``()``."""

MAX_CARBONS = 17
"""Largest number of carbons of a molecule here."""

NO_LIMIT = MAX_CARBONS
"""A limit on branches that no molecule reaches."""

METHYL: Alkyl = ()
SMALL_GROUPS: tuple[Alkyl, ...] = (
    METHYL,
    (METHYL,),
    ((METHYL,),),
    (METHYL, METHYL),
    (METHYL, METHYL, METHYL),
)
"""Methyl, ethyl, propyl, isopropyl, tert-butyl: substituents of the many-fold alkylbenzenes."""

BRANCH_LIMITS = {
    "alkanes": {9: NO_LIMIT, 10: 3, 14: 2, 17: 1},
    "alkenes": {8: NO_LIMIT, 9: 2, 12: 1, 17: 0},
    "alkynes": {7: NO_LIMIT, 10: 1, 17: 0},
    "alkyl groups on benzene": {5: NO_LIMIT, 9: 2, 11: 1},
}
"""Most branches by number of carbons (each limit holds up to its key, from the one before).

Isomers multiply with size: without limits nearly all molecules would be crowded ones of the
largest size. The limits keep every small molecule and, of the long ones, the chains.
"""

FAMILIES = ("alkanes", "alkenes", "alkynes", "cycloalkanes", "alkylcyclohexanes", "alkylbenzenes")
"""Families that :func:`enumerate_hydrocarbons` knows, in its order."""


def enumerate_hydrocarbons(families: Sequence[str] = FAMILIES) -> Iterator[Structure]:
    """Molecules of 2 to 17 carbons, each connectivity once, in a fixed order.

    Args:
        families: Which of :data:`FAMILIES` to make.

    Yields:
        Structures of carbon alone; benzene rings carry aromatic flags.

    Raises:
        ValueError: If a family is none of them.
    """
    seen: set[str] = set()
    for family in families:
        for structure in _family(family):
            if structure.connectivity not in seen:
                seen.add(structure.connectivity)
                yield structure


def _family(family: str) -> Iterator[Structure]:
    """The members of one family within the limits of this module."""
    chains = {"alkanes": alkanes, "alkenes": alkenes, "alkynes": alkynes}
    if family in chains:
        for n_carbons in range(2, MAX_CARBONS + 1):
            yield from chains[family](n_carbons, _branch_limit(family, n_carbons))
    elif family == "cycloalkanes":
        yield from (cycloalkane(n_carbons) for n_carbons in range(3, 11))
    elif family == "alkylcyclohexanes":
        yield from (n_alkylcyclohexane(length) for length in range(1, MAX_CARBONS - 5))
    elif family == "alkylbenzenes":
        yield from _alkylbenzene_family()
    else:
        raise ValueError(f"no family {family!r}; there are {', '.join(FAMILIES)}")


def _alkylbenzene_family() -> Iterator[Structure]:
    """Benzenes with one alkyl group, two n-alkyl or two small groups, or many methyl groups.

    Of three groups, two at least are methyl; more than three are all methyl.
    """
    family = "alkyl groups on benzene"
    lengths = range(1, MAX_CARBONS - 5)
    for length in lengths:
        for group in alkyl_groups(length, _branch_limit(family, length)):
            yield from alkylbenzenes([group])
    for two in combinations_with_replacement(lengths, 2):
        if sum(two) <= max(lengths):
            yield from alkylbenzenes([group for n in two for group in alkyl_groups(n, 0)])
    for pair in combinations_with_replacement(SMALL_GROUPS, 2):
        yield from alkylbenzenes(pair)
    for group in SMALL_GROUPS:
        yield from alkylbenzenes([METHYL, METHYL, group])
    for n_methyl in (0, 4, 5, 6):
        yield from alkylbenzenes([METHYL] * n_methyl)


def _branch_limit(family: str, n_carbons: int) -> int:
    """The limit of :data:`BRANCH_LIMITS` for one size."""
    return next(limit for up_to, limit in BRANCH_LIMITS[family].items() if n_carbons <= up_to)


@cache
def alkyl_groups(n_carbons: int, max_branches: int = NO_LIMIT) -> tuple[Alkyl, ...]:
    """All alkyl groups with ``n_carbons`` carbons and at most ``max_branches`` branches.

    A carbon that is bound to k others counts max(0, k - 2) branches; the bond by which the
    group is attached counts for k.
    """
    return tuple(_forests(n_carbons - 1, 3, 1, max_branches)) if n_carbons > 0 else ()


def alkanes(n_carbons: int, max_branches: int = NO_LIMIT) -> Iterator[Structure]:
    """All alkanes with ``n_carbons`` carbons and at most ``max_branches`` branches.

    Each is built outwards from its centre: the one carbon whose branches all hold less than
    half of the carbons, or else the one bond that halves the molecule.
    """
    for groups in _forests(n_carbons - 1, 4, 0, max_branches):
        if all(2 * _size(group) < n_carbons for group in groups):
            yield _build([groups], [])
    if n_carbons % 2 == 0:
        halves = alkyl_groups(n_carbons // 2, max_branches)
        for left, right in combinations_with_replacement(halves, 2):
            if _branches(left) + _branches(right) <= max_branches:
                yield _build([left, right], [(0, 1, 1, False)])


def alkenes(n_carbons: int, max_branches: int = NO_LIMIT) -> Iterator[Structure]:
    """All acyclic alkenes with one double bond, ``n_carbons`` carbons and limited branches."""
    return _two_ended(n_carbons, 2, max_branches)


def alkynes(n_carbons: int, max_branches: int = NO_LIMIT) -> Iterator[Structure]:
    """All acyclic alkynes with one triple bond, ``n_carbons`` carbons and limited branches."""
    return _two_ended(n_carbons, 3, max_branches)


def cycloalkane(n_carbons: int) -> Structure:
    """The unbranched cycloalkane with ``n_carbons`` carbons, at least 3."""
    return _build([()] * n_carbons, _ring(n_carbons))


def n_alkylcyclohexane(length: int) -> Structure:
    """Cyclohexane with one unbranched chain of ``length`` carbons, at least 1."""
    (chain,) = alkyl_groups(length, 0)
    return _build([(chain,), *[()] * 5], _ring(6))


def alkylbenzenes(groups: Sequence[Alkyl]) -> Iterator[Structure]:
    """Benzene with ``groups``, at most six, at every different choice of positions."""
    kinds = sorted(set(groups))
    labels = [*map(kinds.index, groups), *[-1] * (6 - len(groups))]
    seen: set[tuple[int, ...]] = set()
    for rest in permutations(labels[1:]):  # Turning the ring brings any group to place 0.
        ring = (labels[0], *rest)
        if ring in seen:
            continue
        for turned in (ring[k:] + ring[:k] for k in range(6)):
            seen.update((turned, turned[::-1]))
        yield _build([(kinds[k],) if k >= 0 else () for k in ring], _ring(6, aromatic=True))


def _two_ended(n_carbons: int, order: int, max_branches: int) -> Iterator[Structure]:
    """Molecules with one bond of ``order`` 2 or 3, as pairs of the groups on its two carbons."""
    for small in range(n_carbons // 2):
        large = n_carbons - 2 - small
        left, right = (list(_forests(size, 4 - order, 1, max_branches)) for size in (small, large))
        pairs = combinations_with_replacement(left, 2) if small == large else product(left, right)
        for ends in pairs:
            if sum(_branches(end) for end in ends) <= max_branches:
                yield _build(ends, [(0, 1, order, False)])


def _forests(n_carbons: int, most: int, n_bonds: int, max_branches: int) -> Iterator[Alkyl]:
    """All choices of at most ``most`` groups with ``n_carbons`` carbons together on one carbon.

    That carbon has ``n_bonds`` (0 or 1) further neighbours; its branches count too.
    """
    for sizes in _partitions(n_carbons, most, n_carbons):
        spare = max_branches - max(0, len(sizes) + n_bonds - 2)
        if spare < 0:
            continue
        choices = (
            combinations_with_replacement(alkyl_groups(size, spare), sizes.count(size))
            for size in sorted(set(sizes), reverse=True)
        )
        for parts in product(*choices):
            groups = tuple(group for part in parts for group in part)
            if sum(_branches(group) for group in groups) <= spare:
                yield groups


def _partitions(total: int, most: int, largest: int) -> Iterator[tuple[int, ...]]:
    """All falling sequences of at most ``most`` positive numbers with the sum ``total``."""
    if total == 0:
        yield ()
    elif most > 0:
        for first in range(min(total, largest), 0, -1):
            for rest in _partitions(total - first, most - 1, first):
                yield (first, *rest)


def _size(group: Alkyl) -> int:
    """Number of carbons."""
    return 1 + sum(_size(inner) for inner in group)


def _branches(group: Alkyl) -> int:
    """Branches of the group, its first carbon counting the bond by which it is attached."""
    return max(0, len(group) - 1) + sum(_branches(inner) for inner in group)


def _ring(size: int, *, aromatic: bool = False) -> list[tuple[int, int, int, bool]]:
    """Bonds of a ring; an aromatic one has alternating orders."""
    return [(k, (k + 1) % size, 1 + (aromatic and k % 2 == 0), aromatic) for k in range(size)]


def _build(core: Sequence[Alkyl], bonds: Sequence[tuple[int, int, int, bool]]) -> Structure:
    """Core atoms with ``bonds`` among them and the groups that each carries."""
    table = list(bonds)
    n_atoms = len(core)
    waiting = [(atom, group) for atom, groups in enumerate(core) for group in groups]
    for parent, group in waiting:  # The list grows while it is read: outwards, layer by layer.
        table.append((parent, n_atoms, 1, False))
        waiting.extend((n_atoms, inner) for inner in group)
        n_atoms += 1
    return Structure(("C",) * n_atoms, sort_bonds(table))
