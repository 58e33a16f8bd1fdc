"""Calibrations: written and read, found beside their checkpoint, and what they are fed."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.errors import CheckpointError
from nmrflow.model.calibration import (
    EVIDENCE,
    SUFFIX,
    Logistic,
    Trust,
    evidence,
    find_trust,
    read_trust,
)

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.sampled_from(sorted(EVIDENCE))
LOGISTICS = st.builds(Logistic, FLOATS, st.dictionaries(NAMES, FLOATS, max_size=3))
PLAIN = st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=3)


@given(st.builds(Trust, LOGISTICS, LOGISTICS, FLOATS, PLAIN))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, calibrated: Trust
) -> None:
    file = tmp_path_factory.getbasetemp() / f"a{SUFFIX}"
    file.write_text(calibrated.to_json(), encoding="utf-8")
    assert read_trust(file) == calibrated


def test_a_logistic_follows_its_formula() -> None:
    logistic = Logistic(0.5, {"mass": 2.0, "fit": -1.0})
    numbers = {"mass": 0.25, "fit": 0.4, "of no account": 1e9}
    assert logistic(numbers) == pytest.approx(1 / (1 + math.exp(-0.6)))
    assert Logistic(0.0, {})(numbers) == 0.5
    assert Logistic(-1e6, {})({}) == 0
    assert Logistic(1e6, {})({}) == 1


def damaged(trust: Trust, **changes: Any) -> str:
    plain = json.loads(trust.to_json())
    for name, value in changes.items():
        if value is None:
            del plain[name]
        else:
            plain[name] = value
    return json.dumps(plain)


@pytest.mark.parametrize(
    "changes",
    [
        {"among": None},
        {"given": None},
        {"none_fits_below": None},
        {"conditions": None},
        {"none_fits_below": "half"},
        {"among": {"intercept": 0.0}},
        {"among": {"intercept": "a", "weights": {}}},
        {"among": [0.0, {}]},
        {"none_fits_below": [0.5]},
    ],
    ids=str,
)
def test_a_damaged_calibration_is_refused_by_its_name(
    changes: dict[str, Any], trust: Trust, tmp_path: Path
) -> None:
    file = tmp_path / f"net{SUFFIX}"
    file.write_text(damaged(trust, **changes))
    with pytest.raises(CheckpointError, match=rf"net{SUFFIX}: no calibration .*calibrate"):
        find_trust(tmp_path / "net.ckpt")


@pytest.mark.parametrize(
    "weights", [[1.0], "mass", {"mass": "a lot"}, {"masss": 1.0}, {"mass": None}], ids=str
)
def test_weights_that_cannot_be_used_are_refused(
    weights: Any, trust: Trust, tmp_path: Path
) -> None:
    file = tmp_path / f"net{SUFFIX}"
    file.write_text(damaged(trust, given={"intercept": 0.0, "weights": weights}))
    with pytest.raises(CheckpointError, match=f"net{SUFFIX}"):
        find_trust(tmp_path / "net.ckpt")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"3", b"\xff\xfe\x00", b"{}"])
def test_what_is_no_calibration_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"net{SUFFIX}"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"net{SUFFIX}: no calibration"):
        read_trust(file)


def test_a_missing_calibration_is_none_or_refused(tmp_path: Path) -> None:
    assert find_trust(tmp_path / "net.ckpt") is None
    with pytest.raises(CheckpointError, match=rf"net{SUFFIX}: no calibration"):
        read_trust(tmp_path / f"net{SUFFIX}")


def test_a_calibration_stands_beside_its_own_checkpoint(trust: Trust, tmp_path: Path) -> None:
    (tmp_path / f"net{SUFFIX}").write_text(trust.to_json())
    assert find_trust(tmp_path / "net.ckpt") == trust
    assert find_trust(tmp_path / "other.ckpt") is None
    assert find_trust(tmp_path / "net.v2.ckpt") is None


# Evidence.

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
