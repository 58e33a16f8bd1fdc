"""Bond tables read as sequences: what comes next, and what may.

A table of bond orders (see :mod:`nmrflow.chem.codecs.table`) is read column by column, each from
its first row down. Only what is there is said: a token is a bond of the column, ``3 row +
order - 1``, or :data:`END` of the column. The first column without a bond ends the molecule.
A molecule of 9 carbons takes about 20 tokens where its table has 136 slots; the probabilities
of the slots follow from those of the tokens (:func:`slot_probabilities`).

Of chemistry only three whole numbers enter: atoms, bonds per atom, the highest order.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_ATOMS = 17
MAX_BONDS = 4
"""Sum of an atom's bond orders at most."""
MAX_ORDER = 3

N_ROWS = MAX_ATOMS - 1
N_SLOTS = MAX_ATOMS * N_ROWS // 2
END = N_ROWS * MAX_ORDER
N_TOKENS = END + 1
UNKNOWN = -1
"""A formula that is not known, in both of its numbers."""

_IMPOSSIBLE = -1e9
_COLUMN = torch.tensor([j for j in range(1, MAX_ATOMS) for _ in range(j)])
_ROW = torch.tensor([i for j in range(1, MAX_ATOMS) for i in range(j)])
_PLACE = torch.arange(N_SLOTS) + _COLUMN - 1
"""Of each slot, when every column is followed by its end."""
_END_PLACE = torch.tensor([j * (j + 1) // 2 + j - 1 for j in range(1, MAX_ATOMS)])


class State(NamedTuple):
    """What is known before each token.

    Args:
        column: Number of the atom whose bonds are being told, from 1, ``(...)``.
        last_row: The row of its last bond so far, -1 for none, ``(...)``.
        bonds: Sum of bond orders of every atom so far, ``(..., 17)``.
        previous: The token before, :data:`N_TOKENS` at the start, ``(...)``.
        formula: Number of atoms and sum of all bond orders, or :data:`UNKNOWN`, ``(..., 2)``.
    """

    column: Tensor
    last_row: Tensor
    bonds: Tensor
    previous: Tensor
    formula: Tensor


def formula_of(orders: Tensor) -> Tensor:
    """Number of atoms and sum of bond orders of tables ``(n, 136)``: ``(n, 2)``."""
    columns = torch.where(orders > 0, _COLUMN.to(orders.device), 0).amax(1)
    return torch.stack([columns + 1, orders.sum(1)], 1).long()


def to_tokens(orders: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Tables of bond orders to tokens.

    Args:
        orders: Whole numbers, ``(n, 136)``.

    Returns:
        Tokens ``(n, t)``, -1 behind the end; for every slot the position of the token that
        decides it, t where the molecule has ended before, ``(n, 136)``; and whether nothing is
        occupied behind the end, ``(n,)``: other tables cannot be told in tokens.
    """
    n, device = len(orders), orders.device
    column, row = _COLUMN.to(device), _ROW.to(device)
    filled = orders.new_zeros(n, MAX_ATOMS).scatter_add_(1, column.expand(n, -1), orders) > 0
    started = F.pad(filled[:, 1:-1].long().cumprod(1), (1, 0), value=1).bool()  # columns 1 to 16
    token = orders.new_full((n, N_SLOTS + N_ROWS), END)
    token[:, _PLACE] = row * MAX_ORDER + orders - 1
    said = torch.zeros(token.shape, dtype=torch.bool, device=device)
    said[:, _PLACE] = (orders > 0) & started[:, column - 1]
    said[:, _END_PLACE] = started
    position = said.long().cumsum(1) - said.long()
    length = int(said.sum(1).max())
    tokens = token.new_full((n, length + 1), -1)
    tokens.scatter_(1, torch.where(said, position, length), token)
    decides = torch.where(started[:, column - 1], position[:, _PLACE], length)
    complete = ((orders > 0) <= started[:, column - 1]).all(1)
    return tokens[:, :length], decides, complete


def first_state(formula: Tensor) -> State:
    """The state before the first token, of formulas ``(n, 2)``."""
    n = len(formula)
    none = formula.new_zeros(n)
    return State(
        column=none + 1,
        last_row=none - 1,
        bonds=formula.new_zeros(n, MAX_ATOMS),
        previous=none + N_TOKENS,
        formula=formula,
    )


def next_state(state: State, token: Tensor) -> tuple[State, Tensor]:
    """The state behind a token ``(n,)``, and whether the molecule has ended with it."""
    is_bond = token != END
    row = torch.where(is_bond, token // MAX_ORDER, 0)
    order = torch.where(is_bond, token % MAX_ORDER + 1, 0)
    column = state.column.clamp(max=N_ROWS)[:, None]
    bonds = state.bonds.scatter_add(1, row[:, None], order[:, None])
    bonds = bonds.scatter_add(1, column, order[:, None])
    empty = bonds.gather(1, column)[:, 0] == 0
    ended = ~is_bond & (empty | (state.column >= N_ROWS))
    return (
        State(
            state.column + (~is_bond).long(),
            torch.where(is_bond, row, -1),
            bonds,
            token,
            state.formula,
        ),
        ended,
    )


def states_before(tokens: Tensor, formula: Tensor) -> State:
    """The states before all tokens of given sequences at once, as :func:`next_state` says.

    Args:
        tokens: ``(n, t)``, -1 behind the end.
        formula: ``(n, 2)``.
    """
    n, length = tokens.shape
    is_bond = (tokens >= 0) & (tokens != END)
    row = torch.where(is_bond, tokens // MAX_ORDER, 0)
    order = torch.where(is_bond, tokens % MAX_ORDER + 1, 0)
    column = 1 + _shifted((tokens == END).long().cumsum(1), 0)
    added = torch.zeros(n, length, MAX_ATOMS, dtype=torch.long, device=tokens.device)
    added.scatter_add_(2, row[..., None], order[..., None])
    added.scatter_add_(2, column.clamp(max=N_ROWS)[..., None], order[..., None])
    bonds = added.cumsum(1) - added
    return State(
        column,
        _shifted(torch.where(is_bond, row, -1), -1),
        bonds,
        _shifted(tokens.clamp(min=0), N_TOKENS),
        formula[:, None].expand(n, length, 2),
    )


def _shifted(tensor: Tensor, first: int) -> Tensor:
    return F.pad(tensor[:, :-1], (1, 0), value=first)


def allowed(state: State) -> Tensor:
    """Which tokens may come next, ``(..., N_TOKENS)``; there is always one.

    No atom may get more bonds than it can have, and every atom is bound to one before it.
    Where the formula is known its atoms come to be bound, and its bonds are spent, as far as can
    be seen from the counts: a state out of which no way leads may still come, and then ends.
    """
    column = state.column.clamp(max=N_ROWS)
    left = MAX_BONDS - state.bonds
    own_left = left.gather(-1, column[..., None])
    room = torch.minimum(left[..., :N_ROWS], own_left)
    rows = torch.arange(N_ROWS, device=column.device)
    n_atoms, total = state.formula.unbind(-1)
    known = n_atoms > 0
    spent = state.bonds.sum(-1) // 2
    later = (n_atoms - 1 - column).clamp(min=0)  # Each needs a bond too.
    room = torch.where(
        known[..., None], torch.minimum(room, (total - spent - later)[..., None]), room
    )
    reachable = (rows > state.last_row[..., None]) & (rows < state.column[..., None])
    reachable &= (~known | (state.column < n_atoms))[..., None]
    orders = torch.arange(1, MAX_ORDER + 1, device=column.device)
    bond = (reachable[..., None] & (orders <= room[..., None])).flatten(-2)
    empty = own_left[..., 0] == MAX_BONDS
    end = ~(empty & (state.column == 1))
    end &= ~known | (state.column >= n_atoms) | ~empty
    end &= ~known | (state.column != n_atoms - 1) | (spent >= total)
    end |= ~bond.any(-1)
    return torch.cat([bond, end[..., None]], -1)


def token_log_probabilities(logits: Tensor, state: State, floor: float) -> Tensor:
    """Logits ``(..., N_TOKENS)`` to log probabilities of what may come next.

    Args:
        logits: Of a network.
        state: Before the tokens.
        floor: Probability that is spread evenly over all tokens allowed, so that none is so
            rare that its place in float32 is lost.
    """
    may = allowed(state)
    log_p = logits.masked_fill(~may, _IMPOSSIBLE).log_softmax(-1)
    even = math.log(floor) - may.sum(-1, keepdim=True).to(log_p.dtype).log()
    mixed = torch.logaddexp(log_p + math.log1p(-floor), even)
    return torch.where(may, mixed, _IMPOSSIBLE)


def slot_probabilities(log_p: Tensor) -> Tensor:
    """Probabilities of the orders of every row of a column, none above it being occupied.

    Given that the next token is none of the rows before i, row i holds order k with the
    probability of that token over that of all that is left: rows from i on, or the end.

    Args:
        log_p: Log probabilities of tokens, ``(..., N_TOKENS)``.

    Returns:
        Of orders 0 to 3, ``(..., 16, 4)``, float64.
    """
    p = log_p.double().exp()
    bond = p[..., :END].reshape(*p.shape[:-1], N_ROWS, MAX_ORDER)
    rows = torch.cat([bond.sum(-1), p[..., END:]], -1)
    # Sums from each row on, by a product: see nmrflow.flow.categorical.
    on = torch.ones(N_ROWS + 1, N_ROWS + 1, dtype=p.dtype, device=p.device).tril()
    rest = (rows @ on)[..., None]
    of_orders = torch.cat([rest[..., 1:, :], bond], -1)
    possible = rest[..., :-1, :] > 0
    share = of_orders / torch.where(possible, rest[..., :-1, :], 1.0)
    # Where nothing is left that could be, the row is empty.
    return torch.cat([torch.where(possible, share, 1.0)[..., :1], share[..., 1:]], -1)


def table_probabilities(log_p: Tensor, decides: Tensor) -> Tensor:
    """Probabilities of the orders of every slot, from those of all tokens of a sequence.

    Args:
        log_p: ``(n, t, N_TOKENS)``.
        decides: As of :func:`to_tokens`, ``(n, 136)``.

    Returns:
        ``(n, 136, 4)``, float64; surely 0 where the molecule has ended before.
    """
    n, length = log_p.shape[:2]
    by_row = slot_probabilities(log_p)
    sure = by_row.new_zeros(n, 1, N_ROWS, MAX_ORDER + 1)
    sure[..., 0] = 1.0
    by_row = torch.cat([by_row, sure], 1).flatten(1, 2)
    index = decides.clamp(max=length) * N_ROWS + _ROW.to(decides.device)
    return by_row.gather(1, index[..., None].expand(-1, -1, MAX_ORDER + 1))
