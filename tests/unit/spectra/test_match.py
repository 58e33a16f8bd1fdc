"""Matching of carbons and peaks, against every way there is."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from nmrflow.errors import ShapeError
from nmrflow.spectra.match import UNMATCHED, match_peaks

FITS = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, max_side=4),
    # Whole numbers make ties; the others are log densities of any size.
    elements=st.integers(-3, 3).map(float) | st.floats(-1e4, 10),
)


def total(fit: NDArray[np.floating], peaks: tuple[int, ...]) -> float:
    return float(sum(fit[carbon, peak] for carbon, peak in enumerate(peaks)))


@given(FITS)
def test_first_as_many_peaks_as_possible_then_the_greatest_sum(fit: NDArray[np.float64]) -> None:
    n_carbons, n_peaks = fit.shape
    every = list(itertools.product(range(n_peaks), repeat=n_carbons))
    most = max(len(set(way)) for way in every)
    best = max(total(fit, way) for way in every if len(set(way)) == most)
    found = tuple(match_peaks(fit).tolist())
    assert len(set(found)) == most == min(fit.shape)
    assert total(fit, found) == pytest.approx(best, rel=1e-9, abs=1e-9)


@given(st.permutations(range(17)), st.integers(0, 1_000))
def test_peaks_where_they_are_expected_find_their_carbons(order: list[int], seed: int) -> None:
    shifts = np.random.default_rng(seed).uniform(0, 200, 17)
    fit = -np.abs(shifts[:, None] - shifts[order][None])
    np.testing.assert_array_equal(shifts[order][match_peaks(fit)], shifts)


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        ([[0.0, -9.0], [-1.0, -2.0], [-0.5, -7.0]], [0, 1, 0]),  # fewer peaks are shared
        ([[-1.0, 0.0, -2.0]], [1]),  # more peaks than carbons: some belong to none
        ([[0.0, -50.0], [-0.1, -900.0]], [1, 0]),  # no peak is left out while a carbon could
        ([[-5.0], [-6.0], [-7.0]], [0, 0, 0]),
        ([[0.0]], [0]),
    ],
)
def test_cases_that_can_be_checked_by_eye(fit: list[list[float]], expected: list[int]) -> None:
    found = match_peaks(np.array(fit))
    assert found.dtype == np.int64
    assert found.tolist() == expected


@pytest.mark.parametrize("n_carbons", [0, 1, 3])
def test_without_peaks_no_carbon_has_one(n_carbons: int) -> None:
    assert match_peaks(np.zeros((n_carbons, 0))).tolist() == [UNMATCHED] * n_carbons


def test_without_carbons_there_is_nothing_to_match() -> None:
    assert match_peaks(np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize(
    "fit",
    [np.zeros(3), np.zeros((2, 2, 2)), np.array(1.0), [[0.0, np.nan]], [[0.0], [-np.inf]]],
    ids=str,
)
def test_what_is_no_finite_matrix_is_refused(fit: NDArray[np.float64]) -> None:
    with pytest.raises(ShapeError, match="a finite matrix"):
        match_peaks(fit)
