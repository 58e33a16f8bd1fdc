"""A loss on z, in a slot of its own."""

from torch import Tensor

from nmrflow.losses import FlowOutputs, Loss


class ResidualSizeLoss(Loss):
    """mean(z²)."""

    def forward(self, outputs: FlowOutputs) -> Tensor:
        return outputs.latent.z.square().mean()
