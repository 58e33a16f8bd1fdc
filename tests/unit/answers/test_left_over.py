"""A spectrum with a peak too many, or one too few, fits no better than the whole one."""

from collections.abc import Callable

from hypothesis import assume, given
from hypothesis import strategies as st

from nmrflow.answers.evidence import evidence_of_fit
from nmrflow.answers.fit import TOLERANCE_PPM, Fit, fit
from nmrflow.answers.left_over import readings
from nmrflow.model.calibration import Logistic
from nmrflow.model.results import PredictedShifts
from nmrflow.spectra.peaks import Peak, PeakList

Shifts = Callable[..., PredictedShifts]

# As calibrations are: what is further off, or less dense, speaks against a structure.
CALIBRATED = Logistic(3.0, {"tension": -2.0, "density": 0.5, "worst": -1.0})
PENTENE = "C=CCCC"
SCALE_PPM = 1.0  # 19 of 20 peaks lie within 3.0 ppm.
deviations = st.lists(st.floats(-3.0, 3.0), min_size=5, max_size=5)
crowded = st.lists(st.floats(10.0, 60.0), min_size=5, max_size=5, unique=True)


def peak_list(*shifts_ppm: float) -> PeakList:
    return PeakList(tuple(map(Peak, shifts_ppm)))


def least(shifts: PredictedShifts, peaks: PeakList) -> float:
    every = (fit(shifts, peaks), *readings(shifts, peaks))
    return min(CALIBRATED(evidence_of_fit(one)) for one in every)


def likely(found: Fit) -> float:
    return CALIBRATED(evidence_of_fit(found))


@given(crowded, deviations, st.floats(0.0, 200.0))
def test_a_peak_more_makes_nothing_likelier(
    shifts_by_hand: Shifts, predicted: list[float], away: list[float], extra: float
) -> None:
    shifts = shifts_by_hand(PENTENE, predicted, scale_ppm=SCALE_PPM)
    own = [ppm + by for ppm, by in zip(predicted, away, strict=True)]
    assume(extra not in own)
    clean = fit(shifts, peak_list(*own))
    assert not clean.unseen
    assert least(shifts, peak_list(*own, extra)) <= likely(clean)


@given(deviations, st.integers(0, 4))
def test_a_peak_less_makes_nothing_likelier(
    shifts_by_hand: Shifts, away: list[float], gone: int
) -> None:
    predicted = [115.0, 138.0, 36.0, 22.0, 13.0]  # No carbon's peak can be another's.
    shifts = shifts_by_hand(PENTENE, predicted, scale_ppm=SCALE_PPM)
    own = [ppm + by for ppm, by in zip(predicted, [0.98 * by for by in away], strict=True)]
    clean = fit(shifts, peak_list(*own))
    assert least(shifts, peak_list(*own[:gone], *own[gone + 1 :])) <= likely(clean)


def test_where_nothing_is_left_over_there_is_one_reading(shifts_by_hand: Shifts) -> None:
    assert not readings(shifts_by_hand("CCC", (20.0, 30.0, 20.0)), peak_list(31.0, 50.0))


def test_what_a_carbon_needs_is_not_too_many(shifts_by_hand: Shifts) -> None:
    """Of an impurity far from all carbons nothing follows but that it is there."""
    shifts = shifts_by_hand(PENTENE, [115.0, 138.0, 36.0, 22.0, 13.0])
    own = (115.5, 137.0, 36.2, 22.9, 13.1)
    (only,) = readings(shifts, peak_list(*own, 77.0))
    assert only.peaks == peak_list(*own)


def test_a_peak_that_is_missing_may_be_that_of_each_carbon_that_shares_one(
    shifts_by_hand: Shifts,
) -> None:
    shifts = shifts_by_hand(PENTENE, [115.0, 138.0, 36.0, 22.0, 21.0])
    found = readings(shifts, peak_list(115.0, 138.0, 36.0, 21.5))
    added = {one.peaks.peaks[-1].shift_ppm for one in found}
    assert len(added) == 4
    assert all(21.0 - 5 * TOLERANCE_PPM < ppm < 22.0 + 5 * TOLERANCE_PPM for ppm in added)


def test_of_far_too_many_peaks_some_are_taken_away(shifts_by_hand: Shifts) -> None:
    shifts = shifts_by_hand("CCC", (16.0, 20.0, 16.0))
    peaks = peak_list(*(float(ppm) for ppm in range(10, 70)))
    assert least(shifts, peaks) <= likely(fit(shifts, peaks))
