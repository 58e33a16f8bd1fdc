"""Shifts, bins and codes: edges, round trips, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.errors import SpectrumError
from nmrflow.spectra.axis import ShiftAxis

AXIS = ShiftAxis()


@pytest.mark.parametrize(
    ("shift_ppm", "fine_bin"),
    [
        (0.0, 0),
        (-0.0, 0),
        (-3.0, 0),
        (-20.0, 0),
        (0.1, 0),
        (0.2, 1),
        (0.6, 3),
        (12.4, 62),
        (12.399, 61),
        (128.0, 640),
        (204.4, 1022),
        (204.59, 1022),
        (204.6, 1023),
        (204.8, 1023),
        (240.0, 1023),
        (260.0, 1023),
    ],
)
def test_edges_belong_to_the_bin_above(shift_ppm: float, fine_bin: int) -> None:
    assert AXIS.to_fine_bins([shift_ppm]).tolist() == [fine_bin]


@pytest.mark.parametrize("tenths", [1, 2])
def test_every_edge_as_written_in_a_peak_list(tenths: int) -> None:
    """Every multiple of a tenth of a ppm that a peak list may hold, without a slip."""
    counts = np.arange(0, 2046, tenths)
    shifts = [float(f"{count // 10}.{count % 10}") for count in counts]
    assert AXIS.to_fine_bins(shifts).tolist() == (counts // 2).tolist()


@given(st.floats(0, 204.8, exclude_max=True))
def test_bin_centre_is_within_half_a_width(shift_ppm: float) -> None:
    bins = AXIS.to_fine_bins([shift_ppm])
    (centre,) = AXIS.fine_centres_ppm(bins)
    assert abs(centre - shift_ppm) <= AXIS.fine_width_ppm / 2 + 1e-6


@given(st.integers(0, 1023))
def test_bin_of_its_centre_is_the_bin(fine_bin: int) -> None:
    assert AXIS.to_fine_bins(AXIS.fine_centres_ppm([fine_bin])).tolist() == [fine_bin]


@given(st.lists(st.floats(-20, 260), max_size=20))
def test_bins_keep_order_and_number(shifts: list[float]) -> None:
    bins = AXIS.to_fine_bins(shifts)
    assert bins.shape == (len(shifts),)
    assert bins.tolist() == [AXIS.to_fine_bins([shift]).item() for shift in shifts]
    in_order = np.argsort(shifts, kind="stable")
    assert (np.diff(bins[in_order]) >= 0).all()


@pytest.mark.parametrize("shift_ppm", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused(shift_ppm: float) -> None:
    with pytest.raises(SpectrumError, match="finite"):
        AXIS.to_fine_bins([20.0, shift_ppm])
    with pytest.raises(SpectrumError, match="finite"):
        AXIS.code_from_shifts([shift_ppm])


@pytest.mark.parametrize("shift_ppm", [-20.01, -1e9, 260.01, 276.9, 1e300])
def test_what_is_no_13c_shift_is_refused(shift_ppm: float) -> None:
    with pytest.raises(SpectrumError, match="outside -20 to 260"):
        AXIS.to_fine_bins([shift_ppm])


@given(st.sets(st.integers(0, 1023)))
def test_a_code_bit_is_any_of_its_eight_fine_bins(fine_bins: set[int]) -> None:
    code = AXIS.code_from_fine(fine_bins)
    assert code.dtype == np.uint8
    expected = [any(8 * b <= fine < 8 * b + 8 for fine in fine_bins) for b in range(128)]
    assert code.tolist() == expected


@given(st.lists(st.floats(-20, 260), max_size=20))
def test_code_of_shifts_is_code_of_their_bins(shifts: list[float]) -> None:
    code = AXIS.code_from_shifts(shifts)
    np.testing.assert_array_equal(code, AXIS.code_from_fine(AXIS.to_fine_bins(shifts)))
    assert code.any() == bool(shifts)


def test_code_by_hand() -> None:
    # 1.6 ppm a bit: 1.5 in the first, 1.6 in the second, 128.4 in the 81st.
    assert np.flatnonzero(AXIS.code_from_shifts([128.4, 1.5, 1.6, 1.7])).tolist() == [0, 1, 80]
    assert AXIS.bin_width_ppm == pytest.approx(1.6)
    assert AXIS.centres_ppm()[[0, 80, 127]] == pytest.approx([0.8, 128.8, 204.0])
    assert AXIS.centres_ppm().shape == (128,)


@pytest.mark.parametrize("fine_bins", [[-1], [0, 1024], [5000]])
def test_bins_outside_the_axis_are_refused(fine_bins: list[int]) -> None:
    with pytest.raises(SpectrumError, match="outside"):
        AXIS.code_from_fine(fine_bins)


def test_shifts_off_the_scale_are_counted() -> None:
    assert AXIS.n_off_scale([]) == 0
    assert AXIS.n_off_scale([0.0, 12.4, 204.79]) == 0
    assert AXIS.n_off_scale([-0.1, -3.0, 204.81, 240.0, 100.0]) == 4


def test_bins_that_code_bits_cannot_share_are_refused() -> None:
    for n_bins in (100, 2048):
        with pytest.raises(SpectrumError, match="evenly"):
            ShiftAxis(n_bins=n_bins)


@pytest.mark.parametrize(
    "numbers",
    [{"n_bins": 0}, {"n_bins": -128}, {"n_fine_bins": 0}, {"fine_width_ppm": 0.0}],
)
def test_numbers_that_make_no_axis_are_refused(numbers: dict) -> None:
    with pytest.raises(SpectrumError, match="positive"):
        ShiftAxis(**numbers)


def test_another_axis_has_its_own_numbers() -> None:
    coarse = ShiftAxis(fine_width_ppm=1.0, n_fine_bins=240, n_bins=60)
    assert coarse.to_fine_bins([0.99, 1.0, 239.0, 250.0]).tolist() == [0, 1, 239, 239]
    assert coarse.n_fine_per_bin == 4
    assert np.flatnonzero(coarse.code_from_shifts([3.9, 4.0, 250.0])).tolist() == [0, 1, 59]
    assert coarse.n_off_scale([239.9, 240.0]) == 1
