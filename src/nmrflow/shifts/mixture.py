"""Where carbons' shifts lie, as mixtures of Laplace distributions, and what codes follow.

A bin of a spectrum code is set when the shift of any carbon falls into it (noisy-or), where
carbons equivalent by symmetry count as one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nmrflow.spectra.axis import ShiftAxis

STRAY = 1e-4
"""Rate, in each bin, of a peak that no carbon explains; keeps every logarithm finite."""

_ALMOST_SURE = 1 - 1e-5
# They halve a bracket of 300 ppm to 1e-12 ppm, or to what float32 can tell.
_N_BISECTIONS = {torch.float64: 48, torch.float32: 26}


class LaplaceMixture(NamedTuple):
    """The shifts of c carbons, each a mixture of k Laplace distributions.

    Args:
        centre_ppm: ``(c, k)``.
        scale_ppm: Mean absolute deviation from the centre, above 0, ``(c, k)``.
        log_weight: Logarithms of weights that sum to 1, ``(c, k)``.
    """

    centre_ppm: Tensor
    scale_ppm: Tensor
    log_weight: Tensor

    def rows(self, index: Tensor) -> "LaplaceMixture":
        """Some of the carbons, by row or by mask."""
        return LaplaceMixture(*(part[index] for part in self))

    def log_density(self, at_ppm: Tensor) -> Tensor:
        """Log density per ppm of a shift at each of m points.

        Args:
            at_ppm: The same points for all carbons, ``(m,)``, or each its own, ``(c, m)``.

        Returns:
            ``(c, m)``.
        """
        away = (at_ppm[..., None] - self.centre_ppm[:, None]).abs() / self.scale_ppm[:, None]
        log_weight = self.log_weight - torch.log(2 * self.scale_ppm)
        return torch.logsumexp(log_weight[:, None] - away, dim=-1)

    def cdf(self, at_ppm: Tensor) -> Tensor:
        """Probability of a shift below each of m points.

        Args:
            at_ppm: The same points for all carbons, ``(m,)``, or each its own, ``(c, m)``.

        Returns:
            ``(c, m)``.
        """
        away = (at_ppm[..., None] - self.centre_ppm[:, None]) / self.scale_ppm[:, None]
        tail = 0.5 * torch.exp(-away.abs())
        below = torch.where(away < 0, tail, 1 - tail)
        return (below @ self.log_weight.exp()[:, :, None]).squeeze(-1)

    def bin_probabilities(self, axis: ShiftAxis) -> Tensor:
        """In which bin of the code a shift lies, ``(c, n_bins)``, each row summing to 1."""
        edges = bin_edges_ppm(axis).to(self.centre_ppm)
        return bin_probabilities(self.centre_ppm, self.scale_ppm, self.log_weight.exp(), edges)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Shifts in ppm of each carbon, ``(n, c)``, each carbon's independent of others'.

        Args:
            n: Draws.
            generator: On the mixture's device.
        """
        weight = self.log_weight.exp()
        component = torch.multinomial(weight, n, replacement=True, generator=generator)
        uniform = torch.rand(
            component.shape, dtype=torch.float64, device=weight.device, generator=generator
        )
        # From -1 to 1 and never either, whose logarithm is infinite.
        signed = (2 * uniform - 1).clamp(-1 + 2**-52, 1 - 2**-52)
        away = (-signed.sign() * torch.log1p(-signed.abs())).to(weight)
        centre, scale = (part.gather(1, component) for part in self[:2])
        return (centre + scale * away).T

    def quantiles(self, probabilities: Sequence[float]) -> Tensor:
        """The shifts in ppm below which a carbon's lies with each of m probabilities, ``(c, m)``.

        The mixture is float64 or float32.

        Raises:
            ValueError: If one is not between 0 and 1.
        """
        if not all(0 < probability < 1 for probability in probabilities):
            raise ValueError(
                f"quantiles of {list(probabilities)}: between 0 and 1, neither included"
            )
        wanted = torch.tensor(probabilities).to(self.centre_ppm)
        # The quantiles of its components enclose that of the mixture.
        away = -torch.sign(wanted - 0.5) * torch.log(2 * torch.minimum(wanted, 1 - wanted))
        own = self.centre_ppm[:, None] + away[:, None] * self.scale_ppm[:, None]
        low, high = own.amin(dim=-1), own.amax(dim=-1)
        # As cdf(middle) < wanted, in place: half of what is compared is added to 1/2 there.
        rate, weight = 1 / self.scale_ppm[:, None], self.log_weight.exp()[:, :, None]
        for _ in range(_N_BISECTIONS[low.dtype]):
            middle = (low + high) / 2
            away = (middle[..., None] - self.centre_ppm[:, None]).mul_(rate)
            signed = away.abs().neg_().expm1_().copysign_(away)
            is_below = (signed @ weight).squeeze(-1) < 2 * wanted - 1
            low, high = torch.where(is_below, middle, low), torch.where(is_below, high, middle)
        return (low + high) / 2


def bin_edges_ppm(axis: ShiftAxis) -> Tensor:
    """Edges between the bins of the code in ppm, ascending, ``(n_bins - 1,)``, float64."""
    return torch.from_numpy(axis.bin_edges_ppm())


def bin_probabilities(
    centre_ppm: Tensor, scale_ppm: Tensor, weight: Tensor, edges_ppm: Tensor
) -> Tensor:
    """In which bin a carbon's shift lies; the first and last bin are open-ended.

    Args:
        centre_ppm: ``(c, k)``.
        scale_ppm: ``(c, k)``.
        weight: Summing to 1 in each row, ``(c, k)``.
        edges_ppm: The edges between the bins, ascending, ``(n_bins - 1,)``.

    Returns:
        ``(c, n_bins)``, each row summing to 1.
    """
    cdf = _cdf(centre_ppm, scale_ppm, weight, edges_ppm)
    ends = cdf.new_zeros(len(cdf), 1), cdf.new_ones(len(cdf), 1)
    return torch.diff(cdf, prepend=ends[0], append=ends[1]).clamp(0.0, 1.0)


def noisy_or(
    bins: Tensor, share: Tensor, molecule: Tensor, n: int, stray: float = STRAY
) -> Tensor:
    """Log probability that none of a molecule's carbons, nor a stray peak, falls into a bin.

    Args:
        bins: Probability of each bin for each carbon, ``(c, n_bins)``.
        share: How much each carbon counts, ``(c,)``.
        molecule: Row of each carbon's molecule, ``(c,)``.
        n: Number of molecules.
        stray: Rate of stray peaks in each bin.

    Returns:
        ``(n, n_bins)``, at most ``-stray``.
    """
    none = torch.log1p(-bins.clamp(max=_ALMOST_SURE)) * share[:, None]
    return none.new_zeros(n, bins.shape[1]).index_add(0, molecule, none) - stray


def bit_loss(log_unset: Tensor, code: Tensor) -> Tensor:
    """Binary cross-entropy of measured bits, summed over bits, mean over spectra.

    Args:
        log_unset: Log probability that a bit is not set, below 0, ``(n, n_bins)``.
        code: Zeros and ones, ``(n, n_bins)``.
    """
    log_set = torch.log(-torch.expm1(log_unset))
    return -torch.where(code > 0.5, log_set, log_unset).sum(dim=-1).mean()


def _cdf(centre_ppm: Tensor, scale_ppm: Tensor, weight: Tensor, at_ppm: Tensor) -> Tensor:
    cdf = centre_ppm.new_zeros(())
    # One component at a time: all at once would take k times the memory.
    for mu, b, share in zip(
        centre_ppm.unbind(-1), scale_ppm.unbind(-1), weight.unbind(-1), strict=True
    ):
        away = (at_ppm - mu[:, None]) / b[:, None]
        tail = 0.5 * torch.exp(-away.abs())
        cdf = cdf + share[:, None] * torch.where(away < 0, tail, 1 - tail)
    return cdf
