"""What a loss sees, and what it is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from nmrflow.flow.latent import Latent


@dataclass(eq=False)
class FlowOutputs:
    """One batch after the flow: everything that a loss may read.

    Args:
        x: Molecule tensors, ``(batch, C, H, W)``, 0/1.
        code: Measured spectrum codes, ``(batch, n_bins)``, 0/1.
        latent: f(x).
        log_det: log|det ∂h/∂x| of the flow at x, ``(batch,)``.
        sample_x: Computes x' = f⁻¹(z', y) with z' drawn from the prior and y the latent's own;
            called at most once, and only if a loss asks for x'.
    """

    x: Tensor
    code: Tensor
    latent: Latent
    log_det: Tensor
    sample_x: Callable[[], Tensor]

    @cached_property
    def x_sampled(self) -> Tensor:
        """Tensor x' = f⁻¹(z', y), shape of x. Its gradient reaches y too."""
        return self.sample_x()


class Loss(nn.Module):
    """A scalar function of :class:`FlowOutputs`; never logs, never reads configuration."""

    def forward(self, outputs: FlowOutputs) -> Tensor:
        """The loss of a batch: finite, without axes."""
        raise NotImplementedError
