"""Loss on z: how likely is the molecule, given the spectrum?"""

import math

from torch import Tensor

from nmrflow.losses.base import FlowOutputs, Loss


class LikelihoodLoss(Loss):
    """-log p(structure | y) in nats: -log N(z; 0, I) - log|det|, mean over the batch."""

    def forward(self, outputs: FlowOutputs) -> Tensor:
        """Mean negative log-likelihood of the molecules."""
        log_normal = -0.5 * (outputs.z_structural.square() + math.log(2 * math.pi)).sum(1)
        return -(log_normal + outputs.log_det).mean()
