"""The node that turns a molecule's cells into normal numbers, given the spectrum.

A cell's number rounds to a whole one; where exactly it lies, from half below to half above, is
free (see :mod:`nmrflow.flow.categorical`).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nmrflow.errors import ConfigError, ShapeError, StructureError
from nmrflow.flow.categorical import from_normal, to_normal
from nmrflow.flow.cells import kind_probabilities, slot_probabilities, table_probabilities
from nmrflow.flow.conditionals.base import Conditional
from nmrflow.flow.node import Dims, Node
from nmrflow.flow.spectrum import whole_numbers
from nmrflow.flow.state import UNKNOWN, State
from nmrflow.flow.tokens import MAX_ORDER, Grammar
from nmrflow.numerics import Draws

_HALF = 0.5
_SHARE_KNOWN = 0.5
"""Of the training records whose totals are told."""
_GROUP = 48
"""Molecules that the network reads at a time on a processor."""
_LEAST = -1e8
"""Below it a log probability is that of something impossible."""


class StructureCoupling(Node):
    """Cells to z, one after the other, given y, the cells before and what else is known.

    A network says how likely each bond order of a slot, and each kind of an atom, is; whole
    number and fraction then become a normal number (:mod:`nmrflow.flow.categorical`). So the
    density of a table is exactly its probability: log p = log N(z; 0, I) + log|det|, and no
    bound. What valence forbids has probability 0; the inverse never makes it. Of y only the
    signs are read.

    Its condition are facts beside the code, whole numbers ``(batch, n_facts)``: first totals of
    the molecule, those of the grammar (:attr:`nmrflow.flow.tokens.State.counts`), then, where the
    network reads more of peaks than their bins, what :class:`Conditional` says of them.

    Args:
        n_bins: Width of y, the last cells.
        grammar: How the cells before them are told.
        conditional: Makes the network, from the width of y and the grammar.
        floor: Probability spread evenly over what may come next; keeps intervals wide enough
            to be found again in float32.

    Raises:
        ShapeError: As :class:`Node`, and if the input is no vector of so many cells.
        ConfigError: If the floor is 0 or less, or 1 or more.
        StructureError: From the forward direction, for tables that no sequence of tokens says:
            too many bonds, or an atom that is bound to none before it.
    """

    asks = ("n_bins", "grammar")
    condition = "facts"
    is_exact_in_float32 = False
    has_likelihood = True
    batch_size = 2400

    def __init__(
        self,
        dims_in: Sequence[Dims],
        dims_c: Iterable[Dims] | None = None,
        *,
        n_bins: int,
        grammar: Grammar,
        conditional: Callable[[int, Grammar], Conditional],
        floor: float = 5e-4,
    ) -> None:
        super().__init__(dims_in, dims_c)
        if self.in_shape != (grammar.n_cells + n_bins,):
            raise ShapeError(
                f"StructureCoupling takes a vector of {grammar.n_cells} + {n_bins}, "
                f"got {self.in_shape}"
            )
        if not 0 < floor < 1:
            raise ConfigError(f"floor={floor}: a probability above 0 and below 1 is needed")
        self.n_bins = n_bins
        self.grammar = grammar
        self.floor = floor
        self.conditional = conditional(n_bins, grammar)

    def output_dims(self, input_dims: Sequence[Dims]) -> list[Dims]:
        """The shape stays."""
        return list(input_dims)

    def fill(self, x: Tensor, code: Tensor | None, draws: Draws | None) -> Tensor:  # noqa: ARG002
        """Each cell off its whole number by a random fraction; in its middle without draws."""
        if draws is None:
            return x
        off = draws.uniform(self.grammar.n_cells, dtype=x.dtype) - _HALF
        return x + F.pad(off, (0, x.shape[1] - off.shape[1])).to(x.device)

    def draw_condition(self, x: Tensor, draws: Draws) -> Tensor:
        """The molecules' totals, all known or unknown with equal chance; nothing of peaks."""
        known = draws.uniform(1).to(x.device) < _SHARE_KNOWN
        counts = torch.where(known, self.grammar.counts_of(x.long()), UNKNOWN)
        return torch.cat(
            [counts, self.unknown_condition(len(x)).to(x.device)[:, self._n_counts :]], 1
        )

    def unknown_condition(self, n: int) -> Tensor:
        """No fact."""
        return torch.full((n, self._n_counts + self.conditional.n_facts), UNKNOWN)

    def log_probability(self, cells: Tensor, code: Tensor, told: Tensor) -> Tensor:
        """Log p of tables, token by token: what z and log|det| add up to.

        Args:
            cells: Whole numbers ``(n, n_cells)``.
            code: Bits, bool, ``(n, n_bins)``.
            told: ``(n, n_facts)``, -1 where unknown.

        Returns:
            ``(n,)``; -inf for a table that is impossible.
        """
        tokens, _, complete = self.grammar.to_tokens(cells)
        total = self.log_probability_of_tokens(tokens, code, told)
        return torch.where(complete & (total > _LEAST), total, -torch.inf)

    def log_probability_of_tokens(self, tokens: Tensor, code: Tensor, told: Tensor) -> Tensor:
        """The same of tables told as tokens ``(n, t)``, -1 behind the end; very low for -inf."""
        log_p = self._token_log_p(tokens, code, told)
        each = log_p.gather(-1, tokens.clamp(min=0)[..., None])[..., 0]
        return torch.where(tokens >= 0, each, 0.0).sum(1)

    def _to_latent(self, x: Tensor, facts: Tensor) -> tuple[Tensor, Tensor]:
        values, rest, code = self._cut(x)
        cells = whole_numbers(values.detach()).long()
        self._check_cells(cells)
        tokens, decides, complete = self.grammar.to_tokens(cells)
        log_p = self._token_log_p(tokens, code, facts)
        p = table_probabilities(self.grammar, log_p, decides)
        possible = p.gather(-1, cells[..., None])[..., 0].gt(0).all(1) & complete
        if not possible.all():
            raise StructureError(
                f"row {int((~possible).nonzero()[0])} of the batch: these bonds have probability "
                "0; an atom has too many, or is bound to none before it, or they contradict what "
                "is known"
            )
        z, log_det = to_normal(values + _HALF, p)
        return torch.cat([z.to(x.dtype), rest], 1), log_det.sum(1).to(x.dtype)

    def _check_cells(self, cells: Tensor) -> None:
        n = self.grammar.n_kind_cells
        if ((cells < 0) | (cells > self.grammar.n_values - 1)).any() or (
            cells[:, n:] > MAX_ORDER
        ).any():
            raise StructureError("a bond slot holds no number that rounds to 0, 1, 2 or 3")

    def _from_latent(self, h: Tensor, facts: Tensor) -> tuple[Tensor, Tensor]:
        z, rest, code = self._cut(h)
        grammar = self.grammar
        # Behind a molecule's end every cell is surely 0: there only the fraction is left.
        values = from_normal(z, z.new_ones(*z.shape, 1))
        log_det = _log_slope(z)
        # Draws for one query often begin alike: the network reads each beginning once. `begun`
        # says which of the beginnings is a row's.
        row = torch.arange(len(z), device=z.device)
        asked, begun = torch.unique(torch.cat([code, facts], 1), dim=0, return_inverse=True)
        code, facts = asked[:, : self.n_bins].bool(), asked[:, self.n_bins :]
        memory = self.conditional.begin(code, self.peaks_of(facts))
        state = grammar.first_state(facts[:, : self._n_counts])

        def decide(of_row: Tensor, cell: Tensor, value: Tensor, own: Tensor) -> None:
            place = of_row, cell
            values[place] = value
            log_det[place] = _log_slope(z[place]) - own.log()

        while len(row):
            log_p = grammar.token_log_probabilities(
                self.conditional.step(memory, state), state, self.floor
            )
            at = _Place(row, state.column[begun], state.last_row[begun])
            token = self._decide_bonds(z, at, slot_probabilities(grammar, log_p)[begun], decide)
            if grammar.tells_kinds:
                p = kind_probabilities(grammar, log_p)[begun]
                token = self._decide_kinds(z, at, token, p, decide)
            longer, begun = torch.unique(begun * grammar.n_tokens + token, return_inverse=True)
            before = longer // grammar.n_tokens
            state, ended = grammar.next_state(
                State(*(part[before] for part in state)), longer % grammar.n_tokens
            )
            going = ~ended
            memory = self.conditional.select(memory, before[going])
            state = State(*(part[going] for part in state))
            row, begun = row[going[begun]], begun[going[begun]]
            begun = (going.cumsum(0) - 1)[begun]
        x = torch.cat([(values - _HALF).to(h.dtype), rest], 1)
        return x, log_det.sum(1).to(h.dtype)

    def _decide_bonds(self, z: Tensor, at: "_Place", p: Tensor, decide: "_Decide") -> Tensor:
        """The next bond of each row's column, or the end of it, as tokens; cells are decided."""
        grammar = self.grammar
        rows_of_column = torch.arange(grammar.n_rows, device=z.device)
        column = at.column.clamp(0, grammar.n_rows)
        cell = grammar.slot.to(z.device)[column] + grammar.n_kind_cells
        value = from_normal(z[at.row[:, None], cell], p)
        open_ = (rows_of_column > at.last_row[:, None]) & (rows_of_column < column[:, None])
        order = torch.where(open_, value.floor().long(), 0)
        # The first row that is occupied, or the row behind the last.
        first = torch.where(order > 0, rows_of_column, grammar.n_rows).amin(1)
        decided = (open_ & (rows_of_column <= first[:, None])).nonzero(as_tuple=True)
        own = p[decided].gather(-1, order[decided][:, None])[:, 0]
        decide(at.row[decided[0]], cell[decided], value[decided], own)
        found = order.gather(1, first.clamp(max=grammar.n_rows - 1)[:, None])[:, 0]
        return torch.where(first < grammar.n_rows, MAX_ORDER * first + found - 1, grammar.end)

    def _decide_kinds(
        self, z: Tensor, at: "_Place", token: Tensor, p: Tensor, decide: "_Decide"
    ) -> Tensor:
        """Of rows whose column has ended: which kind the next atom is of, or none."""
        grammar = self.grammar
        # Behind the last column there is no cell, and the molecule ends.
        ended = ((token >= grammar.end) & (at.column < grammar.n_rows)).nonzero()[:, 0]
        row, cell = at.row[ended], at.column[ended] + 1
        value = from_normal(z[row, cell], p[ended])
        kind = value.floor().long()
        decide(row, cell, value, p[ended].gather(-1, kind[:, None])[:, 0])
        return token.scatter(0, ended, grammar.end + kind)

    def _cut(self, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        n = self.grammar.n_cells
        return vector[:, :n], vector[:, n:], vector[:, -self.n_bins :] > 0

    @property
    def _n_counts(self) -> int:
        return self.grammar.n_counts

    def peaks_of(self, facts: Tensor) -> Tensor:
        """What of facts the network reads of peaks."""
        return facts[:, self._n_counts :]

    def _token_log_p(self, tokens: Tensor, code: Tensor, facts: Tensor) -> Tensor:
        n_told = (tokens >= 0).sum(1)
        # In groups alike in length little of what the network reads is padding, and a group's
        # activations stay in a processor's cache.
        n_groups = 1 if tokens.device.type != "cpu" else max(1, len(tokens) // _GROUP)
        order = n_told.argsort()
        log_p = []
        for rows in order.chunk(n_groups):
            part = tokens[rows, : int(n_told[rows].max())]
            states = self.grammar.states_before(part, facts[rows, : self._n_counts])
            logits = self.conditional(code[rows], states, self.peaks_of(facts[rows]))
            of_group = self.grammar.token_log_probabilities(logits, states, self.floor)
            log_p.append(F.pad(of_group, (0, 0, 0, tokens.shape[1] - of_group.shape[1])))
        return torch.cat(log_p)[order.argsort()]


_Decide = Callable[[Tensor, Tensor, Tensor, Tensor], None]
"""Told rows of the batch, cells, their values, and the probabilities of what they hold."""


class _Place(NamedTuple):
    """Where each row of the batch is: its number, its column, and the last bond there."""

    row: Tensor
    column: Tensor
    last_row: Tensor


def _log_slope(z: Tensor) -> Tensor:
    """log|dΦ(z)/dz|."""
    return -0.5 * z.double().square() - 0.5 * math.log(2 * math.pi)
