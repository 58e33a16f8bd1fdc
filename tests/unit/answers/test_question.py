"""How a peak list becomes a question."""

from typing import Any

import pytest

from nmrflow.answers.question import ask, remarks_on
from nmrflow.chem.codecs.published import HYDROCARBONS
from nmrflow.chem.domain import Domain
from nmrflow.errors import SpectrumError, StructureError
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Question

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
    question = ask(given, AXIS, formula="C7H8")
    assert question.shifts_ppm == (137.9, 21.5)
    assert question.formula == "C7H8"
    assert question.left_out == remarks_on(question) == ()


def test_a_question_stays_what_it_is() -> None:
    question = ask([77.16, 21.5], AXIS, keeps_solvent=True)
    assert ask(question, AXIS) == question
    told = ask(question, AXIS, formula="C7H8")
    assert (told.shifts_ppm, told.formula) == ((77.16, 21.5), "C7H8")


def test_what_is_said_of_peaks_is_kept() -> None:
    question = ask("13C NMR (101 MHz, CDCl3) δ 128.7 (2C, CH), 77.0, 21.3 (CH3).", AXIS)
    assert question.peaks.peaks == (Peak(128.7, "D", 2), Peak(21.3, "Q"))
    assert question.peaks.metadata["solvent"] == "CDCl3"
    assert remarks_on(question)[0] == "Left out: 77 ppm (CDCl3)."
    assert "may also be the compound's: 77 ppm (CDCl3); --keep-solvent" in remarks_on(question)[1]


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
    "formula", ["C7H9", "C18H38", "CH4", "C6H6O", "toluene", "", "C7H40", "C07H8"]
)
def test_formulas_of_no_known_hydrocarbon_are_refused(formula: str) -> None:
    with pytest.raises(StructureError, match="formula"):
        ask([20.0], AXIS, formula=formula, domain=HYDROCARBONS)


@pytest.mark.parametrize("formula", ["toluene", "", "C07H8", "C7H8C", "C7H8+"])
def test_what_is_no_formula_is_refused_whatever_is_known(formula: str) -> None:
    with pytest.raises(StructureError, match="formula"):
        ask([20.0], AXIS, formula=formula)


def test_a_domain_says_which_formulas_make_sense() -> None:
    known = Domain([["C", 0, 4], ["O", 0, 2]], max_atoms=9)
    assert ask([20.0], AXIS, formula="C6H6O", domain=known).formula == "C6H6O"
    for formula in ("C6H7O", "C6H7N", "C9H20O"):
        with pytest.raises(StructureError, match=formula):
            ask([20.0], AXIS, formula=formula, domain=known)
    assert ask([20.0], AXIS, formula="C6H7N").formula == "C6H7N"


@pytest.mark.parametrize(
    ("given", "formula"), [("H8C7", "C7H8"), ("OC2H6", "C2H6O"), ("C1H4", "CH4"), ("BrH", "BrH")]
)
def test_formulas_are_kept_in_hill_order(given: str, formula: str) -> None:
    assert ask([20.0], AXIS, formula=given).formula == formula


def test_a_question_is_of_the_nucleus_of_the_axis() -> None:
    assert ask([20.0], AXIS).nucleus == AXIS.nucleus


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
        ([10.0, 20.0, 30.0], "C3H8O", False),
    ],
)
def test_more_peaks_than_carbons_are_remarked(
    shifts_ppm: list[float], formula: str | None, is_remarked: bool
) -> None:
    remarks = remarks_on(ask(shifts_ppm, AXIS, formula=formula))
    wanted = "3 peaks are more than the 2 carbons of C2H6: some are not the compound's."
    assert (wanted in remarks) == is_remarked


def test_a_question_may_be_put_together_by_hand() -> None:
    assert Question(PeakList((Peak(77.16),))).shifts_ppm == (77.16,)


def test_a_shift_listed_for_each_carbon_is_one_peak() -> None:
    question = ask("141.6, 128.5, 22.4 (CH3), 22.4 (CH3), 128.5, 22.4", AXIS)
    assert question.shifts_ppm == (141.6, 128.5, 22.4, 22.4)
    assert [peak.n_carbons for peak in question.peaks.peaks] == [None, 2, 2, None]
    assert question.peaks.peaks[2].multiplicity == "Q"


def test_only_atoms_of_the_nucleus_have_peaks() -> None:
    (said,) = remarks_on(ask([10.0, 20.0, 30.0], AXIS, formula="C2H6O"))
    assert said.startswith("3 peaks are more than the 2 carbons of C2H6O:")
    (said,) = remarks_on(ask([10.0], AXIS, formula="H2O"))
    assert said.startswith("1 peaks are more than the 0 carbons of H2O:")


SIX = "132.2, 128.8, 128.4, 122.2, 83.7, 77.2"


def test_a_single_line_in_the_solvents_place_has_two_readings() -> None:
    published = ask(f"13C NMR (101 MHz, CDCl3) δ {SIX}.", AXIS)
    assert len(published.peaks.peaks) == 6
    assert "taken for the compound's" in published.peaks.remarks[0]
    assert published.other_reading is not None
    assert [line.peak.shift_ppm for line in published.other_reading.left_out] == [77.2]
    listed = ask(f"# solvent=CDCl3\n{SIX}", AXIS)
    assert len(listed.peaks.peaks) == 5
    assert listed.other_reading is not None
    assert len(listed.other_reading.peaks.peaks) == 6
    told = ask(listed, AXIS, formula="C8H6")
    assert told.other_reading is not None
    assert told.formula == told.other_reading.formula == "C8H6"


def test_a_line_that_the_formula_needs_is_the_compounds() -> None:
    needed = ask(f"# solvent=CDCl3\n{SIX}", AXIS, formula="C6H12")
    assert len(needed.peaks.peaks) == 6
    assert (needed.left_out, needed.other_reading) == ((), None)
    certain = ask(f"# solvent=CDCl3\n{SIX}, 77.52, 76.88", AXIS, formula="C8H6")
    assert certain.other_reading is None
