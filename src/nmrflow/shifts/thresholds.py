"""Above which probability a bit is to be set, for each bin, and how that is chosen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmrflow.metrics.spectrum import Bits, spectrum_scores

TARGETS = {"f1_macro": 0.38, "f1_micro": 0.58, "f1_within_1_bin": 0.73}
"""Scores that stand for equally good work; the criterion is the smallest score / target."""

LEVELS = tuple(round(0.14 + 0.01 * k, 2) for k in range(31))
SLOPES = tuple(round(0.025 * k, 3) for k in range(-4, 17))

_OFFSET = 0.01  # Added to every frequency: bins with hardly any peaks should count alike.
_LIMITS = (0.01, 0.99)


@dataclass(frozen=True)
class Thresholds:
    """A threshold for each bin, from how often the bin is set in training.

    ``level * ((f + 0.01) / (mean f + 0.01)) ** slope``: where the slope is positive rare bins
    are set more readily, which is what macro F1 asks for and micro F1 does not.

    Args:
        level: Threshold of a bin of average frequency.
        slope: 0 for the same threshold everywhere.
        probabilities: The thresholds, ``(n_bins,)``, between 0.01 and 0.99.
        scores: F1 scores where they were chosen, by name.
    """

    level: float
    slope: float
    probabilities: NDArray[np.float64]
    scores: dict[str, float]

    @property
    def logits(self) -> NDArray[np.float64]:
        """A bit is to be set when its logit is above this, ``(n_bins,)``."""
        odds: NDArray[np.float64] = self.probabilities / (1 - self.probabilities)
        return np.log(odds)


def choose_thresholds(
    predicted: NDArray[np.floating],
    true: Bits,
    frequency: NDArray[np.floating],
    targets: Mapping[str, float] = TARGETS,
) -> Thresholds:
    """The thresholds of the grid under which the smallest score / target is largest.

    Args:
        predicted: Probability of each bit for molecules not trained on, ``(n, n_bins)``, n > 0.
        true: Their measured codes, ``(n, n_bins)``.
        frequency: How often each bin is set in training, ``(n_bins,)``.
        targets: By name, as in :data:`nmrflow.metrics.spectrum.SPECTRUM_METRICS`.

    Returns:
        Of equally good ones the first: lowest level, then lowest slope.
    """
    best: tuple[float, Thresholds] | None = None
    for level, slope, at in _grid(frequency):
        scores = spectrum_scores(predicted > at, true)
        worth = min(scores[name] / target for name, target in targets.items())
        if best is None or worth > best[0]:
            best = worth, Thresholds(level, slope, at, scores)
    assert best is not None
    return best[1]


def _grid(frequency: NDArray[np.floating]) -> Iterator[tuple[float, float, NDArray[np.float64]]]:
    relative = (frequency + _OFFSET) / (frequency.mean() + _OFFSET)
    for level in LEVELS:
        for slope in SLOPES:
            yield level, slope, np.clip(level * relative**slope, *_LIMITS).astype(np.float64)
