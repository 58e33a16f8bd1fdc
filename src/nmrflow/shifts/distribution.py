"""Where the shifts of molecules' atoms lie: one distribution from which all answers derive."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from nmrflow.shifts.mixture import STRAY, LaplaceMixture, noisy_or
from nmrflow.spectra.axis import ShiftAxis


class ShiftDistribution(NamedTuple):
    """The atoms of n molecules laid end to end.

    Args:
        mixture: Of every atom, ``(a, n_members * k)``; only an observed atom's means anything.
        share: 1 / number of atoms equivalent to an observed one, 0 for others, ``(a,)``.
        molecule: Row of each atom's molecule, ``(a,)``.
        n: Number of molecules.
        n_members: Networks whose mixtures are joined, one behind the other and alike in weight.
    """

    mixture: LaplaceMixture
    share: Tensor
    molecule: Tensor
    n: int
    n_members: int = 1

    def log_unset(self, axis: ShiftAxis, stray: float = STRAY) -> Tensor:
        """Log probability that a bit of the code is *not* set, ``(n, n_bins)``, below 0.

        The probability is the mean of the members' own, each by noisy-or over its atoms.

        Args:
            axis: Cuts the bins.
            stray: Rate of stray peaks in each bin.
        """
        observed = self.share > 0
        share, molecule = self.share[observed], self.molecule[observed]
        parts = (part.chunk(self.n_members, dim=-1) for part in self.mixture.rows(observed))
        members = []
        for centre, scale, log_weight in zip(*parts, strict=True):
            own = LaplaceMixture(centre, scale, log_weight + math.log(self.n_members))
            members.append(noisy_or(own.bin_probabilities(axis), share, molecule, self.n, stray))
        if len(members) == 1:
            return members[0]
        return torch.logsumexp(torch.stack(members), dim=0) - math.log(len(members))

    def logits(self, axis: ShiftAxis) -> Tensor:
        """Logits of the code's bits, ``(n, n_bins)``, always finite."""
        return to_logits(self.log_unset(axis))

    def split(self) -> list[LaplaceMixture]:
        """The mixture of each molecule's atoms."""
        sizes = torch.bincount(self.molecule, minlength=self.n).tolist()
        parts = (torch.split(part, sizes) for part in self.mixture)
        return [LaplaceMixture(*own) for own in zip(*parts, strict=True)]


def to_logits(log_unset: Tensor) -> Tensor:
    """Log probabilities that bits are not set to logits of being set."""
    return torch.log(-torch.expm1(log_unset)) - log_unset
