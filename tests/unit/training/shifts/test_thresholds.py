"""Thresholds: what the grid says, what it maximises, and what theory says of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.metrics.spectrum import f1_macro, spectrum_scores
from nmrflow.training.shifts.thresholds import (
    SHARES,
    SLOPES,
    TARGETS,
    Thresholds,
    choose_thresholds,
    expected_f1,
)

N_BINS = 12

Cases = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def data() -> Cases:
    rng = np.random.default_rng(0)
    frequency = np.linspace(0.02, 0.4, N_BINS)
    true = rng.random((200, N_BINS)) < frequency
    predicted = np.clip(0.6 * true * rng.random(true.shape) + frequency * 0.5, 0, 1)
    return predicted, true, np.arange(200) % 3


def worth(bits: np.ndarray, true: np.ndarray, group: np.ndarray) -> float:
    each = [spectrum_scores(bits[group == g], true[group == g]) for g in range(3)]
    return min(np.mean([s[name] for s in each]) / target for name, target in TARGETS.items())


def test_the_best_of_the_grid_is_chosen(data: Cases) -> None:
    predicted, true, group = data
    chosen = choose_thresholds(predicted, true, group)
    reached = worth(predicted > chosen.probabilities, true, group)
    assert reached == pytest.approx(min(chosen.scores[n] / t for n, t in TARGETS.items()))
    best_f1 = expected_f1(predicted)
    relative = best_f1 / best_f1.mean()
    for share in SHARES[::3]:
        for slope in SLOPES[::3]:
            at = np.clip(share * best_f1.mean() * relative**slope, 0.01, 0.99)
            assert worth(predicted > at, true, group) <= reached
    expected = chosen.share * best_f1.mean() * relative**chosen.slope
    np.testing.assert_allclose(chosen.probabilities, expected)


def test_scores_are_means_over_groups(data: Cases) -> None:
    predicted, true, group = data
    chosen = choose_thresholds(predicted, true, group, targets={"f1_macro": 1.0})
    bits = predicted > chosen.probabilities
    means = np.mean([f1_macro(bits[group == g], true[group == g]) for g in range(3)])
    assert chosen.scores["f1_macro"] == pytest.approx(means)
    assert chosen.scores["f1_macro"] != pytest.approx(f1_macro(bits, true))


def test_targets_can_be_set(data: Cases) -> None:
    micro = choose_thresholds(*data, targets={"f1_micro": 1.0})
    macro = choose_thresholds(*data, targets={"f1_macro": 1.0})
    assert micro.scores["f1_micro"] >= macro.scores["f1_micro"]
    assert macro.scores["f1_macro"] >= micro.scores["f1_macro"]


@given(st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=30))
def test_half_the_expected_f1_is_the_best_threshold(probabilities: list[float]) -> None:
    """Lipton and others: setting what is above F / 2 reaches F, and nothing reaches more."""
    predicted = np.array(probabilities)[:, None]
    (best,) = expected_f1(predicted)

    def reached(threshold: float) -> float:
        bits = predicted[:, 0] > threshold
        return 2 * predicted[bits, 0].sum() / (bits.sum() + predicted.sum())

    assert reached(np.nextafter(best / 2, 0)) == pytest.approx(best)
    for threshold in probabilities:
        assert reached(threshold) <= best + 1e-12


def test_certain_probabilities_promise_what_they_keep() -> None:
    true = np.eye(5, dtype=bool)
    assert expected_f1(true.astype(float)).tolist() == [1.0] * 5


def test_a_logit_above_its_threshold_is_a_probability_above_it() -> None:
    thresholds = Thresholds(0.5, 1.0, np.array([0.01, 0.3, 0.5, 0.99]), {})
    np.testing.assert_allclose(1 / (1 + np.exp(-thresholds.logits)), thresholds.probabilities)


def test_bins_that_are_hardly_ever_set_do_no_harm() -> None:
    predicted, true = np.full((3, N_BINS), 1e-4), np.zeros((3, N_BINS), dtype=bool)
    chosen = choose_thresholds(predicted, true, np.zeros(3, dtype=int))
    assert np.isfinite(chosen.logits).all()
