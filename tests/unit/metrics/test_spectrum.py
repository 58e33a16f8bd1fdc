"""Scores of spectra against other people's code and brute force; the constant predictors."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from sklearn.metrics import f1_score

from nmrflow.metrics.spectrum import (
    SPECTRUM_METRICS,
    best_constant_bins,
    bit_counts,
    constant_scores,
    f1_macro,
    f1_micro,
    f1_within_1_bin,
    n_matched_within_1_bin,
    spectrum_scores,
    to_bits,
)

Bits = NDArray[np.bool_]


def independent_bits(shape: tuple[int, int]) -> st.SearchStrategy[Bits]:
    """Every bit drawn for itself: left alone, Hypothesis fills most of an array with one value."""
    return arrays(bool, shape, fill=st.nothing())


PAIRS = st.tuples(st.integers(1, 6), st.integers(2, 12)).flatmap(
    lambda shape: st.tuples(independent_bits(shape), independent_bits(shape))
)
CODES = st.tuples(st.integers(1, 6), st.just(6)).flatmap(independent_bits)


def bits(*rows: str) -> Bits:
    return np.array([[digit == "1" for digit in row] for row in rows])


def constant(chosen: tuple[int, ...] | list[int], codes: Bits) -> Bits:
    predicted = np.zeros_like(codes)
    predicted[:, list(chosen)] = True
    return predicted


@given(PAIRS)
def test_macro_and_micro_are_scikit_learns(pair: tuple[Bits, Bits]) -> None:
    predicted, true = pair
    for average, metric in (("macro", f1_macro), ("micro", f1_micro)):
        expected = f1_score(
            true.astype(int), predicted.astype(int), average=average, zero_division=0
        )
        assert metric(predicted, true) == pytest.approx(expected, abs=1e-12)


@given(PAIRS)
def test_matching_is_the_largest_there_is(pair: tuple[Bits, Bits]) -> None:
    predicted, true = pair
    expected = 0
    for guess, truth in zip(predicted, true, strict=True):
        near = abs(np.flatnonzero(guess)[:, None] - np.flatnonzero(truth)) <= 1
        if near.size:
            expected += (maximum_bipartite_matching(csr_array(near)) >= 0).sum()
    assert n_matched_within_1_bin(predicted, true) == expected
    n_marks = predicted.sum() + true.sum()
    score = 2 * expected / n_marks if n_marks else 0
    assert f1_within_1_bin(predicted, true) == pytest.approx(score)


@given(PAIRS)
def test_scores_do_not_change_their_input_and_keep_their_order(pair: tuple[Bits, Bits]) -> None:
    predicted, true = (part.copy() for part in pair)
    scores = spectrum_scores(predicted, true)
    np.testing.assert_array_equal(predicted, pair[0])
    np.testing.assert_array_equal(true, pair[1])
    assert set(scores) == set(SPECTRUM_METRICS)
    assert all(0 <= score <= 1 for score in scores.values())
    # One bin of tolerance can only help, and rows may come in any order.
    assert scores["f1_within_1_bin"] >= scores["f1_micro"]
    assert spectrum_scores(predicted[::-1], true[::-1]) == pytest.approx(scores)


@pytest.mark.parametrize(
    ("predicted", "true", "n_matched"),
    [
        (["0100"], ["0010"], 1),
        (["0100"], ["0001"], 0),
        (["1000"], ["0100"], 1),
        (["0001"], ["0010"], 1),
        (["1000"], ["0001"], 0),  # The ends of the axis are not neighbours.
        (["0110"], ["0010"], 1),  # One true bit serves once.
        (["0110"], ["1001"], 2),
        (["1110"], ["0111"], 3),
        (["0010"], ["0101"], 1),
        (["0110"], ["1100"], 2),  # The exact hit is given up for two near ones.
        (["0110"], ["0011"], 2),
        (["0100", "0000"], ["0000", "0100"], 0),  # Spectra do not lend each other bits.
    ],
)
def test_matches_by_hand(predicted: list[str], true: list[str], n_matched: int) -> None:
    assert n_matched_within_1_bin(bits(*predicted), bits(*true)) == n_matched


def test_scores_by_hand() -> None:
    predicted, true = bits("1100", "1000"), bits("1010", "0001")
    # Bin 0: 1 hit of 2 predicted and 1 true; the other bins have no hit.
    assert spectrum_scores(predicted, true) == pytest.approx(
        {"f1_macro": (2 / 3) / 4, "f1_micro": 2 / 6, "f1_within_1_bin": 4 / 6}
    )


def test_perfect_and_empty_predictors() -> None:
    true = bits("1010", "0111")
    assert spectrum_scores(true, true) == {name: 1.0 for name in SPECTRUM_METRICS}
    nothing = np.zeros_like(true)
    assert spectrum_scores(nothing, true) == {name: 0.0 for name in SPECTRUM_METRICS}
    assert spectrum_scores(nothing, nothing) == {name: 0.0 for name in SPECTRUM_METRICS}
    # A bin that never fires scores 0 in the macro mean however right the silence is.
    assert f1_macro(bits("10"), bits("10")) == 0.5


def test_a_random_predictor_scores_as_chance_has_it() -> None:
    rng, p, q = np.random.default_rng(0), 0.1, 0.3
    true, predicted = (rng.uniform(size=(4000, 128)) < share for share in (p, q))
    scores = spectrum_scores(predicted, true)
    # A share p q of all bits is hit by chance, of p + q set ones; in every bin alike.
    assert scores["f1_micro"] == pytest.approx(2 * p * q / (p + q), abs=0.003)
    assert scores["f1_macro"] == pytest.approx(2 * p * q / (p + q), abs=0.003)
    # No more than twice the rarer kind of mark can be matched, however near.
    assert scores["f1_micro"] < scores["f1_within_1_bin"] < 2 * p / (p + q) + 0.003


def test_bit_counts_by_hand() -> None:
    predicted, true = bits("1101", "0001", "1111"), bits("0000", "1000", "0011")
    assert bit_counts(predicted, true) == pytest.approx(
        {
            "bits_predicted": 8 / 3,
            "bits_true": 1,
            "last_bin_predicted": 1,
            "last_bin_true": 1 / 3,
        }
    )


def test_a_bit_is_set_above_a_logit_of_0() -> None:
    logits = np.array([[-1.0, -1e-9, 0.0, 1e-9, 5.0]])
    assert to_bits(logits).tolist() == [[False, False, False, True, True]]


@given(CODES)
def test_constant_scores_are_those_of_the_repeated_set(codes: Bits) -> None:
    bins = {"f1_macro": [0, 5], "f1_micro": [], "f1_within_1_bin": [2]}
    expected = {
        name: metric(constant(bins[name], codes), codes)
        for name, metric in SPECTRUM_METRICS.items()
    }
    assert constant_scores(bins, codes) == expected


SUBSETS = [chosen for size in range(7) for chosen in combinations(range(6), size)]


@settings(max_examples=60)
@given(CODES)
def test_best_constants_for_macro_and_micro_are_best_of_all_sets(codes: Bits) -> None:
    found = constant_scores(best_constant_bins(codes), codes)
    for name in ("f1_macro", "f1_micro"):
        metric = SPECTRUM_METRICS[name]
        best = max(metric(constant(chosen, codes), codes) for chosen in SUBSETS)
        assert found[name] == pytest.approx(best, abs=1e-12)


@given(CODES)
def test_best_constant_within_a_bin_cannot_be_improved_by_one(codes: Bits) -> None:
    best = best_constant_bins(codes)
    chosen = set(best["f1_within_1_bin"])
    score = f1_within_1_bin(constant(sorted(chosen), codes), codes)
    for bin_ in range(6):
        changed = constant(sorted(chosen ^ {bin_}), codes)
        assert f1_within_1_bin(changed, codes) <= score + 1e-12


# Bins added one at a time from none end in {1, 4} here, which is worse than the micro set {2, 5}.
UPHILL_IS_NOT_ENOUGH = bits("00000100", "00100100", "01000100", "00010010", "00000100", "00100000")


@given(CODES)
@example(UPHILL_IS_NOT_ENOUGH)
def test_best_constant_within_a_bin_is_no_worse_than_the_micro_set(codes: Bits) -> None:
    best = best_constant_bins(codes)
    scores = [
        f1_within_1_bin(constant(best[name], codes), codes)
        for name in ("f1_within_1_bin", "f1_micro")
    ]
    assert scores[0] >= scores[1] - 1e-12


@given(CODES)
def test_best_constants_are_sorted_bins_as_plain_numbers(codes: Bits) -> None:
    for bins in best_constant_bins(codes).values():
        assert bins == sorted(set(bins))
        assert {type(bin_) for bin_ in bins} <= {int}
        assert set(bins) <= set(range(6))
