"""Random edits of skeletons of atoms, on small adjacency tables without RDKit.

An edit changes a skeleton in place and says whether it found a place to; where it did not,
the skeleton may be half changed and is to be thrown away. Edits keep the skeleton connected
and no atom above its valence. They work on a Kekulé form and know nothing of aromaticity.
"""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import TypeAlias

from nmrflow.chem.structure import Bond


class Skeleton(list[dict[int, int]]):
    """For each atom its neighbours and the orders of the bonds to them.

    Args:
        rows: As above.
        kinds: The number of each atom's kind.
        valences: Of each kind.
    """

    def __init__(
        self, rows: Iterable[dict[int, int]], kinds: Sequence[int], valences: Sequence[int]
    ) -> None:
        super().__init__(rows)
        self.kinds = list(kinds)
        self.valences = tuple(valences)

    def edited(self) -> "Skeleton":
        """A copy that may be changed."""
        return Skeleton([dict(row) for row in self], self.kinds, self.valences)

    def add(self, kind: int) -> int:
        """Put an atom of a kind behind the last, unbound; its number."""
        self.append({})
        self.kinds.append(kind)
        return len(self) - 1

    def part_of(self, atoms: Sequence[int]) -> "Skeleton":
        """Some atoms, numbered as they stand there, with the bonds among them."""
        number = {atom: k for k, atom in enumerate(atoms)}
        rows = [{number[b]: o for b, o in self[a].items()} for a in atoms]
        return Skeleton(rows, [self.kinds[a] for a in atoms], self.valences)


Edit: TypeAlias = Callable[[Skeleton, Random], bool]

RING_SIZES = (3, 4, 5, 5, 5, 6, 6, 6, 6, 7, 8)
"""Sizes of the rings that :func:`close_ring` closes, each as often as it stands here."""


def skeleton_of(bonds: Sequence[Bond], kinds: Sequence[int], valences: Sequence[int]) -> Skeleton:
    """The table of a structure, given by its bonds, the kinds of its atoms and their valences."""
    skeleton = Skeleton(({} for _ in kinds), kinds, valences)
    for begin, end, order, _ in bonds:
        _bind(skeleton, begin, end, order)
    return skeleton


def add_atom(skeleton: Skeleton, rng: Random) -> bool:
    """Put an atom, such as that of a methyl group, where a hydrogen was."""
    atom = _pick(skeleton, rng)
    if not _n_free(skeleton, atom):
        return False
    _bind(skeleton, atom, skeleton.add(_pick_kind(skeleton, rng, 1)), 1)
    return True


def insert_atom(skeleton: Skeleton, rng: Random) -> bool:
    """Put an atom into a single bond: a longer chain, a larger ring."""
    one, other = _pick_bond(skeleton, rng)
    if skeleton[one][other] != 1:
        return False
    _part(skeleton, one, other)
    new = skeleton.add(_pick_kind(skeleton, rng, 2))
    _bind(skeleton, one, new, 1)
    _bind(skeleton, other, new, 1)
    return True


def change_kind(skeleton: Skeleton, rng: Random) -> bool:
    """Make an atom one of another kind that can bear its bonds."""
    atom = _pick(skeleton, rng)
    before = skeleton.kinds[atom]
    skeleton.kinds[atom] = _pick_kind(skeleton, rng, sum(skeleton[atom].values()))
    return skeleton.kinds[atom] != before


def remove_atom(skeleton: Skeleton, rng: Random) -> bool:
    """Take away an end, or take an atom out of a chain or ring and join its neighbours."""
    atom = _pick(skeleton, rng)
    row = list(skeleton[atom].items())
    if len(row) > 2:
        return False
    if len(row) == 2:
        (one, order), (other, next_order) = row
        if order != 1 or next_order != 1 or other in skeleton[one]:
            return False
        _bind(skeleton, one, other, 1)
    for neighbour, _ in row:
        _part(skeleton, atom, neighbour)
    last = len(skeleton) - 1
    if atom != last:  # The last atom takes the free number.
        skeleton.kinds[atom] = skeleton.kinds[last]
        for neighbour, order in list(skeleton[last].items()):
            _part(skeleton, last, neighbour)
            _bind(skeleton, atom, neighbour, order)
    skeleton.pop()
    skeleton.kinds.pop()
    return True


def move_group(skeleton: Skeleton, rng: Random) -> bool:
    """Bind a group that hangs on one single bond to another atom of the rest."""
    anchor, root = _pick_bond(skeleton, rng)
    if skeleton[anchor][root] != 1:
        return False
    _part(skeleton, anchor, root)
    rest = _reach(skeleton, anchor)
    if root in rest:
        return False
    places = [atom for atom in rest if atom != anchor and _n_free(skeleton, atom)]
    if not places:
        return False
    _bind(skeleton, places[int(rng.random() * len(places))], root, 1)
    return True


def shift_bond(skeleton: Skeleton, rng: Random) -> bool:
    """Move one end of a single bond to the next atom, as 1,2-shifts do; also ring bonds."""
    start, end = _pick_bond(skeleton, rng)
    goals = [
        atom
        for atom in skeleton[start]
        if atom != end and atom not in skeleton[end] and _n_free(skeleton, atom)
    ]
    if skeleton[start][end] != 1 or not goals:
        return False
    _part(skeleton, start, end)
    _bind(skeleton, goals[int(rng.random() * len(goals))], end, 1)
    return True


def change_order(skeleton: Skeleton, rng: Random) -> bool:
    """Raise or lower the order of a bond by one."""
    one, other = _pick_bond(skeleton, rng)
    order = skeleton[one][other] + (1 if rng.random() < 0.5 else -1)
    if not 1 <= order <= 3:
        return False
    _bind(skeleton, one, other, order)
    return _n_free(skeleton, one) >= 0 and _n_free(skeleton, other) >= 0


def shift_double_bond(skeleton: Skeleton, rng: Random) -> bool:
    """Move a double bond to a bond beside it."""
    one, middle = _pick_bond(skeleton, rng)
    goals = [
        atom
        for atom, order in skeleton[middle].items()
        if order == 1 and atom != one and _n_free(skeleton, atom)
    ]
    if skeleton[one][middle] != 2 or not goals:
        return False
    _bind(skeleton, one, middle, 1)
    _bind(skeleton, middle, goals[int(rng.random() * len(goals))], 2)
    return True


def open_ring(skeleton: Skeleton, rng: Random) -> bool:
    """Take away a ring bond."""
    one, other = _pick_bond(skeleton, rng)
    _part(skeleton, one, other)
    return other in _reach(skeleton, one)


def close_ring(skeleton: Skeleton, rng: Random) -> bool:
    """Bind two atoms to each other so that a ring of a common size arises."""
    atom = _pick(skeleton, rng)
    if not _n_free(skeleton, atom):
        return False
    size = RING_SIZES[int(rng.random() * len(RING_SIZES))]
    seen, layer = {atom}, [atom]
    for _ in range(size - 1):
        reached = dict.fromkeys(b for a in layer for b in skeleton[a] if b not in seen)
        layer = list(reached)
        seen.update(layer)
    places = [other for other in layer if _n_free(skeleton, other)]
    if not places:
        return False
    _bind(skeleton, atom, places[int(rng.random() * len(places))], 1)
    return True


def make_benzene(skeleton: Skeleton, rng: Random) -> bool:
    """Give a ring of six the three double bonds of benzene."""
    path = [_pick(skeleton, rng)]
    while len(path) < 6:
        steps = [atom for atom in skeleton[path[-1]] if atom not in path]
        if not steps:
            return False
        path.append(steps[int(rng.random() * len(steps))])
    if path[0] not in skeleton[path[-1]]:
        return False
    for k, atom in enumerate(path):
        _bind(skeleton, atom, path[(k + 1) % 6], 1 + k % 2)
    return all(_n_free(skeleton, atom) >= 0 for atom in path)


def groups_of(skeleton: Skeleton) -> list[Skeleton]:
    """The groups that hang on single bonds outside rings, both sides of each; first its root."""
    groups = []
    for one, row in enumerate(skeleton):
        for other, order in row.items():
            if order == 1:
                cut = skeleton.edited()
                _part(cut, one, other)
                atoms = _reach(cut, one)
                if other not in atoms:
                    groups.append(cut.part_of(atoms))
    return groups


def exchange_group(groups: Sequence[Skeleton]) -> Edit:
    """An edit that puts one of ``groups`` in the place of a hydrogen or of another group."""

    def exchange(skeleton: Skeleton, rng: Random) -> bool:
        anchor = _pick(skeleton, rng)
        neighbours = [*skeleton[anchor], *[None] * _n_free(skeleton, anchor)]
        leaving = neighbours[int(rng.random() * len(neighbours))]
        if leaving is not None:
            if skeleton[anchor][leaving] != 1:
                return False
            _part(skeleton, anchor, leaving)
            kept = _reach(skeleton, anchor)
            if leaving in kept:
                return False
            rest = skeleton.part_of(kept)
            skeleton[:], skeleton.kinds = rest, rest.kinds
            anchor = 0
        offset = len(skeleton)
        group = groups[int(rng.random() * len(groups))]
        skeleton.extend({b + offset: order for b, order in row.items()} for row in group)
        skeleton.kinds += group.kinds
        _bind(skeleton, anchor, offset, 1)
        return True

    return exchange


def _pick(skeleton: Skeleton, rng: Random) -> int:
    return int(rng.random() * len(skeleton))


def _pick_kind(skeleton: Skeleton, rng: Random, n_bonds: int) -> int:
    """A kind of atom that can bear so many bonds."""
    kinds = [kind for kind, valence in enumerate(skeleton.valences) if valence >= n_bonds]
    # Where there is no choice nothing is drawn.
    return kinds[int(rng.random() * len(kinds))] if len(kinds) > 1 else kinds[0]


def _pick_bond(skeleton: Skeleton, rng: Random) -> tuple[int, int]:
    ends = [(a, b) for a, row in enumerate(skeleton) for b in row]
    return ends[int(rng.random() * len(ends))]


def _n_free(skeleton: Skeleton, atom: int) -> int:
    return skeleton.valences[skeleton.kinds[atom]] - sum(skeleton[atom].values())


def _bind(skeleton: Skeleton, one: int, other: int, order: int) -> None:
    skeleton[one][other] = order
    skeleton[other][one] = order


def _part(skeleton: Skeleton, one: int, other: int) -> None:
    del skeleton[one][other]
    del skeleton[other][one]


def _reach(skeleton: Skeleton, start: int) -> list[int]:
    """The atoms that hang together with one, itself first."""
    reached = {start: None}
    waiting = [start]
    for atom in waiting:  # The list grows while it is read.
        for neighbour in skeleton[atom]:
            if neighbour not in reached:
                reached[neighbour] = None
                waiting.append(neighbour)
    return waiting
