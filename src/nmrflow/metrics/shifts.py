"""Scores of predicted shifts against assigned ones."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

WITHIN_PPM = 2.0


def error_scores(
    predicted_ppm: NDArray[np.float64], true_ppm: NDArray[np.float64]
) -> dict[str, float]:
    """Absolute errors of n shifts in ppm, at least one: mean, median, share within 2 ppm."""
    error = np.abs(predicted_ppm - true_ppm)
    return {
        "mean_error_ppm": float(error.mean()),
        "median_error_ppm": float(np.median(error)),
        "within_2_ppm": float((error <= WITHIN_PPM).mean()),
    }


def coverage(
    low_ppm: NDArray[np.float64], high_ppm: NDArray[np.float64], true_ppm: NDArray[np.float64]
) -> float:
    """Share of n shifts, at least one, that lie in their intervals."""
    return float(((low_ppm <= true_ppm) & (true_ppm <= high_ppm)).mean())


def coverage_by_kind(
    low_ppm: NDArray[np.float64],
    high_ppm: NDArray[np.float64],
    true_ppm: NDArray[np.float64],
    kinds: NDArray[np.str_],
) -> Mapping[str, float]:
    """The same of each kind of atom that there is, by its name."""
    return {
        str(kind): coverage(
            low_ppm[kinds == kind], high_ppm[kinds == kind], true_ppm[kinds == kind]
        )
        for kind in np.unique(kinds)
    }
