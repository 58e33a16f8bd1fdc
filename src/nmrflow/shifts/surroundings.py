"""Atoms with the same surroundings, whose states are the same: each is computed once.

After n exchanges along bonds a state depends on nothing but the atoms and bonds within n bonds.
Drug-like molecules, a few hundred together, have half as many different states as atoms.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmrflow.chem.graph import BOND_KINDS

_ROOM = 2**62  # For numbers that stand for several.

Integers = NDArray[np.int64]


class Exchange(NamedTuple):
    """One exchange along bonds, from states before, ``(m, width)``, to states after it.

    Args:
        own: Row before of each state after, ``(n,)``; None: the rows are the same.
        source: Row before that each message leads from, ``(e,)``.
        target: Row after that it leads to, ``(e,)``.
        kind: Position in :data:`nmrflow.chem.graph.BOND_KINDS`, ``(e,)``.
    """

    own: Tensor | None
    source: Tensor
    target: Tensor
    kind: Tensor

    def to(self, device: torch.device) -> "Exchange":
        """The same on a device."""
        own = None if self.own is None else self.own.to(device)
        return Exchange(own, *(part.to(device) for part in self[1:]))


class Surroundings(NamedTuple):
    """What there is to compute of a atoms.

    Args:
        first: An atom for each kind of atom, where states begin.
        exchanges: One after the other.
        place: Row of each atom's state after the last, ``(a,)``.
    """

    first: Tensor
    exchanges: Sequence[Exchange]
    place: Tensor


def find_surroundings(
    atoms: Tensor, source: Tensor, target: Tensor, kind: Tensor, n_exchanges: int
) -> Surroundings:
    """Which atoms have the same surroundings, exactly.

    Args:
        atoms: Whole numbers, ``(a, n_features)``.
        source: Of each bond in each direction, ``(e,)``; likewise the rest.
        target: Atom that it leads to.
        kind: As of :class:`Exchange`.
        n_exchanges: How far atoms hear.
    """
    n_atoms = len(atoms)
    first, place = _distinct(atoms.numpy().astype(np.int64).T, n_atoms)
    order = np.argsort(target.numpy(), kind="stable")
    sources, targets, kinds = (part.numpy()[order] for part in (source, target, kind))
    n_around = np.bincount(targets, minlength=n_atoms)
    begin = np.cumsum(n_around) - n_around
    nth = np.arange(len(order)) - begin[targets]
    around = np.zeros((n_around.max(initial=0), n_atoms), dtype=np.int64)
    start, exchanges = torch.from_numpy(first), []
    for _ in range(n_exchanges):
        around[nth, targets] = 1 + place[sources] * len(BOND_KINDS) + kinds
        before = place
        first, place = _distinct([before, *np.sort(around, axis=0)], n_atoms)
        n_sent = n_around[first]
        sent = np.repeat(begin[first] - (np.cumsum(n_sent) - n_sent), n_sent)
        sent += np.arange(len(sent))
        parts = before[first], before[sources[sent]], np.repeat(np.arange(len(first)), n_sent)
        exchanges.append(Exchange(*map(torch.from_numpy, (*parts, kinds[sent]))))
    return Surroundings(start, exchanges, torch.from_numpy(place))


def _distinct(columns: Sequence[Integers] | Integers, n: int) -> tuple[Integers, Integers]:
    """The first of n rows of each kind, and which kind each is; columns are not below 0."""
    key, room = np.zeros(n, dtype=np.int64), 1
    for column in columns:
        size = int(column.max(initial=0)) + 1
        if room * size > _ROOM:
            key = np.unique(key, return_inverse=True)[1]
            room = int(key.max(initial=0)) + 1
        key, room = key * size + column, room * size
    _, first, kind = np.unique(key, return_index=True, return_inverse=True)
    return first, kind
