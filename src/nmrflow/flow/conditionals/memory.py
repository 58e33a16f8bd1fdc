"""What a transformer over atoms keeps between two tokens."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

_ROOM = 4
"""Positions by which memory grows at a time."""


class AtomMemory:
    """Of each molecule, what it has read and where it is.

    Args:
        peaks: Keys and values of the peaks, of every layer; those of one question once, for all
            that is told of it.
        seen: Which peaks are real, ``(n, 1, p)``, or ``(1, 1, p)`` of one question.
        kept: Keys and values of the positions so far, of every layer, with room behind them.
        atoms: Keys of atoms for bonds, ``(n, max_atoms, pointer_width)``.
        hidden: The state of the present position, ``(n, width)``.
        so_far: The sum of the bonds told at it, ``(n, width)``.
    """

    def __init__(
        self,
        peaks: list[tuple[Tensor, Tensor]],
        seen: Tensor,
        kept: list[tuple[Tensor, Tensor] | None],
        atoms: Tensor,
        hidden: Tensor,
        so_far: Tensor,
    ) -> None:
        self.peaks, self.seen, self.kept = peaks, seen, kept
        self.atoms, self.hidden, self.so_far = atoms, hidden, so_far

    @property
    def n_kept(self) -> int:
        """Positions that there is room for."""
        return 0 if self.kept[0] is None else self.kept[0][0].shape[2]

    def make_room(self, n: int) -> None:
        """Room for so many positions."""
        if n <= self.n_kept:
            return
        for k, (key, _) in enumerate(self.peaks):
            kept = self.kept[k]
            none = key[:, :, :0].expand(len(self.atoms), -1, -1, -1)
            own = (none, none) if kept is None else kept
            room = n + _ROOM - own[0].shape[2]
            self.kept[k] = F.pad(own[0], (0, 0, 0, room)), F.pad(own[1], (0, 0, 0, room))

    def of_layer(self, k: int, rows: Tensor, position: Tensor) -> tuple[Any, ...]:
        """Peaks' keys and values of some molecules, and how to add to those of positions."""
        kept = self.kept[k]
        assert kept is not None

        def add(key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
            for whole, new in zip(kept, (key, value), strict=True):
                whole[rows, :, position] = new[:, :, 0]
            return kept[0].index_select(0, rows), kept[1].index_select(0, rows)

        peak_key, peak_value = _pick(self.peaks[k], rows)
        return peak_key, peak_value, add

    def seen_by(self, rows: Tensor) -> Tensor:
        """Which peaks are real, of some molecules."""
        return _of(self.seen, rows).expand(len(rows), -1, -1)

    def select(self, rows: Tensor) -> "AtomMemory":
        """Of molecules by position."""
        return AtomMemory(
            [_pick(pair, rows) for pair in self.peaks],
            _of(self.seen, rows),
            [pair and _pick(pair, rows, is_shared=False) for pair in self.kept],
            self.atoms.index_select(0, rows),
            self.hidden.index_select(0, rows),
            self.so_far.index_select(0, rows),
        )


def _pick(
    pair: tuple[Tensor, Tensor], rows: Tensor, *, is_shared: bool = True
) -> tuple[Tensor, Tensor]:
    if is_shared:
        return _of(pair[0], rows), _of(pair[1], rows)
    return pair[0].index_select(0, rows), pair[1].index_select(0, rows)


def _of(part: Tensor, rows: Tensor) -> Tensor:
    """Some molecules' part; what is of one question stays once."""
    return part if len(part) == 1 else part.index_select(0, rows)
