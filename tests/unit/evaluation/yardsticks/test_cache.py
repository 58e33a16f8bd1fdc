"""Yardsticks are computed once for the same records and settings, and only then."""

import json
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from nmrflow.data.records import Record
from nmrflow.data.sources.embedded import Embedded
from nmrflow.data.splits import Sides, StructureSplit
from nmrflow.errors import ConfigError
from nmrflow.evaluation.yardsticks import cache
from nmrflow.evaluation.yardsticks.cache import cached, yardsticks_for
from nmrflow.evaluation.yardsticks.compute import Settings, compute_yardsticks
from nmrflow.spectra.axis import ShiftAxis

AXIS = ShiftAxis()
SETTINGS = Settings(corpus_size=50, n_networks=1, n_epochs=1)
BACKWARD = {
    f"structure/{name}{suffix}"
    for name in ("top1", "top10", "tanimoto_top10")
    for suffix in ("", "_formula")
} | {"structure/coverage", "structure/n_corpus"}
FORWARD = {f"spectrum/f1_{name}" for name in ("macro", "micro", "within_1_bin")}


@pytest.fixture(scope="module")
def records() -> tuple[Record, ...]:
    return Embedded().read().records[::20]


@pytest.fixture(scope="module")
def sides(records: tuple[Record, ...]) -> Sides:
    return StructureSplit(0).divide(records)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Settings]:
    """What is really computed, in place of minutes of work."""
    monkeypatch.setenv("NMRFLOW_CACHE", str(tmp_path))
    calls: list[Settings] = []

    def compute(_sides: Sides, _axis: ShiftAxis, settings: Settings, _p: Any) -> dict:
        calls.append(settings)
        return {part: {"value": len(calls)} for part in cache.PARTS}

    monkeypatch.setattr(cache, "compute_yardsticks", compute)
    return calls


def test_the_scores_of_a_small_split(sides: Sides) -> None:
    told: list[tuple[str, float]] = []
    found = compute_yardsticks(sides, AXIS, SETTINGS, lambda *what: told.append(what))
    assert set(found) == set(cache.PARTS)
    assert set(found["nearest_neighbour"]) == FORWARD | BACKWARD
    assert set(found["message_passing"]) == FORWARD | {"calibration/ece"}
    assert set(found["lookup"]) == BACKWARD
    n_train = len({r.structure.connectivity for r in sides.train})
    assert found["lookup"]["structure/n_corpus"] == n_train + 50
    assert found["nearest_neighbour"]["structure/n_corpus"] == n_train
    # No molecule is on both sides: the training side alone can never hold the truth.
    assert found["nearest_neighbour"]["structure/coverage"] == 0
    assert found["nearest_neighbour"]["structure/top10"] == 0
    assert found["nearest_neighbour"]["structure/tanimoto_top10"] > 0.3
    assert found["lookup"]["structure/top10"] <= found["lookup"]["structure/top10_formula"]
    assert found["lookup"]["structure/top10_formula"] <= found["lookup"]["structure/coverage"]
    conditions = found["conditions"]
    assert (conditions["n_train"], conditions["n"]) == (len(sides.train), len(sides.validation))
    assert conditions["settings"]["corpus_size"] == 50
    assert {stage for stage, _ in told} == {"nearest neighbour", "message passing", "look-up"}
    json.dumps(found)


def test_order_of_rows_changes_nothing(sides: Sides) -> None:
    turned = Sides(sides.train[::-1], sides.validation[::-1])
    one, other = (compute_yardsticks(s, AXIS, SETTINGS) for s in (sides, turned))
    for part in cache.PARTS[1:]:
        assert one[part] == other[part]


def test_what_was_computed_is_read(sides: Sides, counted: list[Settings]) -> None:
    assert cached(sides, AXIS, SETTINGS) is None
    first = yardsticks_for(sides, AXIS, SETTINGS, conditions={"data": "table"})
    assert first["conditions"] == {"data": "table", "value": 1}
    assert yardsticks_for(sides, AXIS, SETTINGS)["lookup"] == {"value": 1}
    assert cached(sides, AXIS, SETTINGS) == {part: {"value": 1} for part in cache.PARTS}
    assert len(counted) == 1
    assert list(cache.cache_folder().iterdir()) == [cache.cache_file(sides, AXIS, SETTINGS)]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: (Sides(s.train[1:], s.validation), AXIS, SETTINGS),
        lambda s: (Sides(s.train, s.validation[1:]), AXIS, SETTINGS),
        lambda s: (s, ShiftAxis(n_bins=64), SETTINGS),
        lambda s: (s, AXIS, Settings(corpus_size=51, n_networks=1, n_epochs=1)),
        lambda s: (s, AXIS, Settings(corpus_size=50, n_networks=1, n_epochs=1, seed=1)),
    ],
)
def test_another_split_or_setting_is_computed_anew(
    sides: Sides, counted: list[Settings], change: Any
) -> None:
    yardsticks_for(sides, AXIS, SETTINGS)
    yardsticks_for(*change(sides))
    assert len(counted) == 2


def test_what_else_is_known_of_a_nucleus_decides_nothing(sides: Sides) -> None:
    nucleus = copy(AXIS.nucleus)
    object.__setattr__(nucleus, "solvents", ())
    files = [cache.cache_file(sides, a, SETTINGS) for a in (AXIS, ShiftAxis(nucleus=nucleus))]
    assert files[0] == files[1]


def test_another_method_is_computed_anew(
    sides: Sides, counted: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    yardsticks_for(sides, AXIS, SETTINGS)
    monkeypatch.setattr(cache, "VERSION", cache.VERSION + 1)
    yardsticks_for(sides, AXIS, SETTINGS)
    assert len(counted) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"lookup": {}}', "\xff"])
def test_a_damaged_file_is_computed_anew_with_a_sentence(
    sides: Sides, counted: list[Settings], content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    yardsticks_for(sides, AXIS, SETTINGS)
    cache.cache_file(sides, AXIS, SETTINGS).write_bytes(content.encode("latin-1"))
    assert yardsticks_for(sides, AXIS, SETTINGS)["lookup"] == {"value": 2}
    assert "damaged" in capsys.readouterr().out
    assert cached(sides, AXIS, SETTINGS) is not None
    assert len(counted) == 2


@pytest.mark.parametrize(
    "wrong", [{"corpus_size": -1}, {"n_networks": 0}, {"n_networks": 9}, {"n_epochs": 0}]
)
def test_impossible_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Settings(**wrong)
