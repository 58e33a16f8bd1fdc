"""How alike two peak lists are, whatever their peaks belong to.

Our own definition, after the idea of NMRPeak (Xu et al., arXiv:2602.08752): two rounds of matching
and a penalty for the difference of the numbers of peaks. NMRPeak's own formula is not published.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WIDTH_PPM = 2.0
"""Peaks so far apart are worth exp(-1/2) = 0.61 of equal ones."""

FAR_PPM = 3 * WIDTH_PPM
"""Peaks farther apart are no pair."""

SHARED = 0.5
"""Worth of a peak that finds its like only among those that have one, in units of a pair's."""


class Comparison(NamedTuple):
    """Two spectra beside each other.

    Args:
        similarity: From 0 (nothing alike) to 1 (equal).
        pairs: Positions in the one and the other, peak by peak, of the first round.
        shared: Positions in the one, then in the other, of the second round: a peak that is left
            over, and the peak of the other spectrum that it lies beside.
    """

    similarity: float
    pairs: tuple[tuple[int, int], ...]
    shared: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]


def compare_peaks(one_ppm: Sequence[float], other_ppm: Sequence[float]) -> Comparison:
    """Compare two spectra of at least one peak each.

    First each peak is paired with at most one of the other spectrum, so that the sum of
    w = exp(-(d / 2 ppm)^2 / 2) is greatest, d being their distance, 6 ppm at most. Then peaks that
    are left over look for the nearest peak of the other spectrum, which has its pair already:
    where lines coincide one peak stands for several. With S1 the first sum and S2 the second, the
    similarity is (2 S1 + S2 / 2) / (n + m) * sqrt(min(n, m) / max(n, m)) of n and m peaks.

    Equal lists have 1; the order of peaks, and of the spectra, does not count.

    Example:
        >>> compare_peaks([21.4, 125.4], [125.4, 21.4]).similarity
        1.0
        >>> round(compare_peaks([21.4, 125.4], [21.4]).similarity, 3)
        0.471
    """
    one, other = (np.asarray(ppm, dtype=np.float64) for ppm in (one_ppm, other_ppm))
    # In one order, whichever comes first: equally good matchings must not make a difference.
    if (len(other), sorted(other)) < (len(one), sorted(one)):
        found = compare_peaks(other_ppm, one_ppm)
        pairs = tuple(sorted((b, a) for a, b in found.pairs))
        return Comparison(found.similarity, pairs, (found.shared[1], found.shared[0]))
    first, second = np.argsort(one, kind="stable"), np.argsort(other, kind="stable")
    worth = _worth(one[first], other[second])
    rows, columns = _matched(worth)
    left = [
        np.setdiff1d(np.arange(n), k) for n, k in zip(worth.shape, (rows, columns), strict=True)
    ]
    beside = [(worth[left[0]], first, second), (worth.T[left[1]], second, first)]
    shared, total = [], 0.0
    for (own_worth, own, others), over in zip(beside, left, strict=True):
        nearest = own_worth.argmax(axis=1) if over.size else np.zeros(0, dtype=np.int64)
        best = own_worth[np.arange(len(over)), nearest]
        total += float(best.sum())
        found_here = zip(own[over[best > 0]], others[nearest[best > 0]], strict=True)
        shared.append(tuple((int(a), int(b)) for a, b in found_here))
    n, m = worth.shape
    similarity = (2 * float(worth[rows, columns].sum()) + SHARED * total) / (n + m)
    pairs = tuple(
        sorted((int(first[r]), int(second[c])) for r, c in zip(rows, columns, strict=True))
    )
    return Comparison(
        similarity * float(np.sqrt(min(n, m) / max(n, m))), pairs, (shared[0], shared[1])
    )


def _worth(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    away = np.abs(one[:, None] - other)
    return np.asarray(np.where(away <= FAR_PPM, np.exp(-0.5 * (away / WIDTH_PPM) ** 2), 0.0))


def _matched(worth: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # Half a second to import, which a prediction need not wait for.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(worth, maximize=True)
    is_pair = worth[rows, columns] > 0
    return rows[is_pair], columns[is_pair]
