"""Whether predicted probabilities mean what they say."""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

N_GROUPS = 15
"""Groups of equal width between 0 and 1.

The count of Guo, Pleiss, Sun, Weinberger, *On calibration of modern neural networks*, ICML 2017.
"""


class ReliabilityPoint(TypedDict):
    """One group of predictions: their mean, the share that came true, and their number."""

    predicted: float
    observed: float
    n: int


def probabilities(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """The logistic function, in double precision and without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, dtype=np.float64)))


def log_likelihood(logits: NDArray[np.floating], code: NDArray[np.generic]) -> NDArray[np.float64]:
    """Log probability of codes whose bits are independent given their logits ``(..., n_bins)``.

    Natural logarithms, ``(...)``; the code's zeros and ones are broadcast against the logits.
    """
    signed = np.where(np.asarray(code).astype(bool), logits, -logits).astype(np.float64)
    # log(sigmoid(a)) = -log(1 + exp(-a))
    return np.asarray(-np.logaddexp(0.0, -signed).sum(axis=-1))


def reliability_curve(
    predicted: NDArray[np.floating], true: NDArray[np.bool_], n_groups: int = N_GROUPS
) -> list[ReliabilityPoint]:
    """Predicted against observed frequency, over all bits of all spectra, in arrays of one shape.

    Groups are of equal width; those without a prediction are left out.
    """
    flat, outcome = np.asarray(predicted, dtype=np.float64).ravel(), np.asarray(true).ravel()
    group = np.minimum((flat * n_groups).astype(int), n_groups - 1)
    n = np.bincount(group, minlength=n_groups)
    sums = np.bincount(group, weights=flat, minlength=n_groups)
    hits = np.bincount(group, weights=outcome, minlength=n_groups)
    return [
        {"predicted": float(sums[g] / n[g]), "observed": float(hits[g] / n[g]), "n": int(n[g])}
        for g in np.flatnonzero(n)
    ]


def expected_calibration_error(curve: list[ReliabilityPoint]) -> float:
    """Mean distance between predicted and observed frequency, weighted by group size."""
    total = sum(point["n"] for point in curve)
    return sum(abs(p["predicted"] - p["observed"]) * p["n"] for p in curve) / total
