"""Draws for one question, some at a time: however many there are, memory stays the same."""

from collections.abc import Iterator

import torch

from nmrflow.errors import SpectrumError
from nmrflow.flow.latent import Latent
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.numerics import Draws, generator_for
from nmrflow.spectra.question import Question

_BLOCK = 16


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
    # As many at once as the flow takes, and whole blocks of what torch draws together: so parts
    # are the same numbers as the whole.
    at_once = max(_BLOCK, model.flow.batch_size // _BLOCK * _BLOCK)
    for start in range(0, n_samples, at_once):
        n = min(at_once, n_samples - start)
        z = model.flow.sample_z(Draws(generator, n))
        yield model.from_latent(Latent(z, y.expand(n, -1)), [question] * n, explains=False)
