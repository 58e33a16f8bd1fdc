"""Tables whose atoms tell their hydrogens: every bond that a kind has must be made.

With the hydrogens of each atom told, a formula and the numbers of CH3, CH2, CH and C are sums
over kinds: what is left of them is known exactly before every token, and so is whether a molecule
may end, which is where no atom has a bond to give.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nmrflow.flow.state import State
from nmrflow.flow.tokens import MAX_ORDER, Grammar


class SaturatedGrammar(Grammar):
    """How tables are told whose kinds of atoms say their hydrogens.

    What is known of a molecule are totals, each of them known or :data:`UNKNOWN` by itself:
    ``State.counts`` has shape ``(..., n_counts)``.

    Args:
        valences: Of each kind, the bond orders to other atoms of the table, at least 1.
        max_atoms: Most atoms.
        pairs: As of :class:`Grammar`.
        counted: How much an atom of each kind adds to each total, ``(n_kinds, n_counts)``: first
            the atoms of each element, then hydrogens, then others.
        most_bonds: Of each element, how much an atom adds at most, hydrogens among it, to the sum
            of valences of a molecule without a net charge, its charge being taken off.
        charges: Of each kind.
    """

    def __init__(
        self,
        valences: Sequence[int],
        max_atoms: int,
        pairs: Sequence[tuple[int, int]],
        counted: Sequence[Sequence[int]],
        most_bonds: Sequence[int],
        charges: Sequence[int],
    ) -> None:
        super().__init__(valences, max_atoms, pairs)
        self.counted = torch.tensor(counted)
        self.n_elements = len(most_bonds)
        self.most_bonds = torch.tensor(most_bonds)
        self.charges = torch.tensor(charges)
        self._binds = torch.tensor(valences)
        self._charge = torch.tensor([*charges, 0])
        # Behind the last kind stands what is not told yet: it counts nothing and binds nothing.
        self._counted = torch.cat([self.counted, torch.zeros_like(self.counted[:1])])
        self._valence = torch.tensor([*self.valences, 0])

    @property
    def n_counts(self) -> int:
        """Totals that may be known."""
        return self.counted.shape[1]

    def counts_of(self, cells: Tensor) -> Tensor:
        """The totals of tables ``(n, n_cells)``, ``(n, n_counts)``."""
        kinds = cells[:, : self.n_kind_cells].long() - 1
        return self._counted.to(cells.device)[kinds].sum(1)

    def totals_of_tokens(self, tokens: Tensor, counted: Tensor) -> Tensor:
        """Totals of tables told as tokens ``(n, t)``, -1 behind the end.

        Args:
            tokens: Of the tables.
            counted: How much an atom of each kind adds to each, ``(n_kinds, n_totals)``.
        """
        kinds = torch.where(tokens > self.end, tokens - self.end - 1, self.n_kinds)
        padded = torch.cat([counted, torch.zeros_like(counted[:1])]).to(tokens.device)
        return padded[kinds].sum(1)

    def used(self, state: State) -> Tensor:
        """What the atoms told so far add to the totals, ``(..., n_counts)``."""
        # A sum over atoms, one after the other: all at once takes too much memory.
        counted = self._counted.to(state.kinds.device)
        total = counted[state.kinds[..., 0]]
        for atom in range(1, self.max_atoms):
            total = total + counted[state.kinds[..., atom]]
        return total

    def rest(self, state: State) -> Tensor:
        """What is left of the totals, :data:`UNKNOWN` where one is not known."""
        return torch.where(state.counts >= 0, (state.counts - self.used(state)).clamp(min=0), -1)

    def allowed(self, state: State) -> Tensor:
        """Which tokens may come next; see :meth:`Grammar.allowed`.

        The molecule ends where no bond is left to make and the known totals are reached. Where
        all elements and the hydrogens are known, so is how many bonds can still be made: each
        atom to come keeps one, and what the atoms so far have open must be taken by these.
        """
        column = state.column.clamp(0, self.n_rows)
        left = self.valence_left(state)
        own_left = left.gather(-1, column[..., None])
        open_ = left.sum(-1)
        rest = self.rest(state)
        to_come = self._to_come(rest, state)
        rows = torch.arange(self.n_rows, device=column.device)
        room = torch.minimum(left[..., : self.n_rows], own_left)
        # A bond takes two of what is open; what is kept for further atoms, none may take.
        spare = torch.where(to_come.some, open_ - 1, open_) // 2
        budget = (open_ + to_come.bonds) // 2 - to_come.n
        spare = torch.where(to_come.is_known, torch.minimum(spare, budget), spare)
        room = torch.minimum(room, spare[..., None])
        reachable = (rows > state.last_row[..., None]) & (rows < state.column[..., None])
        # Behind the last atom no bond comes: this one takes all that is open, in order.
        is_last = to_come.is_known & (to_come.n == 0)
        before = left[..., : self.n_rows] * (rows < state.column[..., None])
        first_open = before.cumsum(-1) - before == 0
        takes_all = torch.where(is_last[..., None], before, 0)
        reachable &= ~is_last[..., None] | first_open
        orders = torch.arange(1, MAX_ORDER + 1, device=column.device)
        bond = reachable[..., None] & (orders <= room[..., None])
        bond &= (takes_all[..., None] == 0) | (orders == takes_all[..., None])
        bond = bond.flatten(-2)
        unbound = (state.column > 0) & (state.bonds.gather(-1, column[..., None])[..., 0] == 0)
        reached = ((rest <= 0) | (state.counts < 0)).all(-1)
        stop = (state.column >= 0) & (open_ == 0) & reached
        more = ~unbound & (state.column < self.n_rows) & ((open_ > 0) | (state.column < 0))
        more &= to_come.some | ~to_come.is_whole
        more &= ~to_come.is_known | (open_ <= to_come.bonds)
        ends = torch.cat([stop[..., None], more[..., None] & self._fits(rest, to_come, open_)], -1)
        none = ~bond.any(-1) & ~ends.any(-1)
        ends = torch.cat([(ends[..., 0] | none)[..., None], ends[..., 1:]], -1)
        return torch.cat([bond, ends], -1)

    def _to_come(self, rest: Tensor, state: State) -> "_ToCome":
        atoms, hydrogens = rest[..., : self.n_elements], rest[..., self.n_elements]
        is_whole = (atoms >= 0).all(-1)
        n = atoms.clamp(min=0).sum(-1)
        valences = (atoms.clamp(min=0) * self.most_bonds.to(rest.device)).sum(-1)
        known = is_whole & (hydrogens >= 0)
        # What is told of formulas is of molecules without a net charge.
        charge = self._charge.to(rest.device)[state.kinds].sum(-1)
        return _ToCome((atoms > 0).any(-1), n, is_whole, known, valences - hydrogens - charge)

    def _fits(self, rest: Tensor, to_come: "_ToCome", open_: Tensor) -> Tensor:
        """Which kinds the totals leave room for; the last atom uses all of them up."""
        counted, binds = self.counted.to(rest.device), self._binds.to(rest.device)
        is_last = (to_come.is_whole & (to_come.n == 1))[..., None]
        fits = ~is_last | (binds == open_[..., None])
        for total in range(self.n_counts):
            own = rest[..., total, None]
            enough = torch.where(is_last, counted[:, total] == own, counted[:, total] <= own)
            fits = fits & ((own < 0) | enough)
        return fits


class _ToCome(NamedTuple):
    """What of a molecule is known to come.

    Args:
        some: Whether atoms are.
        n: How many, of elements whose number is known.
        is_whole: Whether all elements' numbers are known.
        is_known: Whether those of hydrogens are, too.
        bonds: How much they bind at most, where that is known.
    """

    some: Tensor
    n: Tensor
    is_whole: Tensor
    is_known: Tensor
    bonds: Tensor
