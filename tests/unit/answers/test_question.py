"""How a peak list becomes a question."""

from typing import Any

import pytest

from nmrflow.answers.question import SOLVENT_ODDS, ask, best_reading
from nmrflow.answers.sentences import remarks_on
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
    assert remarks_on(question) == ("Left out: 77 ppm (CDCl3); --keep-solvent keeps it.",)


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


# Lines at the solvent's place that may be the compound's.


def likes(*shifts_ppm: float, by: float = SOLVENT_ODDS + 0.1) -> Any:
    """Answers with the shifts, and finds them better for each of these."""
    return lambda question: (
        question.shifts_ppm,
        by * sum(s in question.shifts_ppm for s in shifts_ppm),
    )


def test_a_line_is_kept_where_the_answer_is_much_better() -> None:
    question = ask("137.9, 77.16, 21.5, 0.0", AXIS)
    kept, found = best_reading(question, 17, likes(77.16))
    assert found == kept.shifts_ppm == (137.9, 77.16, 21.5)  # in the order of such a list
    assert [str(line) for line in kept.left_out] == ["0 ppm (TMS)"]
    assert remarks_on(kept) == (
        "Left out: 0 ppm (TMS); --keep-solvent keeps it.",
        "Kept: 77.16 ppm, where CDCl3 has a line too; taken for the compound's.",
    )
    rising, _ = best_reading(ask("0.0, 21.5, 77.16, 137.9", AXIS), 17, likes(0.0, 77.16))
    assert rising.shifts_ppm == (0.0, 21.5, 77.16, 137.9)
    assert rising.left_out == ()


@pytest.mark.parametrize(
    ("peaks", "max_atoms", "formula", "by"),
    [
        ("137.9, 77.16, 21.5", 17, None, SOLVENT_ODDS),  # no better than that
        ("137.9, 77.48, 77.16, 76.84, 21.5", 17, None, 9.0),  # a triplet
        ("137.9, 77.16 (CDCl3), 21.5", 17, None, 9.0),  # somebody said so
        ("137.9, 77.16, 21.5", 2, None, 9.0),  # no molecule has so many carbons
        ("137.9, 77.16, 21.5", 17, "C2H4", 9.0),
    ],
)
def test_else_it_stays_the_solvents(
    peaks: str, max_atoms: int, formula: str | None, by: float
) -> None:
    question = ask(peaks, AXIS, formula=formula)
    assert question.left_out
    assert best_reading(question, max_atoms, likes(77.16, by=by))[0] == question


SIX = "132.2, 128.8, 128.4, 122.2, 83.7, 77.2"


def test_a_single_line_in_the_solvents_place_has_two_readings() -> None:
    published = ask(f"13C NMR (101 MHz, CDCl3) δ {SIX}.", AXIS)
    assert len(published.peaks.peaks) == 6
    assert [str(line) for line in published.kept] == ["77.2 ppm (CDCl3)"]
    assert remarks_on(published)[0].startswith("Kept: 77.2 ppm, where CDCl3 has a line too")
    assert best_reading(published, 17, likes(77.2))[0] == published
    dislikes = likes(77.2, by=-SOLVENT_ODDS - 0.1)
    few, found = best_reading(published, 17, dislikes)
    assert found == few.shifts_ppm == (132.2, 128.8, 128.4, 122.2, 83.7)
    assert ([str(line) for line in few.left_out], few.kept) == (["77.2 ppm (CDCl3)"], ())
    listed = ask(f"# solvent=CDCl3\n{SIX}", AXIS)
    assert len(listed.peaks.peaks) == 5
    assert len(ask(listed, AXIS, formula="C8H6").peaks.peaks) == 5


def test_a_line_that_the_formula_needs_is_the_compounds() -> None:
    for needed in (
        ask(f"# solvent=CDCl3\n{SIX}", AXIS, formula="C6H12"),
        ask(ask(f"# solvent=CDCl3\n{SIX}", AXIS), AXIS, formula="C6H12"),
    ):
        assert needed.shifts_ppm == (132.2, 128.8, 128.4, 122.2, 83.7, 77.2)
        assert needed.left_out == ()
        assert best_reading(needed, 17, likes(77.2, by=-9.0))[0] == needed
    triplet = ask(f"# solvent=CDCl3\n{SIX}, 77.52, 76.88", AXIS, formula="C8H6")
    assert len(triplet.left_out) == 3
