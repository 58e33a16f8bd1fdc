"""Categories as normals: exact both ways, and the density is the categorical probability."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nmrflow.flow.categorical import from_normal, to_normal


def probabilities(weights: list[float]) -> Tensor:
    p = torch.tensor(weights, dtype=torch.float64)
    return p / p.sum()


WEIGHTS = st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=6)


@given(weights=WEIGHTS, data=st.data())
def test_value_comes_back(weights: list[float], data: st.DataObject) -> None:
    p = probabilities(weights)
    k = data.draw(st.integers(0, len(p) - 1))
    u = data.draw(st.floats(0.0, 1.0, exclude_max=True))
    value = torch.tensor(min(k + u, math.nextafter(k + 1, k)), dtype=torch.float64)
    z, _ = to_normal(value, p)
    if z.abs() > 6:  # Farther out neighbouring places are less and less told apart.
        return
    back = from_normal(z, p).item()
    near = 1e-9 / float(p[k])
    assert back == pytest.approx(value.item(), abs=near)
    if near < value.item() - k < 1 - near:  # On an edge the last digit may fall to either side.
        assert math.floor(back) == k


@given(weights=WEIGHTS, z=st.floats(-6.0, 6.0))
def test_normal_comes_back(weights: list[float], z: float) -> None:
    p = probabilities(weights)
    given_ = torch.tensor(z, dtype=torch.float64)
    assert to_normal(from_normal(given_, p), p)[0].item() == pytest.approx(z, abs=1e-7)


@given(weights=WEIGHTS, data=st.data())
def test_density_is_the_probability(weights: list[float], data: st.DataObject) -> None:
    p = probabilities(weights)
    k = data.draw(st.integers(0, len(p) - 1))
    value = torch.tensor(k + data.draw(st.floats(0.01, 0.99)), dtype=torch.float64)
    z, log_slope = to_normal(value, p)
    log_normal = -0.5 * z.square() - 0.5 * math.log(2 * math.pi)
    assert (log_normal + log_slope).item() == pytest.approx(math.log(p[k]), abs=1e-9)


def test_slope_is_the_derivative() -> None:
    p = probabilities([0.2, 0.5, 0.3])
    value = torch.tensor([0.3, 1.7, 2.5], dtype=torch.float64, requires_grad=True)
    z, log_slope = to_normal(value, p.expand(3, -1))
    (slope,) = torch.autograd.grad(z.sum(), value)
    torch.testing.assert_close(slope.log(), log_slope.detach())


def test_likelihood_has_the_gradient_of_the_log_probability() -> None:
    logits = torch.tensor([0.1, -0.4, 0.7], dtype=torch.float64, requires_grad=True)
    z, log_slope = to_normal(torch.tensor(1.3, dtype=torch.float64), logits.softmax(0))
    (through,) = torch.autograd.grad(log_slope - 0.5 * z.square(), logits)
    (direct,) = torch.autograd.grad(logits.log_softmax(0)[1], logits)
    torch.testing.assert_close(through, direct)


def test_uniform_places_of_right_categories_are_normal() -> None:
    p = probabilities([0.05, 0.6, 0.25, 0.1])
    k = torch.multinomial(p, 200_000, replacement=True)
    z, _ = to_normal(k + torch.rand(len(k), dtype=torch.float64), p.expand(len(k), -1))
    assert z.mean().item() == pytest.approx(0, abs=0.01)
    assert z.std().item() == pytest.approx(1, abs=0.01)
    assert (z < 1).double().mean().item() == pytest.approx(0.8413, abs=0.005)


def test_draws_have_the_frequencies() -> None:
    p = probabilities([0.05, 0.6, 0.25, 0.1])
    z = torch.randn(200_000, dtype=torch.float64)
    k = from_normal(z, p.expand(len(z), -1)).floor().long()
    torch.testing.assert_close(k.bincount(minlength=4) / len(k), p.float(), atol=0.005, rtol=0)


@pytest.mark.parametrize("z", [-30.0, -8.5, -1.0, 0.0, 1.0, 8.5, 30.0])
def test_impossible_categories_are_never_chosen(z: float) -> None:
    p = torch.tensor([0.0, 0.4, 0.0, 0.6, 0.0], dtype=torch.float64)
    value = from_normal(torch.tensor(z, dtype=torch.float64), p)
    assert value.floor().item() in (1, 3)


def test_both_tails_keep_their_digits() -> None:
    p = probabilities([0.3, 0.7])
    z = torch.tensor([-6.5, 6.5], dtype=torch.float64)
    again, _ = to_normal(from_normal(z, p.expand(2, -1)), p.expand(2, -1))
    torch.testing.assert_close(again, z, atol=1e-4, rtol=0)
