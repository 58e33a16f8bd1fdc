"""Draws for one question, some at a time: however many there are, memory stays the same."""

from collections.abc import Iterator

import torch

from nmrflow.errors import SpectrumError
from nmrflow.flow.latent import Latent
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.numerics import Draws, generator_for
from nmrflow.spectra.question import Question

# A few hundred megabytes. Of whole blocks of 16, which torch draws together, so that the parts
# are the same numbers as the whole.
_AT_ONCE = 38 * 16


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
