"""What a trained network returns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmrflow.chem.structure import Structure
from nmrflow.shifts.mixture import LaplaceMixture


@dataclass(frozen=True)
class PredictedSpectrum:
    """The forward direction's answer for one structure.

    Args:
        structure: The structure as it went in.
        probabilities: Probability of each bit of the code, ``(n_bins,)``.
        code: The bits, 0/1, ``(n_bins,)``: set where the probability is above its threshold, one
            half or what the training side chose.
        shifts_ppm: Centres of the set bins in ppm, ascending; each ± half a bin.
    """

    structure: Structure
    probabilities: NDArray[np.float64]
    code: NDArray[np.uint8]
    shifts_ppm: tuple[float, ...]


@dataclass(frozen=True)
class PredictedShifts:
    """Where each carbon's shift is expected.

    Args:
        structure: The structure as it went in; what follows is in the order of its atoms.
        distribution: A mixture of Laplace distributions for each atom, in ppm, float64; only
            those of the observed element mean anything.
        median_ppm: Its median, ``(n_atoms,)``; nan, like its interval, of other elements.
        low_ppm: Lower end of the central interval, ``(n_atoms,)``.
        high_ppm: Upper end, ``(n_atoms,)``.
        level: Probability of the interval.
    """

    structure: Structure
    distribution: LaplaceMixture
    median_ppm: NDArray[np.float64]
    low_ppm: NDArray[np.float64]
    high_ppm: NDArray[np.float64]
    level: float


@dataclass(frozen=True)
class Proposal:
    """One x of the backward direction: f⁻¹(z, y) of a random z, or one that was searched.

    Args:
        structure: The molecule that the rounded x is; None where it is none.
        refusal: Why the rounded x is no molecule; None where it is one.
        x: What the inverse returned, before rounding.
        z: The residual that was drawn; None of what a search has found, in which any z of its
            cells would do.
        logits: What x is predicted to have for a spectrum, ``(n_bins,)``; None where nobody
            asked.
        asked: The code, as bits, and the facts that were told, as bytes.
        log_p: Log p of the rounded x, numbered as it is, given what was asked, in nats; None
            where the network has no likelihood.
    """

    structure: Structure | None
    refusal: str | None
    x: NDArray[np.floating]
    z: NDArray[np.floating] | None
    logits: NDArray[np.floating] | None = None
    asked: tuple[bytes, bytes | None] | None = None
    log_p: float | None = None
