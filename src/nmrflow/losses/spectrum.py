"""Losses on y, the spectrum slot: does it say the measured code?"""

import torch
import torch.nn.functional as F
from torch import Tensor

from nmrflow.losses.base import FlowOutputs, Loss


class SpectrumLoss(Loss):
    """Mean over batch and bins of w · BCE(y, code), y being logits; w is the subclass's."""

    def forward(self, outputs: FlowOutputs) -> Tensor:
        """Weighted binary cross-entropy in nats."""
        weight = self.weight(bins_to_nearest_peak(outputs.code))
        return F.binary_cross_entropy_with_logits(outputs.latent.y, outputs.code, weight=weight)

    def weight(self, distance: Tensor) -> Tensor:
        """The weight of each bin, from its distance to the nearest true peak.

        Args:
            distance: In bins, ``(batch, n_bins)``; 0 on a peak, infinite in an empty spectrum.
        """
        raise NotImplementedError


class PublishedSpectrumLoss(SpectrumLoss):
    """The weighting of the published code: w = 1 / (1 + distance), 1/2 in an empty spectrum.

    It is the reverse of the aim that the paper's text states: a false peak beside a true
    one is charged 1/2, one fifty bins away 1/51, so that stray far bins are nearly free.

    References:
        Kuhn, Dwarka, Grenda, Vainikko, arXiv:2602.03875, 2026, and its code.
    """

    def weight(self, distance: Tensor) -> Tensor:
        """1 on a peak, 1/2 beside it, falling with distance."""
        return torch.where(distance.isinf(), 0.5, 1 / (1 + distance))


class DescribedSpectrumLoss(SpectrumLoss):
    """The weighting that the paper's text describes: "0010 is better than 0001 for 0100".

    A true bin weighs 1; a false peak costs d / (1 + d) at d bins from the nearest true one,
    so 1/2 beside it and nearly 1 far away (and 1 in an empty spectrum, where every peak is
    far from any true one). The text gives no formula; this is the published weight's
    complement off the peaks.

    References:
        Kuhn, Dwarka, Grenda, Vainikko, arXiv:2602.03875, 2026.
    """

    def weight(self, distance: Tensor) -> Tensor:
        """1 on a peak, 1/2 beside it, rising with distance."""
        off_peak = torch.where(distance.isinf(), 1.0, distance / (1 + distance))
        return torch.where(distance == 0, 1.0, off_peak)


class LogitSizeLoss(Loss):
    """mean(y²): keeps the logits from growing without bound."""

    def forward(self, outputs: FlowOutputs) -> Tensor:
        """Mean square of y."""
        return outputs.latent.y.square().mean()


def bins_to_nearest_peak(code: Tensor) -> Tensor:
    """Distance in bins from every bin to the nearest set one.

    Args:
        code: ``(batch, n_bins)``, a bin counts as set when it is above 1/2.

    Returns:
        Same shape and type; 0 on a peak, infinite where a spectrum has none.
    """
    position = torch.arange(code.shape[1], device=code.device, dtype=code.dtype)
    infinity = torch.full_like(code, torch.inf)
    peak = torch.where(code > 0.5, position, -infinity)
    left = position - peak.cummax(dim=1).values
    peak = torch.where(code > 0.5, position, infinity)
    right = peak.flip(1).cummin(dim=1).values.flip(1) - position
    return torch.minimum(left, right)
