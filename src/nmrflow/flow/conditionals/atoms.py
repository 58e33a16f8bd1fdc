"""A transformer over atoms, whose bonds and next kind are told by a smaller network at its head.

A molecule of 15 atoms is 16 positions of the transformer where its tokens would be 32. At each
position it knows the atom's kind, the bonds of the atom before, what is left of the totals and
which atoms have bonds to give; the head adds the bonds that were told of this atom so far. Which
atom is bound is asked of the atoms' own states, not of their numbers.
"""

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nmrflow.errors import ConfigError
from nmrflow.flow.conditionals.base import Conditional
from nmrflow.flow.conditionals.memory import AtomMemory
from nmrflow.flow.conditionals.peaks import N_PEAKS, PeakReader
from nmrflow.flow.conditionals.transformer import Layer, attention_bias
from nmrflow.flow.saturated import SaturatedGrammar
from nmrflow.flow.state import State
from nmrflow.flow.tokens import MAX_ORDER

_MOST_LEFT = 3
"""More bonds to give than so many are not told apart."""
_GREATEST_REST = 72


class _At(NamedTuple):
    """Where a state is, for atoms' positions: ``(...)`` and ``(..., max_atoms)``."""

    column: Tensor
    left: Tensor


class AtomTransformer(Conditional):
    """A causal transformer over atoms that reads the peaks, and a head for their bonds.

    Args:
        n_bins: Width of the code.
        grammar: Of the tokens; one whose kinds tell hydrogens.
        width: Of the vectors, a multiple of ``n_heads``.
        n_layers: Layers over the atoms.
        n_heads: Attention heads.
        n_peak_layers: Layers over the peaks.
        pointer_width: In which atoms are compared.

    Raises:
        ConfigError: If the width is no multiple of the number of heads, or for another grammar.
    """

    n_facts = 2 * N_PEAKS

    def __init__(  # noqa: PLR0913 - most by name
        self,
        n_bins: int,
        grammar: SaturatedGrammar,
        *,
        width: int = 192,
        n_layers: int = 6,
        n_heads: int = 6,
        n_peak_layers: int = 2,
        pointer_width: int = 64,
    ) -> None:
        super().__init__(n_bins, grammar)
        if width % n_heads:
            raise ConfigError(f"width={width} is no multiple of n_heads={n_heads}")
        self.table = grammar
        self.width, self.pointer_width = width, pointer_width
        n, n_kinds = grammar.max_atoms, grammar.n_kinds
        self.peaks = PeakReader(n_bins, width, n_heads, n_peak_layers)
        self.place = nn.Embedding(n + 2, width)
        self.kind = nn.Embedding(n_kinds + 1, width)
        self.rest = nn.Embedding(grammar.n_counts * (_GREATEST_REST + 2), width)
        self.left = nn.Linear(n * (_MOST_LEFT + 1), width, bias=False)
        self.order = nn.Embedding(MAX_ORDER + 1, width)
        self.distance = nn.Embedding(n + 1, width)
        self.neighbour = nn.Embedding(n_kinds + 1, width)
        self.layers = nn.ModuleList(
            Layer(width, n_heads, hidden=4 * width, reads=True) for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.own_left = nn.Embedding(grammar.max_valence + 1, width)
        self.head_norm = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.leave_norm = nn.LayerNorm(width)
        self.ends = nn.Linear(width, grammar.n_ends)
        self.query = nn.Linear(width, MAX_ORDER * pointer_width)
        self.key = nn.Linear(width, pointer_width)
        self.key_left = nn.Parameter(torch.zeros(grammar.max_valence + 1, pointer_width))
        self.key_distance = nn.Parameter(torch.zeros(MAX_ORDER, n + 1))
        self._initialise(n_layers)

    def _initialise(self, n_layers: int) -> None:
        for name, weight in self.named_parameters():
            if weight.dim() == 2 and not name.startswith("key_"):
                ends_branch = name.endswith(("narrow.weight", "out.weight"))
                std = 0.02 / math.sqrt(2 * n_layers) if ends_branch else 0.02
                nn.init.normal_(weight, std=std)

    def forward(self, code: Tensor, states: State, peaks: Tensor | None = None) -> Tensor:
        """Logits of all tokens at once; see :class:`Conditional`."""
        told, seen = self.peaks(code, peaks)
        n, length = states.column.shape
        at = self._at(states)
        position = at.column + 1
        n_positions = int(position.max()) + 1
        begins = self._begins(states)
        # The first state of each position; a position that does not come has the first of all.
        first = torch.zeros(n, n_positions + 1, dtype=torch.long, device=code.device)
        index = torch.arange(length, device=code.device).expand(n, -1)
        first.scatter_(1, torch.where(begins, position, n_positions), index)
        first = first[:, :n_positions]
        told_bonds = self._bond(states, at).cumsum(1)
        at_first = told_bonds.gather(1, first[..., None].expand(-1, -1, self.width))
        before = F.pad(at_first[:, 1:] - at_first[:, :-1], (0, 0, 1, 0))
        x = self._enter(_rows(states, first), before)
        past = torch.ones(n_positions, n_positions, dtype=torch.bool, device=code.device).tril()
        mask = torch.cat([seen.expand(-1, n_positions, -1), past.expand(n, -1, -1)], 2)
        bias = attention_bias(mask, x.dtype)
        for layer in self.layers:
            x = layer(x, bias, peaks=told)
        x = self.norm(x)
        of_token = position[..., None].expand(-1, -1, self.width)
        so_far = told_bonds - at_first.gather(1, of_token)
        keys = self._padded_keys(self.key(x)[:, 1:])
        return self._leave(x.gather(1, of_token), so_far, at, keys)

    def begin(self, code: Tensor, peaks: Tensor | None = None) -> AtomMemory:
        """The peaks as every layer reads them, and room for the first positions."""
        told, seen = self.peaks(code, peaks)
        layers = [layer for layer in self.layers if isinstance(layer, Layer)]
        zeros = told.new_zeros(len(code), self.width)
        return AtomMemory(
            [layer.keys(told) for layer in layers],
            seen,
            [None] * len(layers),
            told.new_zeros(len(code), self.table.max_atoms, self.pointer_width),
            zeros,
            zeros,
        )

    def step(self, memory: Any, state: State) -> Tensor:  # noqa: ANN401
        """Logits of one token; the transformer moves where an atom's bonds begin."""
        at = self._at(state)
        begins = self._begins(state)
        so_far = memory.so_far + self._bond(state, at)
        rows = begins.nonzero()[:, 0]
        if len(rows):
            self._advance(memory, rows, state, so_far)
            so_far = torch.where(begins[:, None], 0.0, so_far)
        memory.so_far = so_far
        at = _At(at.column[:, None], at.left[:, None])
        return self._leave(memory.hidden[:, None], so_far[:, None], at, memory.atoms)[:, 0]

    def select(self, memory: Any, rows: Tensor) -> AtomMemory:  # noqa: ANN401
        """The memory of some of the molecules."""
        found: AtomMemory = memory.select(rows)
        return found

    def _advance(self, memory: AtomMemory, rows: Tensor, state: State, before: Tensor) -> None:
        """One more position of some molecules."""
        own = State(*(part[rows] for part in state))
        position = own.column + 1
        x = self._enter(own, before[rows])[:, None]
        memory.make_room(int(position.max()) + 1)
        n_kept = memory.n_kept
        past = torch.arange(n_kept, device=x.device) <= position[:, None]
        mask = torch.cat([memory.seen_by(rows), past[:, None]], 2)
        bias = attention_bias(mask, x.dtype)
        for k, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            x = layer.step_at(x, bias, *memory.of_layer(k, rows, position))
        x = self.norm(x[:, 0])
        is_atom = own.column >= 0
        memory.hidden = memory.hidden.index_copy(0, rows, x)
        place = rows[is_atom], own.column[is_atom]
        memory.atoms = memory.atoms.index_put(place, self.key(x[is_atom]))

    def _at(self, state: State) -> _At:
        left = self.table.valence_left(state).clamp(0, self.table.max_valence)
        return _At(state.column.clamp(max=self.table.n_rows), left)

    def _begins(self, state: State) -> Tensor:
        # Behind the longest molecule's end, where a batch is filled up, no further one does.
        return (state.previous >= self.table.end) & (state.column <= self.table.n_rows)

    def _bond(self, state: State, at: _At) -> Tensor:
        """The bond that was told just before, as a vector; zeros where it was none."""
        is_bond = state.previous < self.table.end
        row = torch.where(is_bond, state.previous // MAX_ORDER, 0)
        order = torch.where(is_bond, state.previous % MAX_ORDER, MAX_ORDER)
        kind = state.kinds.gather(-1, row[..., None])[..., 0].clamp(min=-1)
        away = (at.column.clamp(min=0) - row).clamp(0, self.table.max_atoms)
        vector = self.order(order) + self.distance(away) + self.neighbour(kind + 1)
        return torch.where(is_bond[..., None], vector, 0.0)

    def _enter(self, state: State, before: Tensor) -> Tensor:
        """What the transformer is told at positions: states at which atoms' bonds begin."""
        table = self.table
        column = state.column.clamp(max=table.n_rows)
        kind = state.kinds.gather(-1, column.clamp(min=0)[..., None])[..., 0]
        kind = torch.where(column >= 0, kind, -1)
        rest = table.rest(state).clamp(-1, _GREATEST_REST) + 1
        rest = rest + torch.arange(table.n_counts, device=rest.device) * (_GREATEST_REST + 2)
        left = table.valence_left(state).clamp(0, _MOST_LEFT)
        left_hot = F.one_hot(left, _MOST_LEFT + 1).flatten(-2).to(before.dtype)
        of_rest = F.embedding_bag(rest.flatten(0, -2), self.rest.weight, mode="sum")
        vector: Tensor = (
            self.place(column + 1)
            + self.kind(kind + 1)
            + self.left(left_hot)
            + of_rest.reshape(*rest.shape[:-1], -1)
            + before
        )
        return vector

    def _padded_keys(self, keys: Tensor) -> Tensor:
        n = self.table.max_atoms
        return F.pad(keys[:, :n], (0, 0, 0, n - min(n, keys.shape[1])))

    def _leave(self, hidden: Tensor, so_far: Tensor, at: _At, keys: Tensor) -> Tensor:
        """Logits of states ``(n, t)``, from their positions' ``hidden`` and all atoms' keys."""
        table = self.table
        own = at.left.gather(-1, at.column.clamp(min=0)[..., None])[..., 0]
        u = hidden + so_far + self.own_left(own)
        u = u + self.narrow(F.relu(self.widen(self.head_norm(u))))
        u = self.leave_norm(u)
        n, length = own.shape
        query = self.query(u).reshape(n, length * MAX_ORDER, self.pointer_width)
        query = query * self.pointer_width**-0.5
        shape = n, length, MAX_ORDER, -1
        score = (query @ keys.transpose(1, 2)).reshape(shape)[..., : table.n_rows]
        by_left = (query @ self.key_left.T).reshape(shape)
        left = at.left[..., None, : table.n_rows].expand(-1, -1, MAX_ORDER, -1)
        rows = torch.arange(table.n_rows, device=u.device)
        away = (at.column[..., None].clamp(min=0) - rows).clamp(0, table.max_atoms)
        by_distance = self.key_distance.T[away].transpose(-1, -2)
        bonds = score + by_left.gather(-1, left) + by_distance
        logits: Tensor = torch.cat([bonds.transpose(-1, -2).flatten(-2), self.ends(u)], -1)
        return logits


def _rows(states: State, index: Tensor) -> State:
    """States ``(n, t)`` at the given tokens ``(n, m)``."""

    def pick(part: Tensor) -> Tensor:
        if part.dim() == 2:
            return part.gather(1, index)
        return part.gather(1, index[..., None].expand(-1, -1, part.shape[-1]))

    return State(*(pick(part) for part in states))
