"""Which peak belongs to which carbon: optimal matching of a spectrum to a structure."""

import numpy as np
from numpy.typing import NDArray

from nmrflow.errors import ShapeError

UNMATCHED = -1
"""Stands for no peak."""


def match_peaks(fit: NDArray[np.floating]) -> NDArray[np.int64]:
    """Give every carbon one peak, so that the sum of fits is greatest.

    Carbons may share a peak, since lines overlap. As many peaks as possible are given to some
    carbon: all of them where there are no more peaks than carbons. Where there are more, the
    carbons get a peak each and the rest belong to none.

    Args:
        fit: How well each carbon (or group of equivalent carbons) fits each peak, greater is
            better, finite, ``(n_carbons, n_peaks)``.

    Returns:
        The peak of each carbon, ``(n_carbons,)``; :data:`UNMATCHED` where there are no peaks.

    Raises:
        ShapeError: If ``fit`` is no finite matrix.

    Example:
        >>> match_peaks(np.array([[0.0, -9.0], [-1.0, -2.0], [-0.5, -7.0]]))
        array([0, 1, 0])
    """
    # Half a second to import, which a prediction need not wait for.
    from scipy.optimize import linear_sum_assignment

    fit = np.asarray(fit, dtype=np.float64)
    if fit.ndim != 2 or not np.isfinite(fit).all():
        raise ShapeError(f"a fit is a finite matrix of carbons and peaks, got {fit.shape}")
    n_carbons, n_peaks = fit.shape
    if not n_peaks or not n_carbons:
        return np.full(n_carbons, UNMATCHED, dtype=np.int64)
    # A column for each peak's first carbon, and for each carbon one for a peak that another
    # carbon has as well. The first kind is worth more than any difference of fits.
    worth = 1.0 + (fit.max() - fit.min()) * min(n_carbons, n_peaks) * 2
    best = fit.argmax(axis=1)
    shared = np.full((n_carbons, n_carbons), fit.min() - 4 * worth * n_carbons)
    np.fill_diagonal(shared, fit.max(axis=1))
    rows, columns = linear_sum_assignment(np.hstack([fit + worth, shared]), maximize=True)
    peaks = np.where(columns < n_peaks, columns, best[rows])
    return np.asarray(peaks[np.argsort(rows)], dtype=np.int64)
