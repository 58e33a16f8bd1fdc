"""From probabilities of tokens to those of a table's cells (see :mod:`nmrflow.flow.tokens`)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from nmrflow.flow.tokens import MAX_ORDER, Grammar


def slot_probabilities(grammar: Grammar, log_p: Tensor) -> Tensor:
    """Probabilities of the orders of every row of a column, none above it being occupied.

    Given that the next token is none of the rows before i, row i holds order k with the
    probability of that token over that of all that is left: rows from i on, or an end.

    Args:
        grammar: Whose tokens.
        log_p: Log probabilities of tokens, ``(..., n_tokens)``.

    Returns:
        Of orders 0 to 3, ``(..., n_rows, 4)``, float64.
    """
    p = log_p.double().exp()
    n_rows = grammar.n_rows
    bond = p[..., : grammar.end].reshape(*p.shape[:-1], n_rows, MAX_ORDER)
    rows = torch.cat([bond.sum(-1), p[..., grammar.end :].sum(-1, keepdim=True)], -1)
    # Sums from each row on, by a product: see nmrflow.flow.categorical.
    on = torch.ones(n_rows + 1, n_rows + 1, dtype=p.dtype, device=p.device).tril()
    rest = (rows @ on)[..., None]
    of_orders = torch.cat([rest[..., 1:, :], bond], -1)
    return _shares(of_orders, rest[..., :-1, :])


def kind_probabilities(grammar: Grammar, log_p: Tensor) -> Tensor:
    """Probabilities of what the cell of the next atom holds, the column being at its end.

    Args:
        grammar: Of several kinds of atoms.
        log_p: ``(..., n_tokens)``.

    Returns:
        Of no atom and of each kind, ``(..., n_kinds + 1)``, float64; surely no atom where the
        column cannot end.
    """
    p = log_p[..., grammar.end :].double().exp()
    return _shares(p, p.sum(-1, keepdim=True))


def table_probabilities(grammar: Grammar, log_p: Tensor, decides: Tensor) -> Tensor:
    """Probabilities of what every cell holds, from those of all tokens of a sequence.

    Args:
        grammar: Whose tokens.
        log_p: ``(n, t, n_tokens)``.
        decides: As of :meth:`Grammar.to_tokens`, ``(n, n_cells)``.

    Returns:
        ``(n, n_cells, n_values)``, float64; surely 0 where the molecule has ended before.
    """
    length = log_p.shape[1]
    by_row = _with_sure_end(slot_probabilities(grammar, log_p)).flatten(1, 2)
    slots = decides[:, grammar.n_kind_cells :]
    index = slots.clamp(max=length) * grammar.n_rows + grammar.row.to(decides.device)
    of_slots = by_row.gather(1, index[..., None].expand(-1, -1, MAX_ORDER + 1))
    if not grammar.tells_kinds:
        return of_slots
    by_end = _with_sure_end(kind_probabilities(grammar, log_p))
    index = decides[:, : grammar.n_kind_cells].clamp(max=length)
    of_kinds = by_end.gather(1, index[..., None].expand(-1, -1, grammar.n_ends))
    parts = [F.pad(part, (0, grammar.n_values - part.shape[-1])) for part in (of_kinds, of_slots)]
    return torch.cat(parts, 1)


def _with_sure_end(p: Tensor) -> Tensor:
    """One more token, behind the last, after which every cell is surely 0."""
    sure = torch.zeros_like(p[:, :1])
    sure[..., 0] = 1.0
    return torch.cat([p, sure], 1)


def _shares(parts: Tensor, whole: Tensor) -> Tensor:
    """Parts of a whole; where there is nothing it is all the first's."""
    possible = whole > 0
    share = parts / torch.where(possible, whole, 1.0)
    return torch.cat([torch.where(possible, share, 1.0)[..., :1], share[..., 1:]], -1)
