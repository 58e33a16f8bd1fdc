"""Loss on z: how likely is the molecule, given the spectrum?"""

import math

from torch import Tensor

from nmrflow.losses.base import FlowOutputs, Loss


class LikelihoodLoss(Loss):
    """-log p(structure | y) in nats: -log N(z; 0, I) - log|det|, mean over the batch.

    Args:
        n_structural: How many of the first dimensions of z carry the structure; the others are
            noise that was filled in, and have no part in the likelihood.
    """

    def __init__(self, n_structural: int = 136) -> None:
        super().__init__()
        self.n_structural = n_structural

    def forward(self, outputs: FlowOutputs) -> Tensor:
        """Mean negative log-likelihood of the molecules."""
        z = outputs.latent.z[:, : self.n_structural]
        log_normal = -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
        return -(log_normal + outputs.log_det).mean()
