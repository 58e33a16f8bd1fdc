"""Networks that say which token comes next, given the spectrum code and the tokens so far.

They live inside :class:`nmrflow.flow.structure.StructureCoupling` and are never inverted. To add
one: subclass :class:`Conditional` and give it a row in ``tests/contracts/test_nodes.py``.
"""

import math
from abc import abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nmrflow.flow.state import State
from nmrflow.flow.tokens import Grammar

_N_PEAK_COUNTS = 24
_FREQUENCIES = 32


class Conditional(nn.Module):
    """What :class:`nmrflow.flow.structure.StructureCoupling` asks of a network.

    Both ways must say the same: :meth:`forward` of whole sequences, and :meth:`step` token by
    token, where ``memory`` is whatever a network keeps between two steps.

    Args:
        n_bins: Width of the spectrum code.
        grammar: Of the tokens.
    """

    n_facts = 0
    """Whole numbers that it reads of peaks beside the code."""

    def __init__(self, n_bins: int, grammar: Grammar) -> None:
        super().__init__()
        self.n_bins = n_bins
        self.grammar = grammar

    @abstractmethod
    def forward(self, code: Tensor, states: State, peaks: Tensor | None = None) -> Tensor:
        """Logits of the token after each state.

        Args:
            code: Bits, bool, ``(n, n_bins)``.
            states: With axes ``(n, t)``.
            peaks: What is known of peaks beside, ``(n, n_facts)``.

        Returns:
            ``(n, t, n_tokens)``.
        """

    @abstractmethod
    def begin(self, code: Tensor, peaks: Tensor | None = None) -> Any:  # noqa: ANN401 - its own
        """The memory before the first token; arguments as of :meth:`forward`."""

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
    """A state as a vector: token before, column, kinds, valences left, atoms and bonds left.

    Args:
        grammar: Of the tokens.
        width: Of the vectors.
    """

    def __init__(self, grammar: Grammar, width: int) -> None:
        super().__init__()
        self.grammar = grammar
        n = grammar.max_atoms
        self.token = nn.Embedding(grammar.n_tokens + 1, width)
        self.column = nn.Embedding(n + 1 - min(grammar.first_column, 0), width)
        self.valence = nn.Linear(n * (grammar.max_valence + 1), width)
        self.atoms_left = nn.ModuleList(nn.Embedding(n + 2, width) for _ in grammar.valences)
        self.most_bonds = grammar.max_valence * n // 2
        self.bonds_left = nn.Embedding(self.most_bonds + 2, width)
        self.kinds = nn.Linear(n * (grammar.n_kinds + 1), width) if grammar.tells_kinds else None

    def forward(self, state: State) -> Tensor:
        """``(..., width)``."""
        grammar, n = self.grammar, self.grammar.max_atoms
        total = state.counts[..., -1]
        known = total >= 0
        left = (total - state.bonds.sum(-1) // 2).clamp(0, self.most_bonds)
        bonds = torch.where(known, left, self.most_bonds + 1)
        # Below 0 only in tables that are no molecule's; what comes of them is masked.
        n_values = grammar.max_valence + 1
        valence = F.one_hot(grammar.valence_left(state).clamp(min=0), n_values).flatten(-2)
        column = state.column - min(grammar.first_column, 0)
        vector: Tensor = (
            self.token(state.previous)
            + self.column(column.clamp(max=self.column.num_embeddings - 1))
            + self.valence(valence.to(self.valence.weight.dtype))
        )
        for kind, embedding in enumerate(self.atoms_left):
            used = (state.kinds == kind).sum(-1) if grammar.tells_kinds else state.column
            rest = (state.counts[..., kind] - used).clamp(0, n)
            vector = vector + embedding(torch.where(known, rest, n + 1))
        vector = vector + self.bonds_left(bonds)
        if self.kinds is not None:
            told = F.one_hot(state.kinds + 1, grammar.n_kinds + 1).flatten(-2)
            vector = vector + self.kinds(told.to(self.kinds.weight.dtype))
        return vector
