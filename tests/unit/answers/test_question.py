"""How a peak list becomes a question."""

from typing import Any

import pytest

from nmrflow.answers.question import Query, ask
from nmrflow.errors import SpectrumError, StructureError
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList

AXIS = ShiftAxis()


@pytest.mark.parametrize(
    "given",
    [
        "137.9, 21.5",
        "13C NMR (101 MHz) δ 137.9, 21.5.",
        [137.9, 21.5],
        (137.9, 21.5),
        PeakList((Peak(137.9), Peak(21.5))),
    ],
    ids=lambda given: type(given).__name__,
)
def test_text_numbers_and_peak_lists_ask_the_same(given: Any) -> None:
    query = ask(given, AXIS, formula="C7H8")
    assert query.shifts_ppm == (137.9, 21.5)
    assert query.formula == "C7H8"
    assert query.left_out == query.remarks == ()


def test_a_question_stays_what_it_is() -> None:
    query = ask([77.16, 21.5], AXIS, keeps_solvent=True)
    assert ask(query, AXIS) == query
    told = ask(query, AXIS, formula="C7H8")
    assert (told.shifts_ppm, told.formula) == ((77.16, 21.5), "C7H8")


def test_what_is_said_of_peaks_is_kept() -> None:
    query = ask("13C NMR (101 MHz, CDCl3) δ 128.7 (2C, CH), 77.0, 21.3 (CH3).", AXIS)
    assert query.peaks.peaks == (Peak(128.7, "D", 2), Peak(21.3, "Q"))
    assert query.peaks.metadata["solvent"] == "CDCl3"
    assert query.remarks == ("Left out: 77 ppm (CDCl3).",)


def test_lines_of_the_solvent_are_kept_on_demand() -> None:
    assert ask("21.5, 77.16, 0.0", AXIS).shifts_ppm == (21.5,)
    kept = ask("21.5, 77.16, 0.0", AXIS, keeps_solvent=True)
    assert kept.shifts_ppm == (21.5, 77.16, 0.0)
    assert kept.left_out == ()


def test_a_list_of_nothing_but_solvent_is_refused() -> None:
    with pytest.raises(SpectrumError, match=r"nothing but .*77\.16 ppm \(CDCl3\), 0 ppm \(TMS\)"):
        ask([77.16, 0.0], AXIS)


@pytest.mark.parametrize("shift_ppm", [-21.0, 261.0, float("nan"), float("inf")])
@pytest.mark.parametrize("as_list", [False, True])
def test_numbers_that_are_no_shifts_are_refused(shift_ppm: float, as_list: bool) -> None:
    peaks = PeakList((Peak(20.0), Peak(shift_ppm)))
    with pytest.raises(SpectrumError, match="shift"):
        ask(peaks if as_list else peaks.shifts_ppm, AXIS)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "holds no shift"),
        ([], "at least one peak"),
        ("twenty", "line 1: 'twenty' is not a shift"),
        ("20.0\n300", "line 2: '300' is no 13C shift"),
    ],
)
def test_what_is_no_peak_list_is_refused(given: Any, reason: str) -> None:
    with pytest.raises(SpectrumError, match=reason):
        ask(given, AXIS)


@pytest.mark.parametrize(
    "formula", ["C7H9", "C18H38", "CH4", "C6H6O", "toluene", "", "c7h8", "C7H40", "C07H8"]
)
def test_formulas_of_no_known_hydrocarbon_are_refused(formula: str) -> None:
    with pytest.raises(StructureError, match="formula"):
        ask([20.0], AXIS, formula=formula)


def test_blanks_around_a_formula_do_not_matter() -> None:
    assert ask([20.0], AXIS, formula=" C7H8\n").formula == "C7H8"


@pytest.mark.parametrize(
    ("shifts_ppm", "formula", "is_remarked"),
    [
        ([10.0, 20.0, 30.0], "C2H6", True),
        ([10.0, 20.0], "C2H6", False),
        ([10.0, 20.0, 20.0, 10.0], "C2H6", False),  # listed twice
        ([10.0, 20.0, 77.16], "C2H6", False),  # the third is the solvent's
        ([10.0, 20.0, 30.0], None, False),
    ],
)
def test_more_peaks_than_carbons_are_remarked(
    shifts_ppm: list[float], formula: str | None, is_remarked: bool
) -> None:
    remarks = ask(shifts_ppm, AXIS, formula=formula).remarks
    wanted = "3 peaks are more than the 2 carbons of C2H6: some are not the compound's."
    assert (wanted in remarks) == is_remarked


def test_a_question_may_be_put_together_by_hand() -> None:
    assert Query(PeakList((Peak(77.16),))).shifts_ppm == (77.16,)


def test_a_shift_listed_for_each_carbon_is_one_peak() -> None:
    query = ask("141.6, 128.5, 22.4 (CH3), 22.4 (CH3), 128.5, 22.4", AXIS)
    assert query.shifts_ppm == (141.6, 128.5, 22.4, 22.4)
    assert [peak.n_carbons for peak in query.peaks.peaks] == [None, 2, 2, None]
    assert query.peaks.peaks[2].multiplicity == "Q"
