"""Draws some at a time are the draws all at once."""

from collections.abc import Iterator

import numpy as np
import pytest

from nmrflow.answers.question import ask
from nmrflow.errors import SpectrumError
from nmrflow.model import drawing
from nmrflow.model.drawing import draw_in_parts
from nmrflow.model.trained import TrainedFlow

PEAKS = "137.9, 129.1, 128.3, 125.3, 21.5"


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_AT_ONCE", 16)


@pytest.mark.usefixtures("_small_parts")
@pytest.mark.parametrize("formula", [None, "C7H8"])
@pytest.mark.parametrize("n_samples", [1, 16, 37])
def test_parts_are_the_whole(n_samples: int, formula: str | None, small_flow: TrainedFlow) -> None:
    question = ask(PEAKS, small_flow.axis, formula=formula)
    parts = list(draw_in_parts(small_flow, question, n_samples, seed=3))
    assert [len(part) for part in parts] == {1: [1], 16: [16], 37: [16, 16, 5]}[n_samples]
    (whole,) = small_flow.iterate_proposals([question], n_samples, 3, explains=False)
    drawn = [proposal for part in parts for proposal in part]
    for one, other in zip(drawn, whole, strict=True):
        assert (one.structure, one.refusal, one.asked) == (
            other.structure, other.refusal, other.asked,
        )  # fmt: skip
        np.testing.assert_array_equal(one.z, other.z)
        assert one.log_p == pytest.approx(other.log_p, abs=1e-9)


def test_no_draws_are_refused(small_flow: TrainedFlow) -> None:
    drawn: Iterator[object] = draw_in_parts(small_flow, ask(PEAKS, small_flow.axis), 0, 0)
    with pytest.raises(SpectrumError, match="at least 1"):
        next(drawn)
