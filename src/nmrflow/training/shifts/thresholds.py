"""Above which probability a bit is to be set, for each bin, and how that is chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from nmrflow.metrics.spectrum import SPECTRUM_METRICS, Bits, spectrum_scores

TARGETS = {"f1_macro": 0.38, "f1_micro": 0.58, "f1_within_1_bin": 0.73}
"""Scores that stand for equally good work; the criterion is the smallest score / target."""

SHARES = tuple(round(0.3 + 0.025 * k, 3) for k in range(29))
SLOPES = tuple(round(0.1 * k, 1) for k in range(14))

_LIMITS = (0.01, 0.99)


@dataclass(frozen=True)
class Thresholds:
    """A threshold for each bin, from the best F1 that can be expected of the bin.

    ``share * mean F * (F / mean F) ** slope``, F being :func:`expected_f1` of a bin. Share 1/2
    and slope 1, F / 2, is best for macro F1 where probabilities are true (Lipton, Elkan,
    Naryanaswamy, "Optimal thresholding of classifiers to maximize F1 measure", 2014); a slope
    of 0, one threshold for all bins, suits micro F1, and a larger share F1 within one bin,
    where a near miss is no miss.

    Args:
        share: Threshold of a bin of average F, as a share of that F.
        slope: 0 for the same threshold everywhere.
        probabilities: The thresholds, ``(n_bins,)``, between 0.01 and 0.99.
        scores: F1 scores where they were chosen, by name; means over the groups.
    """

    share: float
    slope: float
    probabilities: NDArray[np.float64]
    scores: dict[str, float]

    @property
    def logits(self) -> NDArray[np.float64]:
        """A bit is to be set when its logit is above this, ``(n_bins,)``."""
        odds: NDArray[np.float64] = self.probabilities / (1 - self.probabilities)
        return np.log(odds)


def expected_f1(predicted: NDArray[np.floating]) -> NDArray[np.float64]:
    """The best F1 that each bin's probabilities promise if they are true, ``(n_bins,)``.

    With the k likeliest molecules of a bin set, 2 · sum of their probabilities / (k + sum of all
    probabilities), for the best k: the F1 of expected counts. Predicted are the probabilities
    ``(n, n_bins)``, n > 0, each above 0.
    """
    n_hits = np.cumsum(-np.sort(-predicted.astype(np.float64), axis=0), axis=0)
    n_set = np.arange(1, len(predicted) + 1)[:, None]
    best: NDArray[np.float64] = (2 * n_hits / (n_set + n_hits[-1])).max(axis=0)
    return best


def choose_thresholds(
    predicted: NDArray[np.floating],
    true: Bits,
    group: NDArray[np.integer],
    targets: Mapping[str, float] = TARGETS,
) -> Thresholds:
    """The thresholds of the grid under which the smallest score / target is largest.

    Macro F1 grows with the number of spectra it is taken over, as fewer bins stay without a
    peak; so scores are means over groups as large as what they are to be reported on.

    Args:
        predicted: Probability of each bit for molecules not trained on, ``(n, n_bins)``, n > 0.
        true: Their measured codes, ``(n, n_bins)``.
        group: Which group each spectrum is in, ``(n,)``.
        targets: By name, as in :data:`nmrflow.metrics.spectrum.SPECTRUM_METRICS`.

    Returns:
        Of equally good ones the first: lowest share, then lowest slope.
    """
    members = [group == g for g in np.unique(group)]
    best: tuple[float, Thresholds] | None = None
    best_f1 = expected_f1(predicted)
    average = best_f1.mean()
    for share, slope in product(SHARES, SLOPES):
        at = np.clip(share * average * (best_f1 / average) ** slope, *_LIMITS)
        bits = predicted > at
        each = [spectrum_scores(bits[rows], true[rows]) for rows in members]
        scores = {name: float(np.mean([s[name] for s in each])) for name in SPECTRUM_METRICS}
        worth = min(scores[name] / target for name, target in targets.items())
        if best is None or worth > best[0]:
            best = worth, Thresholds(share, slope, at, scores)
    assert best is not None
    return best[1]
