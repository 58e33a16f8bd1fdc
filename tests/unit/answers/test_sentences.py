"""What is said of how far to trust an answer."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from nmrflow.answers.candidates import Candidate
from nmrflow.answers.elucidation import Elucidation, Ranking
from nmrflow.answers.fit import fit
from nmrflow.answers.sentences import say_trust
from nmrflow.model.results import PredictedShifts
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Question

PEAKS = PeakList((Peak(6.5),))


@pytest.fixture
def candidates(
    shifts_by_hand: Callable[..., PredictedShifts],
) -> Callable[..., tuple[Candidate, ...]]:
    found = fit(shifts_by_hand("CC", (7.0, 7.0)), PEAKS)

    def make(*probabilities: float | None) -> tuple[Candidate, ...]:
        return tuple(
            Candidate(found.prediction.structure, -2.0, -1.0, found, -3.0, probability=p)
            for p in probabilities
        )

    return make


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ((0.2, 0.5), "among these candidates with a probability of 50 %, as calibrated"),
        ((0.834,), "among this candidate with a probability of 83 %,"),
        ((0.0,), "with a probability below 1 %,"),
        ((0.2, 0.999), "with a probability above 99 %,"),
        ((None, None), "has no calibration"),
        ((), "No draw was a molecule, or none of the formula"),
    ],
)
def test_an_elucidation_says_its_probability(
    probabilities: tuple[float | None, ...],
    expected: str,
    candidates: Callable[..., tuple[Candidate, ...]],
) -> None:
    shown = candidates(*probabilities)
    said = say_trust(Elucidation(Question(PEAKS), shown, len(shown), 10, 0, 0))
    assert expected in said
    assert said.endswith(".")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("none_fits", "probability", "expected"),
    [
        (True, 0.05, "Probably none fits: .* among these candidates is 5 %"),
        (False, 0.05, "^The true structure .* with a probability of 5 %"),
        (None, None, "no calibration"),
    ],
)
def test_a_ranking_says_where_none_fits(
    none_fits: bool | None,
    probability: float | None,
    expected: str,
    candidates: Callable[..., tuple[Candidate, ...]],
) -> None:
    said = say_trust(Ranking(Question(PEAKS), candidates(0.0, probability), none_fits))
    assert re.search(expected, said)


def test_candidates_of_several_formulas_have_a_rough_probability(
    candidates: Callable[..., tuple[Candidate, ...]],
) -> None:
    shown = candidates(0.5, 0.7)
    assert "70 %, roughly:" in say_trust(Ranking(Question(PEAKS), shown, none_fits=False))
    told = Question(PEAKS, formula="C2H6")
    assert "70 %, as calibrated" in say_trust(Ranking(told, shown, none_fits=False))


def test_where_all_are_ruled_out_no_probability_is_said(
    candidates: Callable[..., tuple[Candidate, ...]],
) -> None:
    shown = tuple(
        replace(one, matched=replace(one.fit, contradiction="it is too small"))
        for one in candidates(0.0, 0.0)
    )
    said = say_trust(Ranking(Question(PEAKS), shown, none_fits=True))
    assert said == "None fits: all of these candidates are ruled out."
    assert say_trust(Ranking(Question(PEAKS), shown[:1], none_fits=True)) == "It is ruled out."
