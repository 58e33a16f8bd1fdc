"""The nodes of the flow that elucidates: cells in order, the spectrum, the bonds.

Between them a molecule is a vector, as an image of one pixel: the 136 bond slots, cells that
hold nothing, and the spectrum cells. A slot's number rounds to its bond order; where exactly it
lies, from half below to half above, is free (see :mod:`nmrflow.flow.categorical`).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nmrflow.errors import ConfigError, ShapeError, StructureError
from nmrflow.flow.categorical import from_normal, to_normal
from nmrflow.flow.conditionals.base import BondConditional
from nmrflow.flow.node import Dims, Node, SubnetConstructor
from nmrflow.flow.tokens import (
    END,
    MAX_ATOMS,
    MAX_ORDER,
    N_ROWS,
    N_SLOTS,
    N_TOKENS,
    State,
    first_state,
    next_state,
    slot_probabilities,
    states_before,
    table_probabilities,
    to_tokens,
    token_log_probabilities,
)


class BondCells(Node):
    """Put the cells of a bond image in order: slots, then what holds nothing.

    A permutation, as the i-RevNet downsamplings are whose place it takes: from an image in
    whose first channel cell ``(i, k)``, ``k >= i``, belongs to atoms ``i`` and ``k + 1``, to a
    vector that begins with the 136 slots, column by column.

    Raises:
        ShapeError: As :class:`Node`, and if the image is not 16 x 16.
    """

    order: Tensor
    back: Tensor

    def __init__(self, dims_in: Sequence[Dims], dims_c: Iterable[Dims] | None = None) -> None:
        super().__init__(dims_in, dims_c)
        channels, height, width = self.in_shape
        if (height, width) != (N_ROWS, N_ROWS):
            raise ShapeError(f"BondCells orders images of {N_ROWS} x {N_ROWS}, got {dims_in}")
        slots = [i * width + j - 1 for j in range(1, MAX_ATOMS) for i in range(j)]
        rest = sorted(set(range(channels * height * width)) - set(slots))
        order = torch.tensor(slots + rest)
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("back", order.argsort(), persistent=False)

    def output_dims(self, input_dims: Sequence[Dims]) -> list[Dims]:
        """``(C, 16, 16)`` becomes ``(256 C, 1, 1)``."""
        return [(math.prod(input_dims[0]), 1, 1)]

    def _to_latent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.flatten(1)[:, self.order, None, None], x.new_zeros(len(x))

    def _from_latent(self, h: Tensor) -> tuple[Tensor, Tensor]:
        x = h.flatten(1)[:, self.back].reshape(-1, *self.in_shape)
        return x, h.new_zeros(len(h))


class SpectrumCoupling(Node):
    """y = e + s(bonds): the additive coupling that writes the predicted spectrum.

    e are the last ``n_bins`` cells. Where they are zero, y is what the network s says of the
    molecule; where y is a query, e is what the molecule leaves unexplained. Volume preserving,
    and exactly invertible for any s, which is a function of the bonds' whole numbers only.

    Args:
        n_bins: Width of y.
        subnet: Makes s, from shapes ``(136, 1, 1)`` and ``(n_bins, 1, 1)``; None for s = 0.
    """

    def __init__(
        self,
        dims_in: Sequence[Dims],
        dims_c: Iterable[Dims] | None = None,
        *,
        n_bins: int,
        subnet: SubnetConstructor | None = None,
    ) -> None:
        super().__init__(dims_in, dims_c)
        _check_vector(self, n_bins)
        self.n_bins = n_bins
        self.subnet = subnet((N_SLOTS, 1, 1), (n_bins, 1, 1)) if subnet else None
        self.is_muted = False

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Within it s counts as 0."""
        before, self.is_muted = self.is_muted, True
        try:
            yield
        finally:
            self.is_muted = before

    def output_dims(self, input_dims: Sequence[Dims]) -> list[Dims]:
        """The shape stays."""
        return list(input_dims)

    def predict(self, x: Tensor) -> Tensor:
        """S of vectors ``(n, N, 1, 1)``: ``(n, n_bins, 1, 1)``."""
        if self.subnet is None or self.is_muted:
            return torch.zeros_like(x[:, -self.n_bins :])
        predicted: Tensor = self.subnet(orders_in(x[:, :N_SLOTS]))
        return predicted

    def _to_latent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._shifted(x, self.predict(x)), x.new_zeros(len(x))

    def _from_latent(self, h: Tensor) -> tuple[Tensor, Tensor]:
        return self._shifted(h, -self.predict(h)), h.new_zeros(len(h))

    def _shifted(self, x: Tensor, by: Tensor) -> Tensor:
        return torch.cat([x[:, : -self.n_bins], x[:, -self.n_bins :] + by], 1)


class BondCoupling(Node):
    """Bond slots to z, one after the other, given y, the slots before and maybe the formula.

    A network says how likely each order of a slot is; order and fraction then become a normal
    number (:mod:`nmrflow.flow.categorical`). So the density of a table of bonds is exactly its
    probability: log p = log N(z; 0, I) + log|det|, and no bound. What valence forbids has
    probability 0; the inverse never makes it. Of y only the signs are read.

    Its one condition is the formula: number of carbons and sum of all bond orders, -1 each
    where it is not known, ``(batch, 2)``.

    Args:
        n_bins: Width of y.
        conditional: Makes the network, from the width of y.
        floor: Probability spread evenly over what may come next; keeps intervals wide enough
            to be found again in float32.

    Raises:
        ShapeError: As :class:`Node`.
        ConfigError: If the floor is 0 or less, or 1 or more.
        StructureError: From the forward direction, for tables that no sequence of tokens says:
            too many bonds, or an atom that is bound to none before it.
    """

    n_conditions = 1

    def __init__(
        self,
        dims_in: Sequence[Dims],
        dims_c: Iterable[Dims] | None = None,
        *,
        n_bins: int,
        conditional: "type[BondConditional]",
        floor: float = 5e-4,
    ) -> None:
        super().__init__(dims_in, dims_c)
        _check_vector(self, n_bins)
        if not 0 < floor < 1:
            raise ConfigError(f"floor={floor}: a probability above 0 and below 1 is needed")
        self.n_bins = n_bins
        self.floor = floor
        self.conditional = conditional(n_bins)

    def output_dims(self, input_dims: Sequence[Dims]) -> list[Dims]:
        """The shape stays."""
        return list(input_dims)

    def log_probability(self, orders: Tensor, code: Tensor, formula: Tensor) -> Tensor:
        """Log p of tables of bond orders, token by token: what z and log|det| add up to.

        Args:
            orders: Whole numbers ``(n, 136)``.
            code: Bits, bool, ``(n, n_bins)``.
            formula: ``(n, 2)``, -1 where unknown.

        Returns:
            ``(n,)``; -inf for a table that is impossible.
        """
        tokens, _, complete = to_tokens(orders)
        log_p = self._token_log_p(tokens, code, formula)
        told = tokens >= 0
        each = log_p.gather(-1, tokens.clamp(min=0)[..., None])[..., 0]
        total = torch.where(told, each, 0.0).sum(1)
        return torch.where(complete & (total > _LEAST), total, -torch.inf)

    def _to_latent(self, x: Tensor, formula: Tensor) -> tuple[Tensor, Tensor]:
        values, rest, code = self._cut(x)
        orders = orders_in(values.detach()).long()
        if ((orders < 0) | (orders > MAX_ORDER)).any():
            raise StructureError("a bond slot holds no number that rounds to 0, 1, 2 or 3")
        tokens, decides, complete = to_tokens(orders)
        p = table_probabilities(self._token_log_p(tokens, code, formula), decides)
        possible = p.gather(-1, orders[..., None])[..., 0].gt(0).all(1) & complete
        if not possible.all():
            raise StructureError(
                f"row {int((~possible).nonzero()[0])} of the batch: these bonds have probability "
                "0; an atom has too many, or is bound to none before it, or they contradict the "
                "formula"
            )
        z, log_det = to_normal(values + _HALF, p)
        h = torch.cat([z.to(x.dtype), rest], 1)[..., None, None]
        return h, log_det.sum(1).to(x.dtype)

    def _from_latent(self, h: Tensor, formula: Tensor) -> tuple[Tensor, Tensor]:
        z, rest, code = self._cut(h)
        # Behind a molecule's end every order is surely 0: there only the fraction is left.
        values = from_normal(z, z.new_ones(*z.shape, 1))
        log_det = _log_slope(z)
        rows_of_column = torch.arange(N_ROWS, device=z.device)
        # Draws for one query often begin alike: the network reads each beginning once. `begun`
        # says which of the beginnings is a row's.
        row = torch.arange(len(z), device=z.device)
        asked, begun = torch.unique(torch.cat([code, formula], 1), dim=0, return_inverse=True)
        memory = self.conditional.begin(asked[:, : self.n_bins].bool())
        state = first_state(asked[:, self.n_bins :])
        while len(row):
            p = slot_probabilities(
                token_log_probabilities(self.conditional.step(memory, state), state, self.floor)
            )[begun]
            column = state.column.clamp(max=N_ROWS)[begun, None]
            slot = (column * (column - 1) // 2 + rows_of_column).clamp(max=N_SLOTS - 1)
            value = from_normal(z[row[:, None], slot], p)
            open_ = (rows_of_column > state.last_row[begun, None]) & (rows_of_column < column)
            order = torch.where(open_, value.floor().long(), 0)
            # The first row that is occupied, or the row behind the last.
            first = torch.where(order > 0, rows_of_column, N_ROWS).amin(1)
            decided = open_ & (rows_of_column <= first[:, None])
            at = decided.nonzero(as_tuple=True)
            place = row[at[0]], slot[at]
            values[place] = value[at]
            own = p[at].gather(-1, order[at][:, None])[:, 0]
            log_det[place] = _log_slope(z[place]) - own.log()
            found = order.gather(1, first.clamp(max=N_ROWS - 1)[:, None])[:, 0]
            token = torch.where(first < N_ROWS, MAX_ORDER * first + found - 1, END)
            longer, begun = torch.unique(begun * N_TOKENS + token, return_inverse=True)
            before = longer // N_TOKENS
            state, ended = next_state(State(*(part[before] for part in state)), longer % N_TOKENS)
            going = ~ended
            memory = self.conditional.select(memory, before[going])
            state = State(*(part[going] for part in state))
            row, begun = row[going[begun]], begun[going[begun]]
            begun = (going.cumsum(0) - 1)[begun]
        x = torch.cat([(values - _HALF).to(h.dtype), rest], 1)[..., None, None]
        return x, log_det.sum(1).to(h.dtype)

    def _cut(self, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        flat = vector.flatten(1)
        return flat[:, :N_SLOTS], flat[:, N_SLOTS:], flat[:, -self.n_bins :] > 0

    def _token_log_p(self, tokens: Tensor, code: Tensor, formula: Tensor) -> Tensor:
        n_told = (tokens >= 0).sum(1)
        # In groups alike in length little of what the network reads is padding, and a group's
        # activations stay in a processor's cache.
        n_groups = 1 if tokens.device.type != "cpu" else max(1, len(tokens) // _GROUP)
        order = n_told.argsort()
        log_p = []
        for rows in order.chunk(n_groups):
            states = states_before(tokens[rows, : int(n_told[rows].max())], formula[rows])
            logits = self.conditional(code[rows], states)
            of_group = token_log_probabilities(logits, states, self.floor)
            log_p.append(F.pad(of_group, (0, 0, 0, tokens.shape[1] - of_group.shape[1])))
        return torch.cat(log_p)[order.argsort()]


def orders_in(slots: Tensor) -> Tensor:
    """The bond orders that slots round to, as floating numbers."""
    return (slots + _HALF).floor()


_HALF = 0.5
_GROUP = 48
"""Molecules that the network reads at a time on a processor."""
_LEAST = -1e8
"""Below it a log probability is that of something impossible."""


def _log_slope(z: Tensor) -> Tensor:
    """log|dΦ(z)/dz|."""
    return -0.5 * z.double().square() - 0.5 * math.log(2 * math.pi)


def _check_vector(node: nn.Module, n_bins: int) -> None:
    shape: Dims = node.in_shape  # type: ignore[assignment] # set by Node
    if tuple(shape[1:]) != (1, 1) or shape[0] < N_SLOTS + n_bins:
        raise ShapeError(
            f"{type(node).__name__} takes a vector (at least {N_SLOTS + n_bins}, 1, 1), "
            f"got {tuple(shape)}"
        )
