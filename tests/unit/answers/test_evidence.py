"""What speaks for the truth being among some candidates."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.answers.evidence import evidence
from nmrflow.model.calibration import EVIDENCE, Logistic

LOG_P = st.lists(st.floats(-50, 0), min_size=1, max_size=8)
SCORES = st.lists(st.floats(-100, 20), min_size=1, max_size=8)


@given(LOG_P, st.floats(-60, 0))
def test_another_candidate_never_lessens_the_mass(log_p: list[float], further: float) -> None:
    before, after = (evidence(all_p, [0.0], [], 1.0) for all_p in (log_p, [*log_p, further]))
    assert after["mass"] >= before["mass"]


@given(SCORES, st.lists(st.floats(-100, 20), max_size=8), st.floats(-100, 20))
def test_a_rival_that_becomes_a_candidate_never_lessens_the_lead(
    scores: list[float], rivals: list[float], one: float
) -> None:
    before = evidence([-1.0], scores, [*rivals, one], 1.0)
    after = evidence([-1.0], [*scores, one], rivals, 1.0)
    assert after["lead"] >= before["lead"] - 1e-9


@given(st.lists(st.floats(0.001, 0.1), min_size=1, max_size=9))
def test_mass_is_the_logit_of_the_sum(probabilities: list[float]) -> None:
    found = evidence([math.log(p) for p in probabilities], [0.0], [0.0], 1.0)
    total = sum(probabilities)
    assert found["mass"] == pytest.approx(math.log(total / (1 - total)))


@pytest.mark.parametrize(
    ("scores", "rivals", "lead"),
    [
        ([3.0], [1.0], 2.0),
        ([3.0, 3.0], [1.0, 1.0], 2.0),
        ([3.0], [3.0, 3.0], -math.log(2)),
        ([-5.0, -5.0], [-5.0], math.log(2)),
        ([0.0], [-1e3], 10.0),  # beyond this it counts no more
        ([0.0], [1e3], -10.0),
        ([0.0], [], 10.0),
    ],
)
def test_the_lead_is_over_all_rivals_together(
    scores: list[float], rivals: list[float], lead: float
) -> None:
    found = evidence([-1.0], scores, rivals, 0.7)
    assert found["lead"] == pytest.approx(lead)
    assert found["tension"] == 0.7


@pytest.mark.parametrize("log_p", [[0.0], [0.0, 0.0], [-1e-9], [-math.inf], [-1e5], [700.0]])
@pytest.mark.parametrize("scores", [[0.0], [-1e5], [1e5], [-1e300]])
@pytest.mark.parametrize("rivals", [[], [0.0], [-1e5], [1e5], [-math.inf]])
def test_certainty_is_finite(log_p: list[float], scores: list[float], rivals: list[float]) -> None:
    found = evidence(log_p, scores, rivals, 0.5)
    assert all(math.isfinite(number) for number in found.values())


@given(st.floats(0.01, 5), st.floats(-5, 5), st.lists(st.floats(-30, -3), min_size=2, max_size=8))
def test_probabilities_rise_with_the_mass(
    weight: float, intercept: float, log_p: list[float]
) -> None:
    logistic = Logistic(intercept, {"mass": weight})
    found = [logistic(evidence(log_p[:n], [0.0], [0.0], 1.0)) for n in range(1, len(log_p) + 1)]
    assert found == sorted(found)
    assert all(0 <= p <= 1 for p in found)


def test_a_calibration_may_weigh_all_of_it() -> None:
    assert set(evidence([-1.0], [0.0], [0.0], 0.5)) == EVIDENCE


@given(st.floats(0.0, 300.0), st.floats(0.0, 300.0))
def test_a_peak_far_off_counts_by_its_distance_and_not_without_end(
    one: float, other: float
) -> None:
    near, far = (
        evidence([-1.0], [0.0], [], 0.5, worst_ppm=ppm)["worst"] for ppm in sorted((one, other))
    )
    assert 0 <= near <= far <= 6
    assert evidence([-1.0], [0.0], [], 0.5, worst_ppm=10.0)["worst"] == 2.0
