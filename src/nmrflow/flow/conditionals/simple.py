"""Plainer networks that say which bond comes next: a recurrent one, and one without memory."""

from typing import Any

import torch
from torch import Tensor, nn

from nmrflow.flow.conditionals.base import Conditional, StateEmbedding
from nmrflow.flow.state import State
from nmrflow.flow.tokens import Grammar


class StructureRecurrent(Conditional):
    """A gated recurrent network over the bonds so far; the code enters as one vector.

    Args:
        n_bins: Width of the code.
        grammar: Of the tokens.
        width: Of the recurrent state.
        n_layers: Recurrent layers.
    """

    def __init__(
        self, n_bins: int, grammar: Grammar, *, width: int = 320, n_layers: int = 2
    ) -> None:
        super().__init__(n_bins, grammar)
        self.code = nn.Sequential(
            nn.Linear(n_bins, width), nn.ReLU(), nn.Linear(width, width), nn.LayerNorm(width)
        )
        self.state = StateEmbedding(grammar, width)
        self.cells = nn.GRU(2 * width, width, n_layers, batch_first=True)
        self.leave = nn.Linear(2 * width, grammar.n_tokens)

    def forward(self, code: Tensor, states: State, peaks: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Logits of all tokens at once; see :class:`Conditional`."""
        return self._advance(self._context(code), self.state(states), None)[0]

    def begin(self, code: Tensor, peaks: Tensor | None = None) -> list[Any]:  # noqa: ARG002
        """The code's vector, and no recurrent state yet."""
        return [self._context(code), None]

    def step(self, memory: Any, state: State) -> Tensor:  # noqa: ANN401
        """Logits of one token."""
        context, hidden = memory
        logits, memory[1] = self._advance(context, self.state(state)[:, None], hidden)
        return logits[:, 0]

    def select(self, memory: Any, rows: Tensor) -> list[Any]:  # noqa: ANN401
        """Contexts and recurrent states of some of the molecules."""
        context, hidden = memory
        return [context[rows], None if hidden is None else hidden[:, rows]]

    def _context(self, code: Tensor) -> Tensor:
        vector: Tensor = self.code(code.to(self.leave.weight.dtype))
        return vector[:, None]

    def _advance(self, context: Tensor, x: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        context = context.expand(-1, x.shape[1], -1)
        out, hidden = self.cells(torch.cat([x, context], -1), hidden)
        assert hidden is not None
        return self.leave(torch.cat([out, context], -1)), hidden


class StructureMemoryless(Conditional):
    """Each step sees the code and the counts, but not which bonds there are: a plain network.

    Args:
        n_bins: Width of the code.
        grammar: Of the tokens.
        width: Of the hidden layers.
    """

    def __init__(self, n_bins: int, grammar: Grammar, *, width: int = 640) -> None:
        super().__init__(n_bins, grammar)
        self.code = nn.Linear(n_bins, width)
        self.state = StateEmbedding(grammar, width)
        self.body = nn.Sequential(
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, grammar.n_tokens),
        )

    def forward(self, code: Tensor, states: State, peaks: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Logits of all tokens at once; see :class:`Conditional`."""
        logits: Tensor = self.body(self.state(states) + self.begin(code)[:, None])
        return logits

    def begin(self, code: Tensor, peaks: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """The code's vector."""
        vector: Tensor = self.code(code.to(self.code.weight.dtype))
        return vector

    def step(self, memory: Any, state: State) -> Tensor:  # noqa: ANN401
        """Logits of one token."""
        logits: Tensor = self.body(self.state(state) + memory)
        return logits

    def select(self, memory: Any, rows: Tensor) -> Tensor:  # noqa: ANN401
        """The codes' vectors of some of the molecules."""
        vectors: Tensor = memory[rows]
        return vectors
