"""Structures for one question: draws, some at a time, or the likeliest by a beam."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmrflow.chem.structure import Structure
from nmrflow.errors import SpectrumError
from nmrflow.flow.latent import Latent
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.numerics import Draws, generator_for
from nmrflow.spectra.question import Question

# A few hundred megabytes. Of whole blocks of 16, which torch draws together, so that the parts
# are the same numbers as the whole.
_AT_ONCE = 38 * 16
_LATENTS_AT_ONCE = 64

N_SAMPLES = 600
"""Draws for a question, and for what stands against candidates that somebody gives."""

BEAM = 200
"""Prefixes of the beam that looks for the likeliest structures."""

WIDE_BEAM = 600
"""The same, where what is found is to be chosen from."""


@dataclass(frozen=True)
class Pace:
    """How far a search goes.

    Args:
        width: Of the beam.
        is_stopped: Asked now and then whether to end with what is there.
    """

    width: int = BEAM
    is_stopped: Callable[[], bool] = lambda: False


WHOLE = Pace()
"""To the end."""


def search_widely(
    model: TrainedFlow,
    question: Question,
    width: int,
    is_stopped: Callable[[], bool] = lambda: False,
) -> list[Proposal]:
    """The likeliest tables that a beam of so many prefixes finds, each once.

    Their log p is known; x is the middle of each table's cells, z is left to who asks for it.

    Raises:
        SpectrumError: If the network has no likelihood of structures, or as
            :meth:`TrainedFlow.propose_structures`.
    """
    from nmrflow.flow.search import search
    from nmrflow.flow.structure import StructureCoupling

    node = model.flow.likely
    if not isinstance(node, StructureCoupling):
        raise SpectrumError("this network has no likelihood of structures")
    code, told = model.asked(question)
    facts = node.unknown_condition(1) if told is None else told["facts"]
    found = search(node, code[0], facts[0], width, is_stopped=is_stopped)
    return _proposals(model, node.grammar.to_cells(found.tokens), found.log_p, code, told)


def find(
    model: TrainedFlow,
    question: Question,
    n_samples: int | None,
    seed: int,
    pace: Pace = WHOLE,
) -> Iterator[list[Proposal]]:
    """Proposals for a question, some at a time: so many draws, or None for what does best.

    That is a beam, where kinds of atoms tell their hydrogens; else :data:`N_SAMPLES` draws, for
    which answers are calibrated.
    """
    if n_samples is None and model.codec.tells_hydrogens:
        yield search_widely(model, question, pace.width, pace.is_stopped)
    else:
        n = N_SAMPLES if n_samples is None else n_samples
        for part in draw_in_parts(model, question, n, seed):
            yield part
            if pace.is_stopped():
                return


def draw_in_parts(
    model: TrainedFlow, question: Question, n_samples: int, seed: int
) -> Iterator[list[Proposal]]:
    """What :meth:`TrainedFlow.iterate_proposals` draws for the question alone, in the same order.

    Raises:
        SpectrumError: As it does.
    """
    if n_samples < 1:
        raise SpectrumError(f"n_samples={n_samples}: at least 1")
    side = model.description["training_side"]
    is_set = torch.from_numpy(question.code(model.axis)).bool()
    y = torch.where(is_set, side["mean_logit_true"], side["mean_logit_false"])
    generator = generator_for(seed, "propose", 0)
    for start in range(0, n_samples, _AT_ONCE):
        n = min(_AT_ONCE, n_samples - start)
        z = model.flow.sample_z(Draws(generator, n))
        yield model.from_latent(Latent(z, y.expand(n, -1)), [question] * n, explains=False)


@torch.no_grad()
def _proposals(
    model: TrainedFlow,
    cells: Tensor,
    log_p: Tensor,
    code: Tensor,
    told: Mapping[str, Tensor] | None,
) -> list[Proposal]:
    """Tables ``(n, n_cells)`` as :meth:`TrainedFlow.from_latent` makes them of their z."""
    known: dict[bytes, tuple[Structure | None, str | None]] = {}
    asked = _asked(code, told)
    proposals = []
    for start in range(0, len(cells), _LATENTS_AT_ONCE):
        rows = slice(start, start + _LATENTS_AT_ONCE)
        n = len(cells[rows])
        with model.flow.given_query():
            x = model.flow.fill(cells[rows], code.expand(n, -1).double())
        for x_, p in zip(x.cpu().numpy(), log_p[rows], strict=True):
            structure, refusal = model.decode(x_, known)
            proposals.append(Proposal(structure, refusal, x_, None, None, asked, float(p)))
    return proposals


def log_p_of_drawn(
    model: TrainedFlow, proposals: Sequence[Proposal], question: Question
) -> NDArray[np.float64]:
    """As :meth:`TrainedFlow.log_p`, of valid proposals, ``(n,)``.

    It is known of those that were made for the question in canonical form.
    """
    structures = [p.structure for p in proposals if p.structure is not None]
    asked = _asked(*model.asked(question))
    log_p = np.array([np.nan if p.log_p is None else p.log_p for p in proposals])
    for k, (proposal, structure) in enumerate(zip(proposals, structures, strict=True)):
        canonical = model.codec.encode(structure)
        if proposal.asked != asked or (model.codec.round(proposal.x) != canonical).any():
            log_p[k] = np.nan
    (other,) = np.nonzero(np.isnan(log_p))
    if len(other):
        log_p[other] = model.log_p([structures[k] for k in other], [question] * len(other))
    return log_p


def _asked(code: Tensor, told: Mapping[str, Tensor] | None) -> tuple[bytes, bytes | None]:
    """What :attr:`Proposal.asked` is of a question."""
    facts = None if told is None else told["facts"][0].numpy().tobytes()
    return code[0].numpy().tobytes(), facts
