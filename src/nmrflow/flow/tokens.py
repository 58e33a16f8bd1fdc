"""Tables of cells read as sequences: what comes next, and what may.

A table holds the bond orders of pairs of atoms, column by column, and, where there are several
kinds of atoms, the kind of each (see :mod:`nmrflow.chem.codecs.table`). It is read column by
column, each from its first row down. Only what is there is said: a token is a bond of the column,
``3 row + order - 1``, or the end of the column. With one kind of atoms there is one end, and the
first column without a bond ends the molecule; with several the end says of which kind the next
atom is, or that there is none. A molecule of 9 carbons takes about 20 tokens where its table has
136 slots; the probabilities of the cells follow from those of the tokens.

Of chemistry only whole numbers enter: atoms, the valence of each kind, the highest order.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nmrflow.flow.state import State

MAX_ORDER = 3

_IMPOSSIBLE = -1e9


class Grammar:
    """How tables of one domain are told.

    Args:
        valences: Of each kind of atoms.
        max_atoms: Most atoms.
        pairs: The atoms of each bond slot, the smaller first, in the order of the slots.
    """

    def __init__(
        self, valences: Sequence[int], max_atoms: int, pairs: Sequence[tuple[int, int]]
    ) -> None:
        self.valences = tuple(valences)
        self.n_kinds = len(self.valences)
        self.max_valence = max(self.valences)
        self.max_atoms = max_atoms
        self.tells_kinds = self.n_kinds > 1
        self.n_rows = max_atoms - 1
        self.n_slots = len(pairs)
        self.n_kind_cells = max_atoms if self.tells_kinds else 0
        self.n_cells = self.n_kind_cells + self.n_slots
        self.n_values = max(MAX_ORDER, self.n_kinds if self.tells_kinds else 0) + 1
        """Whole numbers that a cell can hold, from 0."""
        self.end = self.n_rows * MAX_ORDER
        """The first of the ends of a column: the molecule's, where kinds are told."""
        self.n_ends = 1 + self.n_kinds if self.tells_kinds else 1
        self.n_tokens = self.end + self.n_ends
        self.first_column = -1 if self.tells_kinds else 1
        self.row = torch.tensor([i for i, _ in pairs])
        self._column = torch.tensor([j for _, j in pairs])
        self.slot = torch.full((max_atoms, max(self.n_rows, 1)), self.n_slots - 1)
        """The slot of each column and row; of none that is one the last."""
        self.slot[self._column, self.row] = torch.arange(self.n_slots)
        self._valence = torch.tensor([*self.valences, self.max_valence])

    @property
    def n_counts(self) -> int:
        """Totals that may be known."""
        return self.n_kinds + 1

    def counts_of(self, cells: Tensor) -> Tensor:
        """Atoms of each kind and sum of bond orders of tables ``(n, n_cells)``."""
        total = cells[:, self.n_kind_cells :].sum(1, keepdim=True)
        if self.tells_kinds:
            kinds = cells[:, : self.n_kind_cells]
            counts = [(kinds == kind + 1).sum(1, keepdim=True) for kind in range(self.n_kinds)]
        else:
            column = self._column.to(cells.device)
            counts = [torch.where(cells > 0, column, 0).amax(1, keepdim=True) + 1]
        return torch.cat([*counts, total], 1).long()

    def to_tokens(self, cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tables to tokens.

        Args:
            cells: Whole numbers, ``(n, n_cells)``.

        Returns:
            Tokens ``(n, t)``, -1 behind the end; for every cell the position of the token that
            decides it, t where the molecule has ended before, ``(n, n_cells)``; and whether
            nothing is occupied behind the end, ``(n,)``: other tables cannot be told in tokens.
        """
        n, device = len(cells), cells.device
        orders = cells[:, self.n_kind_cells :]
        column, row = self._column.to(device), self.row.to(device)
        # Of each column -1 to max_atoms - 1, whether it is told, and the token that ends it.
        if self.tells_kinds:
            kinds = cells[:, : self.n_kind_cells]
            there = kinds > 0
            told = F.pad(there.long().cumprod(1), (1, 0), value=1).bool()
            ends = self.end + F.pad(kinds, (0, 1))
            complete = (there == told[:, 1:]).all(1)
        else:
            filled = orders.new_zeros(n, self.max_atoms)
            filled = filled.scatter_add_(1, column.expand(n, -1), orders) > 0
            going = F.pad(filled[:, 1:-1].long().cumprod(1), (1, 0), value=1).bool()
            told = torch.cat([torch.zeros_like(going[:, :1]).expand(-1, 2), going], 1)
            ends = orders.new_full(told.shape, self.end)
            complete = torch.ones(n, dtype=torch.bool, device=device)
        # Places when every column is followed by its end: column -1 has an end only, as has 0.
        place = torch.arange(self.n_slots, device=device) + column + 1
        j = torch.arange(-1, self.max_atoms, device=device)
        end_place = torch.where(j > 0, j * (j + 1) // 2 + j + 1, j + 1)
        token = orders.new_full((n, self.n_slots + self.max_atoms + 1), -1)
        said = torch.zeros(token.shape, dtype=torch.bool, device=device)
        token[:, place] = row * MAX_ORDER + orders - 1
        said[:, place] = (orders > 0) & told[:, column + 1]
        token[:, end_place] = ends
        said[:, end_place] = told
        position = said.long().cumsum(1) - said.long()
        length = int(said.sum(1).max())
        tokens = token.new_full((n, length + 1), -1)
        tokens.scatter_(1, torch.where(said, position, length), token)
        decides = torch.where(told[:, column + 1], position[:, place], length)
        if self.tells_kinds:  # The end of a column decides the kind of the next atom.
            by_end = torch.where(told, position[:, end_place], length)[:, : self.n_kind_cells]
            decides = torch.cat([by_end, decides], 1)
        complete &= ((orders > 0) <= told[:, column + 1]).all(1)
        return tokens[:, :length], decides, complete

    def to_cells(self, tokens: Tensor) -> Tensor:
        """Tables of whole sequences ``(n, t)``, -1 behind the end: ``(n, n_cells)``."""
        n = len(tokens)
        column = self.first_column + _shifted((tokens >= self.end).long().cumsum(1), 0)
        is_bond = (tokens >= 0) & (tokens < self.end)
        cells = tokens.new_zeros(n, self.n_cells + 1)  # The last takes what is no cell's.
        row = torch.where(is_bond, tokens // MAX_ORDER, 0)
        slot = self.slot.to(tokens.device)[column.clamp(0, self.n_rows), row]
        place = torch.where(is_bond, self.n_kind_cells + slot, self.n_cells)
        cells.scatter_(1, place, tokens % MAX_ORDER + 1)
        if self.tells_kinds:
            place = torch.where(tokens > self.end, column + 1, self.n_cells)
            cells.scatter_(1, place, tokens - self.end)
        return cells[:, :-1]

    def first_state(self, counts: Tensor) -> State:
        """The state before the first token, of totals ``(n, n_counts)``."""
        n = len(counts)
        none = counts.new_zeros(n)
        unknown = -1 if self.tells_kinds else 0
        return State(
            column=none + self.first_column,
            last_row=none - 1,
            bonds=counts.new_zeros(n, self.max_atoms),
            kinds=counts.new_full((n, self.max_atoms), unknown),
            previous=none + self.n_tokens,
            counts=counts,
        )

    def next_state(self, state: State, token: Tensor) -> tuple[State, Tensor]:
        """The state behind a token ``(n,)``, and whether the molecule has ended with it."""
        is_bond = token < self.end
        row = torch.where(is_bond, token // MAX_ORDER, 0)
        order = torch.where(is_bond, token % MAX_ORDER + 1, 0)
        column = state.column.clamp(0, self.n_rows)[:, None]
        bonds = state.bonds.scatter_add(1, row[:, None], order[:, None])
        bonds = bonds.scatter_add(1, column, order[:, None])
        kinds = state.kinds
        if self.tells_kinds:
            ended = token == self.end
            following = (state.column + 1).clamp(max=self.n_rows)[:, None]
            own = kinds.gather(1, following)
            kind = torch.where(is_bond | ended, own[:, 0], token - self.end - 1)
            kinds = kinds.scatter(1, following, kind[:, None])
        else:
            empty = bonds.gather(1, column)[:, 0] == 0
            ended = ~is_bond & (empty | (state.column >= self.n_rows))
        return (
            State(
                state.column + (~is_bond).long(),
                torch.where(is_bond, row, -1),
                bonds,
                kinds,
                token,
                state.counts,
            ),
            ended,
        )

    def states_before(self, tokens: Tensor, counts: Tensor) -> State:
        """The states before all tokens of given sequences at once, as :meth:`next_state` says.

        Args:
            tokens: ``(n, t)``, -1 behind the end.
            counts: ``(n, n_counts)``.
        """
        n, length = tokens.shape
        is_bond = (tokens >= 0) & (tokens < self.end)
        row = torch.where(is_bond, tokens // MAX_ORDER, 0)
        order = torch.where(is_bond, tokens % MAX_ORDER + 1, 0)
        column = self.first_column + _shifted((tokens >= self.end).long().cumsum(1), 0)
        at_column = column.clamp(0, self.n_rows)[..., None]
        added = torch.zeros(n, length, self.max_atoms, dtype=torch.long, device=tokens.device)
        added.scatter_add_(2, row[..., None], order[..., None])
        added.scatter_add_(2, at_column, order[..., None])
        bonds = added.cumsum(1) - added
        kinds = torch.zeros_like(bonds)
        if self.tells_kinds:
            # 1 + kind stands where an end tells it, and stays.
            told = torch.where(tokens > self.end, tokens - self.end, 0)
            following = (column + 1).clamp(max=self.n_rows)[..., None]
            new = torch.zeros_like(bonds).scatter_add_(2, following, told[..., None])
            kinds = new.cumsum(1) - new - 1
        return State(
            column,
            _shifted(torch.where(is_bond, row, -1), -1),
            bonds,
            kinds,
            _shifted(tokens.clamp(min=0), self.n_tokens),
            counts[:, None].expand(n, length, self.n_counts),
        )

    def valence_left(self, state: State) -> Tensor:
        """How much more each atom can bind, ``(..., max_atoms)``; of an untold one the most."""
        valence = self._valence.to(state.bonds.device)
        return valence[state.kinds] - state.bonds

    def allowed(self, state: State) -> Tensor:
        """Which tokens may come next, ``(..., n_tokens)``; there is always one.

        No atom may get more bonds than it can have, and every atom is bound to one before it.
        Where the formula is known its atoms come to be bound, and its bonds are spent, as far as
        can be seen from the counts: a state out of which no way leads may still come, and then
        ends.
        """
        column = state.column.clamp(0, self.n_rows)
        left = self.valence_left(state)
        own_left = left.gather(-1, column[..., None])
        room = torch.minimum(left[..., : self.n_rows], own_left)
        rows = torch.arange(self.n_rows, device=column.device)
        n_of, total = state.counts[..., :-1], state.counts[..., -1]
        n_atoms = n_of.sum(-1)
        known = total >= 0
        spent = state.bonds.sum(-1) // 2
        later = (n_atoms - 1 - column).clamp(min=0)  # Each needs a bond too.
        room = torch.where(
            known[..., None], torch.minimum(room, (total - spent - later)[..., None]), room
        )
        reachable = (rows > state.last_row[..., None]) & (rows < state.column[..., None])
        reachable &= (~known | (state.column < n_atoms))[..., None]
        orders = torch.arange(1, MAX_ORDER + 1, device=column.device)
        bond = (reachable[..., None] & (orders <= room[..., None])).flatten(-2)
        empty = state.bonds.gather(-1, column[..., None])[..., 0] == 0
        if self.tells_kinds:
            ends = self._allowed_ends(state, empty & (state.column > 0), spent)
            none = ~bond.any(-1) & ~ends.any(-1)
            ends = torch.cat([(ends[..., 0] | none)[..., None], ends[..., 1:]], -1)
            return torch.cat([bond, ends], -1)
        end = ~(empty & (state.column == 1))
        end &= ~known | (state.column >= n_atoms) | ~empty
        end &= ~known | (state.column != n_atoms - 1) | (spent >= total)
        end |= ~bond.any(-1)
        return torch.cat([bond, end[..., None]], -1)

    def _allowed_ends(self, state: State, unbound: Tensor, spent: Tensor) -> Tensor:
        """Whether the molecule may end, and which kinds the next atom may be of."""
        n_of, total = state.counts[..., :-1], state.counts[..., -1]
        known = total >= 0
        kinds = torch.arange(self.n_kinds, device=n_of.device)
        used = (state.kinds[..., None] == kinds).sum(-2)
        rest = n_of - used
        stop = ~unbound & (state.column >= 0)
        stop &= ~known | ((rest <= 0).all(-1) & (spent >= total))
        # The atoms so far must leave a place for one more to be bound to.
        free = self.valence_left(state).gt(0) & (state.kinds >= 0)
        more = ~unbound & (state.column < self.n_rows) & (free.any(-1) | (state.column < 0))
        more = more[..., None] & (~known[..., None] | (rest > 0))
        return torch.cat([stop[..., None], more], -1)

    def token_log_probabilities(self, logits: Tensor, state: State, floor: float) -> Tensor:
        """Logits ``(..., n_tokens)`` to log probabilities of what may come next.

        Args:
            logits: Of a network.
            state: Before the tokens.
            floor: Probability that is spread evenly over all tokens allowed, so that none is so
                rare that its place in float32 is lost.
        """
        may = self.allowed(state)
        log_p = logits.masked_fill(~may, _IMPOSSIBLE).log_softmax(-1)
        even = math.log(floor) - may.sum(-1, keepdim=True).to(log_p.dtype).log()
        mixed = torch.logaddexp(log_p + math.log1p(-floor), even)
        return torch.where(may, mixed, _IMPOSSIBLE)


def _shifted(tensor: Tensor, first: int) -> Tensor:
    return F.pad(tensor[:, :-1], (1, 0), value=first)
