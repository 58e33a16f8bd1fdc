"""The likeliest tables of a question, or tables drawn without repeats, by beams over prefixes."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from nmrflow.flow.state import State
from nmrflow.flow.structure import StructureCoupling
from nmrflow.flow.tokens import Grammar

_LEAST = -1e8


class Found(NamedTuple):
    """Tables that a search has found, each once.

    Args:
        tokens: ``(n, t)``, -1 behind the end.
        log_p: Log probability of each given the question, ``(n,)``, float64.
        n_evaluations: Prefixes that the network has read.
    """

    tokens: Tensor
    log_p: Tensor
    n_evaluations: int


@torch.no_grad()
def search(
    node: StructureCoupling,
    code: Tensor,
    facts: Tensor,
    width: int,
    generator: torch.Generator | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Found:
    """Tables of one question, by a beam of so many prefixes.

    Without a generator the likeliest prefixes of each length go on. With one they are drawn
    without replacement: each prefix has the greatest of the Gumbel numbers of all tables that
    begin so, drawn from above to below (Kool, van Hoof and Welling, *Stochastic beams and where
    to find them*, ICML 2019), and what is found is a sample of so many different tables.

    Args:
        node: Whose tables.
        code: Bits, bool, ``(n_bins,)``.
        facts: As the node's condition, ``(n_facts,)``.
        width: Of the beam, and the most tables.
        generator: Of the Gumbel numbers.
        is_stopped: Asked before each further token; what has ended by then is the answer.
    """
    grammar, conditional = node.grammar, node.conditional
    memory = conditional.begin(code[None], node.peaks_of(facts[None]))
    state = grammar.first_state(facts[None, : grammar.n_counts])
    log_p = torch.zeros(1, dtype=torch.float64)
    rank = torch.zeros(1, dtype=torch.float64)
    said = torch.empty(1, 0, dtype=torch.long)
    ended: list[tuple[Tensor, Tensor, Tensor]] = []
    n_evaluations = 0
    while len(said) and not (ended and is_stopped()):
        n_evaluations += len(said)
        logits = conditional.step(memory, state)
        own = grammar.token_log_probabilities(logits, state, node.floor).double()
        total = log_p[:, None] + own
        may = own > _LEAST
        ranked = total if generator is None else _gumbel_below(total, rank, may, generator)
        ranked = torch.where(may, ranked, -torch.inf).flatten()
        n_best = min(width, int(may.sum()))
        best = ranked.topk(n_best)
        before, token = best.indices // grammar.n_tokens, best.indices % grammar.n_tokens
        said = torch.cat([said[before], token[:, None]], 1)
        log_p, rank = total.flatten()[best.indices], best.values
        state, has_ended = grammar.next_state(State(*(part[before] for part in state)), token)
        ended.append((said[has_ended], log_p[has_ended], rank[has_ended]))
        going = ~has_ended & (rank > _worst(ended, width))
        memory = conditional.select(memory, before[going])
        state = State(*(part[going] for part in state))
        said, log_p, rank = said[going], log_p[going], rank[going]
    return _finish(ended, width, n_evaluations)


def every_table(grammar: Grammar, counts: Tensor) -> Tensor:
    """All that may be told where totals ``(1, n_counts)`` are known, as tokens ``(n, t)``.

    -1 behind the end. There are tens of thousands of four atoms already.
    """
    state, said = grammar.first_state(counts), torch.empty(1, 0, dtype=torch.long)
    found = []
    while len(said):
        before, token = grammar.allowed(state).nonzero(as_tuple=True)
        said = torch.cat([said[before], token[:, None]], 1)
        state, ended = grammar.next_state(State(*(part[before] for part in state)), token)
        found.append(said[ended])
        said, state = said[~ended], State(*(part[~ended] for part in state))
    return _padded(found)


def _padded(parts: list[Tensor]) -> Tensor:
    longest = max(part.shape[1] for part in parts)
    pad = torch.nn.functional.pad
    return torch.cat([pad(part, (0, longest - part.shape[1]), value=-1) for part in parts])


def _gumbel_below(total: Tensor, above: Tensor, may: Tensor, generator: torch.Generator) -> Tensor:
    """Gumbel numbers of all that follow prefixes, the greatest of them those of the prefixes."""
    uniform = torch.rand(total.shape, dtype=torch.float64, generator=generator)
    drawn = total - (-uniform.clamp(1e-300, 1 - 1e-16).log()).log()
    drawn = torch.where(may, drawn, -torch.inf)
    greatest = drawn.amax(1, keepdim=True)
    # As in appendix B.3 of the paper, which keeps the digits.
    v = above[:, None] - drawn + torch.log1p(-(drawn - greatest).exp())
    return above[:, None] - v.clamp(min=0) - torch.log1p((-v.abs()).exp())


def _worst(ended: list[tuple[Tensor, Tensor, Tensor]], width: int) -> float:
    """What a prefix must be above to matter: nothing that begins so can be above it."""
    ranks = torch.cat([rank for _, _, rank in ended])
    return float(ranks.topk(width).values[-1]) if len(ranks) >= width else -torch.inf


def _finish(ended: list[tuple[Tensor, Tensor, Tensor]], width: int, n_evaluations: int) -> Found:
    tokens = _padded([said for said, _, _ in ended])
    log_p, rank = (torch.cat(part) for part in list(zip(*ended, strict=True))[1:])
    order = rank.argsort(descending=True)[:width]
    return Found(tokens[order], log_p[order], n_evaluations)
