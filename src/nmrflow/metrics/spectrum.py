"""Scores of predicted spectrum codes, and the constant predictors that stand beside them.

All functions take boolean arrays ``(n, n_bins)``; a logit is a set bit when it is above
:data:`LOGIT_THRESHOLD`, one rule for every score.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]

LOGIT_THRESHOLD = 0.0
"""A predicted bit is set when its logit is above this: probability above one half."""


def to_bits(
    logits: NDArray[np.floating], threshold: float | NDArray[np.floating] = LOGIT_THRESHOLD
) -> Bits:
    """Logits to predicted bits: set above the threshold, one for all bins or one for each."""
    return np.asarray(logits) > threshold


def f1_macro(predicted: Bits, true: Bits) -> float:
    """Mean over bins of each bin's F1; a bin neither predicted nor true anywhere scores 0.

    The paper's F1: scikit-learn's ``f1_score(average="macro", zero_division=0)``.
    """
    n_hits = (predicted & true).sum(axis=0)
    n_marks = predicted.sum(axis=0) + true.sum(axis=0)
    scores = np.divide(2 * n_hits, n_marks, where=n_marks > 0, out=np.zeros(len(n_hits)))
    return float(scores.mean())


def f1_micro(predicted: Bits, true: Bits) -> float:
    """F1 over all bits of all spectra at once; 0 when no bit is set anywhere."""
    return _f1(int((predicted & true).sum()), int(predicted.sum() + true.sum()))


def f1_within_1_bin(predicted: Bits, true: Bits) -> float:
    """Micro F1 where a predicted and a true bit match when at most one bin apart.

    In every spectrum bits are matched one to one, as many as possible; the score is
    2 · matched / (predicted + true), summed over all spectra.
    """
    return _f1(n_matched_within_1_bin(predicted, true), int(predicted.sum() + true.sum()))


def _f1(n_matched: int, n_marks: int) -> float:
    return 2 * n_matched / n_marks if n_marks else 0.0


def n_matched_within_1_bin(predicted: Bits, true: Bits) -> int:
    """Size of the largest one-to-one matching within one bin, summed over spectra.

    Taking predicted bits from low to high shift, each with the lowest free true bit in
    reach, is optimal because all reaches are equally long (an exchange argument).
    """
    n, n_bins = true.shape
    free = np.zeros((n, n_bins + 2), dtype=bool)
    free[:, 1:-1] = true
    n_matched = 0
    for bin_ in range(n_bins):
        open_ = predicted[:, bin_].copy()
        for neighbour in (bin_, bin_ + 1, bin_ + 2):
            taken = open_ & free[:, neighbour]
            free[:, neighbour] &= ~taken
            open_ &= ~taken
            n_matched += int(taken.sum())
    return n_matched


SPECTRUM_METRICS: dict[str, Callable[[Bits, Bits], float]] = {
    "f1_macro": f1_macro,
    "f1_micro": f1_micro,
    "f1_within_1_bin": f1_within_1_bin,
}


def spectrum_scores(predicted: Bits, true: Bits) -> dict[str, float]:
    """Every score of :data:`SPECTRUM_METRICS` by name."""
    return {name: metric(predicted, true) for name, metric in SPECTRUM_METRICS.items()}


def bit_counts(predicted: Bits, true: Bits) -> dict[str, float]:
    """How many bits are set, and how often the last one, where too high shifts end up.

    Returns:
        ``bits_predicted``, ``bits_true``: set bits per spectrum; ``last_bin_predicted``,
        ``last_bin_true``: share of spectra with the last bit set.
    """
    return {
        "bits_predicted": float(predicted.sum(axis=1).mean()),
        "bits_true": float(true.sum(axis=1).mean()),
        "last_bin_predicted": float(predicted[:, -1].mean()),
        "last_bin_true": float(true[:, -1].mean()),
    }


def constant_scores(bins: dict[str, list[int]], true: Bits) -> dict[str, float]:
    """The scores of the constant predictors: for each metric its own fixed set of bins."""
    every = np.arange(true.shape[1])
    return {
        name: metric(np.broadcast_to(np.isin(every, bins[name]), true.shape), true)
        for name, metric in SPECTRUM_METRICS.items()
    }


def best_constant_bins(codes: Bits) -> dict[str, list[int]]:
    """For each metric the fixed set of bins that scores best on these codes.

    Exact for macro (every bin that ever fires: bins do not interact, and a bin never set
    scores 0 either way) and for micro (of every size the commonest bins hit most). Within
    one bin no closed form is known: from the empty set and from the micro set bins are added,
    dropped and moved while that helps, so the set is the better of two local optima. Codes are
    ``(n, n_bins)``, n > 0.
    """
    frequency = codes.sum(axis=0)
    commonest = np.argsort(-frequency, kind="stable")
    n_hits = np.cumsum(frequency[commonest])
    sizes = np.arange(1, len(commonest) + 1)
    micro = 2 * n_hits / (len(codes) * sizes + frequency.sum())
    best_micro = sorted(int(b) for b in commonest[: int(np.argmax(micro)) + 1])
    return {
        "f1_macro": [int(b) for b in np.flatnonzero(frequency)],
        "f1_micro": best_micro,
        "f1_within_1_bin": _search_constant_within_1_bin(codes, starts=([], best_micro)),
    }


def _search_constant_within_1_bin(codes: Bits, starts: Sequence[Sequence[int]]) -> list[int]:
    """Local search for the fixed set of bins with the best within-one-bin F1.

    The same bins are predicted for every spectrum, so one bin's column of all n spectra
    fits in one big integer and a whole set is scored with a few bitwise operations.
    """
    n, n_bins = codes.shape
    columns = [int.from_bytes(np.packbits(codes[:, b]).tobytes()) for b in range(n_bins)]
    everyone = int.from_bytes(np.packbits(np.ones(n, dtype=bool)).tobytes())
    n_true = int(codes.sum())
    useful = {b for b in range(n_bins) if any(columns[max(b - 1, 0) : b + 2])}

    def score(chosen: frozenset[int]) -> float:
        free: dict[int, int] = {}
        n_matched = 0
        for bin_ in sorted(chosen):
            open_ = everyone
            for neighbour in (bin_ - 1, bin_, bin_ + 1):
                if not 0 <= neighbour < n_bins:
                    continue
                column = free.get(neighbour, columns[neighbour])
                taken = open_ & column
                free[neighbour] = column & ~taken
                open_ &= ~taken
                n_matched += taken.bit_count()
        return _f1(n_matched, n * len(chosen) + n_true)

    def climb(chosen: frozenset[int]) -> frozenset[int]:
        while True:
            moves = [chosen ^ {b} for b in sorted(useful)]
            moves += [
                chosen - {old} | {new}
                for old in sorted(chosen)
                for new in (old - 2, old - 1, old + 1, old + 2)
                if new in useful and new not in chosen
            ]
            candidate = max(moves, key=score, default=chosen)
            if score(candidate) <= score(chosen):
                return chosen
            chosen = candidate

    tops: list[frozenset[int]] = [climb(frozenset(start)) for start in starts]
    best = max(tops, key=score)
    return sorted(best)
