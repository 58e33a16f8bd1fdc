"""Scores of shifts, on predictors for which the answer is known."""

import numpy as np
import pytest

from nmrflow.metrics.shifts import coverage, coverage_by_kind, error_scores

TRUE = np.array([10.0, 20.0, 30.0, 130.0])


def test_a_perfect_predictor_has_no_error() -> None:
    assert error_scores(TRUE, TRUE) == {
        "mean_error_ppm": 0.0,
        "median_error_ppm": 0.0,
        "within_2_ppm": 1.0,
    }


def test_errors_are_absolute_and_two_ppm_counts_as_within() -> None:
    found = error_scores(TRUE + np.array([2.0, -2.0, 1.0, -7.0]), TRUE)
    assert found == {"mean_error_ppm": 3.0, "median_error_ppm": 2.0, "within_2_ppm": 0.75}


def test_intervals_of_a_known_distribution_cover_their_share() -> None:
    drawn = np.random.default_rng(0).uniform(size=100_000)
    low, high = np.full(100_000, 0.05), np.full(100_000, 0.95)
    assert coverage(low, high, drawn) == pytest.approx(0.9, abs=0.005)
    kinds = np.where(drawn < 0.5, "low", "high")
    by_kind = coverage_by_kind(low, high, drawn, kinds)
    assert by_kind.keys() == {"low", "high"}
    assert by_kind["low"] == pytest.approx(0.9, abs=0.01)
    assert coverage(low, low, drawn) == 0.0
