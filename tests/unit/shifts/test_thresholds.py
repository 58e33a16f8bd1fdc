"""Thresholds: what the grid says, and what it maximises."""

import numpy as np
import pytest

from nmrflow.metrics.spectrum import spectrum_scores
from nmrflow.shifts.thresholds import LEVELS, SLOPES, TARGETS, Thresholds, choose_thresholds

N_BINS = 12


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    frequency = np.linspace(0.02, 0.4, N_BINS)
    true = rng.random((200, N_BINS)) < frequency
    predicted = np.clip(0.6 * true * rng.random(true.shape) + frequency * 0.5, 0, 1)
    return predicted, true, true.mean(axis=0)


def worth(scores: dict[str, float]) -> float:
    return min(scores[name] / target for name, target in TARGETS.items())


def test_the_best_of_the_grid_is_chosen(
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    predicted, true, frequency = data
    chosen = choose_thresholds(predicted, true, frequency)
    assert chosen.scores == spectrum_scores(predicted > chosen.probabilities, true)
    relative = (frequency + 0.01) / (frequency.mean() + 0.01)
    for level in LEVELS[::3]:
        for slope in SLOPES[::3]:
            bits = predicted > np.clip(level * relative**slope, 0.01, 0.99)
            assert worth(spectrum_scores(bits, true)) <= worth(chosen.scores)
    expected = chosen.level * relative**chosen.slope
    np.testing.assert_allclose(chosen.probabilities, expected)


def test_targets_can_be_set(data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    micro = choose_thresholds(*data, targets={"f1_micro": 1.0})
    macro = choose_thresholds(*data, targets={"f1_macro": 1.0})
    assert micro.scores["f1_micro"] >= macro.scores["f1_micro"]
    assert macro.scores["f1_macro"] >= micro.scores["f1_macro"]


def test_a_logit_above_its_threshold_is_a_probability_above_it() -> None:
    thresholds = Thresholds(0.3, 0.1, np.array([0.01, 0.3, 0.5, 0.99]), {})
    np.testing.assert_allclose(1 / (1 + np.exp(-thresholds.logits)), thresholds.probabilities)


def test_bins_that_are_never_set_do_no_harm() -> None:
    predicted, true = np.full((3, N_BINS), 0.2), np.zeros((3, N_BINS), dtype=bool)
    chosen = choose_thresholds(predicted, true, np.zeros(N_BINS))
    assert np.isfinite(chosen.logits).all()
