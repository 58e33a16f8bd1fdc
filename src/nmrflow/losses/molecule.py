"""Losses on the molecule: is it likely given y, and does x' = f⁻¹(z', y) look like one?

Those on x', with z' drawn from the prior, are the published code's; none of them is a
likelihood, and nothing is trained on z.

References:
    Kuhn, Dwarka, Grenda, Vainikko, arXiv:2602.03875, 2026, and its code.
"""

import math

import torch
from torch import Tensor

from nmrflow.losses.base import FlowOutputs, Loss


class LikelihoodLoss(Loss):
    """-log p(structure | y) in nats: -log N(z; 0, I) - log|det|, mean over the batch."""

    def forward(self, outputs: FlowOutputs) -> Tensor:
        """Mean negative log-likelihood of the molecules."""
        log_normal = -0.5 * (outputs.latent.z.square() + math.log(2 * math.pi)).sum(1)
        return -(log_normal + outputs.log_det).mean()


class RangeLoss(Loss):
    """mean(x'²): keeps sampled cells near the range of real ones."""

    def forward(self, outputs: FlowOutputs) -> Tensor:
        """Mean square of x'."""
        return outputs.x_sampled.square().mean()


class SparsityLoss(Loss):
    """mean(|x'|): most cells of a molecule are zero."""

    def forward(self, outputs: FlowOutputs) -> Tensor:
        """Mean absolute value of x'."""
        return outputs.x_sampled.abs().mean()


class DensityLoss(Loss):
    """Mean over the batch of (mean sigmoid(s x') - mean x)²: as many set cells as there are bonds.

    Args:
        sharpness: s, how steeply a cell counts as set; 8 in the published code.
    """

    def __init__(self, sharpness: float = 8.0) -> None:
        super().__init__()
        self.sharpness = sharpness

    def forward(self, outputs: FlowOutputs) -> Tensor:
        """Squared difference of densities, over all cells of a molecule."""
        sampled = torch.sigmoid(self.sharpness * outputs.x_sampled).flatten(1).mean(dim=1)
        real = outputs.x.flatten(1).mean(dim=1)
        return (sampled - real).square().mean()
