"""Bins of unequal width: where they lie, what falls into them, and shifts as whole numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.errors import SpectrumError
from nmrflow.spectra.adaptive_axis import AdaptiveAxis, adaptive_edges
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.places import HUNDREDTHS, NO_PLACE, ORIGIN_PPM, places_of

EDGES = [0, 60, 64, 70, 200, 600, 2400]
AXIS = AdaptiveAxis(EDGES, start_ppm=-10.0)
SHIFTS = st.lists(st.integers(-2000, 25_000), min_size=1, max_size=40)
"""In hundredths of a ppm."""


@given(shifts=SHIFTS)
def test_code_and_coarsened_fine_code_say_the_same(shifts: list[int]) -> None:
    ppm = [shift / 100 for shift in shifts]
    fine = AXIS.to_fine_bins(ppm)
    assert ((fine >= 0) & (fine < 2400)).all()
    code = AXIS.code_from_shifts(ppm)
    fine_code = np.zeros((1, AXIS.n_fine_bins), dtype=bool)
    fine_code[0, fine] = True
    np.testing.assert_array_equal(AXIS.coarsen(fine_code)[0], code.astype(bool))
    # Each shift lies between the edges of its bin; the end bins are open.
    bins = np.searchsorted(AXIS.bin_edges_ppm(), np.array(ppm) + 1e-6, side="right")
    assert set(np.flatnonzero(code)) == set(bins)


@given(shifts=SHIFTS)
def test_with_even_edges_it_is_the_axis_of_even_bins(shifts: list[int]) -> None:
    even = ShiftAxis(fine_width_ppm=0.1, n_fine_bins=2400, n_bins=150, start_ppm=-10.0)
    own = AdaptiveAxis(range(0, 2401, 16), start_ppm=-10.0)
    ppm = [shift / 100 for shift in shifts]
    np.testing.assert_array_equal(own.code_from_shifts(ppm), even.code_from_shifts(ppm))
    np.testing.assert_allclose(own.bin_edges_ppm(), even.bin_edges_ppm())
    np.testing.assert_allclose(own.centres_ppm(), even.centres_ppm())
    assert own.bin_width_ppm == pytest.approx(even.bin_width_ppm)
    assert own.n_off_scale(ppm) == even.n_off_scale(ppm)


def test_centres_and_widths_by_hand() -> None:
    assert AXIS.n_bins == 6
    assert AXIS.centres_ppm().tolist() == pytest.approx([-7.0, -3.8, -3.3, 3.5, 30.0, 140.0])
    assert AXIS.bin_edges_ppm().tolist() == pytest.approx([-4.0, -3.6, -3.0, 10.0, 50.0])
    assert AXIS.code_from_shifts([-4.0, 49.99, 50.0]).tolist() == [0, 1, 0, 0, 1, 1]


@pytest.mark.parametrize("edges", [[], [0], [1, 5], [0, 5, 5], [0, 6, 5]], ids=str)
def test_edges_that_do_not_ascend_from_0_are_refused(edges: list[int]) -> None:
    with pytest.raises(SpectrumError, match="ascend from 0"):
        AdaptiveAxis(edges, start_ppm=0.0)


def test_widths_and_bins_that_cannot_be_are_refused() -> None:
    with pytest.raises(SpectrumError, match="positive width"):
        AdaptiveAxis([0, 1], start_ppm=0.0, fine_width_ppm=0.0)
    for outside in (-1, 2400):
        with pytest.raises(SpectrumError, match="outside 0"):
            AXIS.code_from_fine([outside])


@given(seed=st.integers(0, 2**31), n_bins=st.integers(45, 200))
def test_bins_are_no_narrower_and_no_wider_than_they_may(seed: int, n_bins: int) -> None:
    random = np.random.default_rng(seed)
    shifts = np.concatenate([random.normal(128, 6, 500), random.normal(30, 12, 300)])
    limits = {"low_ppm": -10.0, "high_ppm": 230.0, "narrowest_ppm": 0.4, "widest_ppm": 6.0}
    edges = adaptive_edges(shifts, n_bins, **limits)
    widths = np.diff(edges)
    assert edges[0] == 0
    assert edges[-1] == 2400
    assert widths.min() >= 4
    assert (widths[:-1] <= 60).all()
    assert widths[-1] < 60 + 4  # It takes what would be too narrow for one more.
    assert len(widths) <= n_bins
    axis = AdaptiveAxis(edges, start_ppm=-10.0)
    # They are narrow where shifts lie dense.
    at = np.searchsorted(axis.bin_edges_ppm(), [128.0, 220.0])
    assert widths[at[0]] < widths[at[1]]


def test_bins_hold_equal_numbers_where_shifts_are_even() -> None:
    edges = adaptive_edges(
        np.arange(0.05, 100, 0.1), 20, low_ppm=0, high_ppm=100, narrowest_ppm=1, widest_ppm=50
    )
    assert set(np.diff(edges)) == {50}


def test_places_are_hundredths_of_a_ppm() -> None:
    assert places_of([ORIGIN_PPM, -399.99, 0.0, 128.37]).tolist() == [0, 1, 40_000, 52_837]
    assert places_of(np.array([20.004, 20.006], np.float32)).tolist() == [42_000, 42_001]
    assert places_of([]).tolist() == []
    top = ORIGIN_PPM + (NO_PLACE - 1) / HUNDREDTHS
    assert places_of([top]).tolist() == [NO_PLACE - 1]
    for outside in (ORIGIN_PPM - 0.01, top + 0.01, float("nan"), float("inf")):
        with pytest.raises(SpectrumError, match=r"outside -400 to 255\.34 ppm"):
            places_of([20.0, outside])
