"""Calibrations: written and read, and found beside their checkpoint."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.errors import CheckpointError
from nmrflow.model.calibration import (
    EVIDENCE,
    MAX_WEIGHT,
    SUFFIX,
    Calibration,
    Logistic,
    RankingWeights,
    find_calibration,
    read_calibration,
)
from nmrflow.model.trained import TrainedFlow

FLOATS = st.floats(-MAX_WEIGHT, MAX_WEIGHT)
NAMES = st.sampled_from(sorted(EVIDENCE))
LOGISTICS = st.builds(Logistic, FLOATS, st.dictionaries(NAMES, FLOATS, max_size=3))
PLAIN = st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=3)


RANKINGS = st.builds(RankingWeights, FLOATS, FLOATS)
OWN = RankingWeights(log_p_weight=0.25, density_weight=0.125)


@given(st.builds(Calibration, RANKINGS, LOGISTICS, LOGISTICS, st.floats(0, 1), PLAIN))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, calibrated: Calibration
) -> None:
    file = tmp_path_factory.getbasetemp() / f"a{SUFFIX}"
    file.write_text(calibrated.to_json(), encoding="utf-8")
    assert read_calibration(file) == calibrated


def test_a_network_without_an_answer_of_its_own_has_none_of_among(
    calibration: Calibration, tmp_path: Path, make_flow: Callable[..., TrainedFlow]
) -> None:
    file = tmp_path / f"net{SUFFIX}"
    alone = replace(calibration, among=None)
    file.write_text(alone.to_json())
    assert read_calibration(file) == alone
    # Its weights are of given candidates, which are weighed without the likelihood; what it
    # proposes is ordered as configured.
    proposals = {"log_p_weight": 1.25, "density_weight": 0.5}
    own = make_flow(calibration=alone, proposal_ranking=proposals)
    assert not own.weighs_likelihood
    assert own.ranking == calibration.ranking
    assert own.proposal_ranking == RankingWeights(**proposals)
    both = make_flow(calibration=calibration, proposal_ranking=proposals)
    assert both.weighs_likelihood
    assert both.proposal_ranking == both.ranking == calibration.ranking
    # Likewise where what it proposes has weights of its own, and is calibrated.
    apart = replace(calibration, proposals=RankingWeights(1.25, 0.5))
    file.write_text(apart.to_json())
    assert read_calibration(file) == apart
    own = make_flow(calibration=apart, proposal_ranking={"log_p_weight": 9.0})
    assert not own.weighs_likelihood
    assert own.ranking == calibration.ranking
    assert own.proposal_ranking == RankingWeights(1.25, 0.5)
    plain = make_flow(ranking={"density_weight": 2.0})
    assert plain.weighs_likelihood
    assert plain.proposal_ranking == plain.ranking == RankingWeights(density_weight=2.0)


def test_a_logistic_follows_its_formula() -> None:
    logistic = Logistic(0.5, {"mass": 2.0, "fit": -1.0})
    numbers = {"mass": 0.25, "fit": 0.4, "of no account": 1e9}
    assert logistic(numbers) == pytest.approx(1 / (1 + math.exp(-0.6)))
    assert Logistic(0.0, {})(numbers) == 0.5
    assert Logistic(-1e6, {})({}) == 0
    assert Logistic(1e6, {})({}) == 1


def damaged(calibration: Calibration, **changes: Any) -> str:
    plain = json.loads(calibration.to_json())
    for name, value in changes.items():
        if value is None:
            del plain[name]
        else:
            plain[name] = value
    return json.dumps(plain)


@pytest.mark.parametrize(
    "changes",
    [
        {"given": None},
        {"none_fits_below": None},
        {"conditions": None},
        {"none_fits_below": "half"},
        {"among": {"intercept": 0.0}},
        {"among": {"intercept": "a", "weights": {}}},
        {"among": [0.0, {}]},
        {"none_fits_below": [0.5]},
        {"ranking": {"log_p": 0.5}},
        {"ranking": {"log_p_weight": "a lot"}},
        {"ranking": [0.5, 0.75]},
        {"ranking": {"log_p_weight": math.nan}},
        {"ranking": {"log_p_weight": "1.25"}},
        {"among": {"intercept": 50.0, "weights": {}}},
        {"given": {"intercept": math.nan, "weights": {}}},
        {"given": {"intercept": 0.0, "weights": {"lead": math.inf}}},
        {"given": {"intercept": True, "weights": {}}},
        {"none_fits_below": 1.5},
        {"none_fits_below": math.nan},
        {"conditions": "none"},
    ],
    ids=str,
)
def test_a_damaged_calibration_is_refused_by_its_name(
    changes: dict[str, Any], calibration: Calibration, tmp_path: Path
) -> None:
    file = tmp_path / f"net{SUFFIX}"
    file.write_text(damaged(calibration, **changes))
    with pytest.raises(CheckpointError, match=rf"net{SUFFIX}: no calibration .*calibrate"):
        find_calibration(tmp_path / "net.ckpt", OWN)


@pytest.mark.parametrize(
    "weights", [[1.0], "mass", {"mass": "a lot"}, {"masss": 1.0}, {"mass": None}], ids=str
)
def test_weights_that_cannot_be_used_are_refused(
    weights: Any, calibration: Calibration, tmp_path: Path
) -> None:
    file = tmp_path / f"net{SUFFIX}"
    file.write_text(damaged(calibration, given={"intercept": 0.0, "weights": weights}))
    with pytest.raises(CheckpointError, match=f"net{SUFFIX}"):
        find_calibration(tmp_path / "net.ckpt", OWN)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"3", b"\xff\xfe\x00", b"{}"])
def test_what_is_no_calibration_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"net{SUFFIX}"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"net{SUFFIX}: no calibration"):
        read_calibration(file)


def test_a_missing_calibration_is_none_or_refused(tmp_path: Path) -> None:
    assert find_calibration(tmp_path / "net.ckpt", OWN) is None
    with pytest.raises(CheckpointError, match=rf"net{SUFFIX}: no calibration"):
        read_calibration(tmp_path / f"net{SUFFIX}")


def test_a_calibration_stands_beside_its_own_checkpoint(
    calibration: Calibration, tmp_path: Path
) -> None:
    (tmp_path / f"net{SUFFIX}").write_text(calibration.to_json())
    assert find_calibration(tmp_path / "net.ckpt", OWN) == calibration
    assert find_calibration(tmp_path / "other.ckpt", OWN) is None
    assert find_calibration(tmp_path / "net.v2.ckpt", OWN) is None


def test_before_the_file_told_a_ranking_the_configuration_did(
    calibration: Calibration, tmp_path: Path
) -> None:
    file = tmp_path / f"net{SUFFIX}"
    file.write_text(damaged(calibration, ranking=None))
    assert find_calibration(tmp_path / "net.ckpt", OWN) == replace(calibration, ranking=OWN)
    with pytest.raises(CheckpointError, match=r"no calibration .*ranking"):
        read_calibration(file)


def test_the_ranking_that_was_calibrated_counts(calibration: Calibration, tmp_path: Path) -> None:
    (tmp_path / f"net{SUFFIX}").write_text(calibration.to_json())
    found = find_calibration(tmp_path / "net.ckpt", OWN)
    assert found is not None
    assert found.ranking == calibration.ranking != OWN


def test_files_from_before_the_name_changed_are_found(
    calibration: Calibration, tmp_path: Path
) -> None:
    (tmp_path / "net.trust.json").write_text(damaged(calibration, ranking=None))
    assert find_calibration(tmp_path / "net.ckpt", OWN) == replace(calibration, ranking=OWN)
    (tmp_path / f"net{SUFFIX}").write_text(calibration.to_json())
    assert find_calibration(tmp_path / "net.ckpt", OWN) == calibration


def test_a_network_ranks_as_it_was_calibrated_or_else_configured(
    make_flow: Callable[..., TrainedFlow], calibration: Calibration
) -> None:
    told = {"log_p_weight": 0.25, "density_weight": 0.125}
    assert make_flow(ranking=told).ranking == OWN
    assert make_flow(ranking={}).ranking == RankingWeights(0.0, 0.0)
    assert make_flow(ranking=told, calibration=calibration).ranking == calibration.ranking
