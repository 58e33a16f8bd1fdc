"""Networks that say which bond comes next, given the spectrum code and the bonds so far.

They live inside :class:`nmrflow.flow.bond_nodes.BondCoupling` and are never inverted. To add
one: subclass :class:`BondConditional` and give it a row in ``tests/contracts/test_nodes.py``.
"""

import math
from abc import abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nmrflow.flow.tokens import (
    MAX_ATOMS,
    MAX_BONDS,
    N_TOKENS,
    State,
)

_N_PEAK_COUNTS = 24
_FREQUENCIES = 32


class BondConditional(nn.Module):
    """What :class:`nmrflow.flow.bond_nodes.BondCoupling` asks of a network.

    Both ways must say the same: :meth:`forward` of whole sequences, and :meth:`step` token by
    token, where ``memory`` is whatever a network keeps between two steps.

    Args:
        n_bins: Width of the spectrum code.
    """

    def __init__(self, n_bins: int) -> None:
        super().__init__()
        self.n_bins = n_bins

    @abstractmethod
    def forward(self, code: Tensor, states: State) -> Tensor:
        """Logits of the token after each state.

        Args:
            code: Bits, bool, ``(n, n_bins)``.
            states: With axes ``(n, t)``.

        Returns:
            ``(n, t, N_TOKENS)``.
        """

    @abstractmethod
    def begin(self, code: Tensor) -> Any:  # noqa: ANN401 - each network its own
        """The memory before the first token."""

    @abstractmethod
    def step(self, memory: Any, state: State) -> Tensor:  # noqa: ANN401
        """Logits of the token after one state, with axis ``(n,)``; ``memory`` is updated."""

    @abstractmethod
    def select(self, memory: Any, rows: Tensor) -> Any:  # noqa: ANN401
        """The memory of those molecules, by position; one may come several times, or never."""


class PeakEmbedding(nn.Module):
    """The set bits of a code as vectors: one for the code as a whole, one for each bit.

    Args:
        n_bins: Width of the code.
        width: Of the vectors.
    """

    waves: Tensor

    def __init__(self, n_bins: int, width: int) -> None:
        super().__init__()
        self.bin = nn.Embedding(n_bins, width)
        self.wave = nn.Linear(2 * _FREQUENCIES, width)
        self.count = nn.Embedding(_N_PEAK_COUNTS, width)
        frequency = torch.exp(torch.linspace(0, math.log(64), _FREQUENCIES)) * math.pi / n_bins
        angle = torch.arange(n_bins)[:, None] * frequency
        # Neighbouring bins mean nearly the same shift, which a table alone would have to learn.
        self.register_buffer("waves", torch.cat([angle.sin(), angle.cos()], 1), persistent=False)

    def forward(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors ``(n, 1 + p, width)`` for at most p set bits, and which are real."""
        n_set = code.sum(1)
        most = int(n_set.max())
        index = torch.argsort(~code, dim=1, stable=True)[:, :most]
        vectors = self.bin(index) + self.wave(self.waves[index])
        whole = self.count(n_set.clamp(max=_N_PEAK_COUNTS - 1))[:, None]
        real = F.pad(code.gather(1, index), (1, 0), value=True)
        return torch.cat([whole, vectors], 1), real


class StateEmbedding(nn.Module):
    """A state as a vector: token before, column, valences left, atoms and bonds left."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.token = nn.Embedding(N_TOKENS + 1, width)
        self.column = nn.Embedding(MAX_ATOMS + 1, width)
        self.valence = nn.Linear(MAX_ATOMS * (MAX_BONDS + 1), width)
        self.atoms_left = nn.Embedding(MAX_ATOMS + 2, width)
        self.bonds_left = nn.Embedding(2 * MAX_ATOMS + 2, width)

    def forward(self, state: State) -> Tensor:
        """``(..., width)``."""
        n_atoms, total = state.formula.unbind(-1)
        known = n_atoms > 0
        atoms = torch.where(known, (n_atoms - state.column).clamp(0, MAX_ATOMS), MAX_ATOMS + 1)
        left = (total - state.bonds.sum(-1) // 2).clamp(0, 2 * MAX_ATOMS)
        bonds = torch.where(known, left, 2 * MAX_ATOMS + 1)
        # Below 0 only in tables that are no molecule's; what comes of them is masked.
        valence = F.one_hot((MAX_BONDS - state.bonds).clamp(min=0), MAX_BONDS + 1).flatten(-2)
        vector: Tensor = (
            self.token(state.previous)
            + self.column(state.column.clamp(max=MAX_ATOMS))
            + self.valence(valence.to(self.valence.weight.dtype))
            + self.atoms_left(atoms)
            + self.bonds_left(bonds)
        )
        return vector
