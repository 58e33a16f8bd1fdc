"""Deviation and variation of inverses whose answer is known."""

import math

import pytest
import torch
from torch import Tensor

from nmrflow.evaluation.paper.conditional import (
    N_DRAWS,
    NOISE_LEVELS,
    conditional_deviation,
    conditional_variation,
    draw_from_prior,
)
from nmrflow.numerics import generator_for

N = 300
"""More than one batch of 256."""
N_RESIDUAL = 896


def identity(z: Tensor, _: Tensor) -> Tensor:
    return z


def constant(z: Tensor, _: Tensor) -> Tensor:
    return torch.full((len(z), 4, 16, 16), 0.25, dtype=z.dtype)


def residuals(n: int = N) -> Tensor:
    return torch.randn((n, N_RESIDUAL), dtype=torch.double, generator=generator_for(0, "z"))


def chi_mean(n: int) -> float:
    """Mean L2 norm of n standard normal numbers."""
    return math.sqrt(2) * math.exp(math.lgamma((n + 1) / 2) - math.lgamma(n / 2))


def test_deviation_of_the_identity_is_the_size_of_the_noise() -> None:
    z = residuals()
    found = conditional_deviation(identity, z, z[:, :128], generator_for(0))
    for level in NOISE_LEVELS:
        l1 = level * N_RESIDUAL * math.sqrt(2 / math.pi)
        assert found.cd[f"{level:g}"] == pytest.approx(l1, rel=0.003)
        assert found.cd_l2[f"{level:g}"] == pytest.approx(level * chi_mean(N_RESIDUAL), rel=0.003)
        # The noise is common to all levels: no chance in how they compare.
        for table in (found.cd, found.cd_l2, found.rcd, found.rcd_l2):
            assert table[f"{level:g}"] == pytest.approx(level * table["1"], rel=1e-12)
    assert list(found.cd) == ["0.01", "0.05", "0.1", "0.2", "0.5", "1"]


def test_relative_deviation_is_over_the_mean_norm_of_the_undisturbed() -> None:
    z = residuals()
    found = conditional_deviation(identity, z, z[:, :128], generator_for(0), levels=(0.1, 2.0))
    l1, l2 = z.abs().sum(dim=1).mean(), z.norm(dim=1).mean()
    for level in ("0.1", "2"):
        assert found.rcd[level] == pytest.approx(found.cd[level] / float(l1), rel=1e-12)
        assert found.rcd_l2[level] == pytest.approx(found.cd_l2[level] / float(l2), rel=1e-12)


def test_a_constant_inverse_does_not_react() -> None:
    z = residuals(20)
    found = conditional_deviation(constant, z, z[:, :128], generator_for(0), n_draws=2)
    assert all(value == 0 for table in found for value in table.values())
    varied = conditional_variation(constant, z[:, :128], N_RESIDUAL, generator_for(0))
    assert set(varied.values()) == {0.0}


def test_an_inverse_that_gives_zeros_has_a_deviation_of_zero() -> None:
    z = residuals(2)
    found = conditional_deviation(lambda z, _: 0 * z, z, z[:, :128], generator_for(0))
    assert set(found.cd.values()) == {0.0}


def test_every_molecule_keeps_its_own_y() -> None:
    z = residuals()
    factor = torch.where(torch.arange(N) % 2 == 0, 3.0, 0.0).double()[:, None]

    def scaled(z: Tensor, y: Tensor) -> Tensor:
        return z * y

    found = conditional_deviation(scaled, z, factor, generator_for(0), levels=(0.1,), n_draws=2)
    # Half of the molecules react threefold, half not at all; none lends another its y.
    assert found.cd_l2["0.1"] == pytest.approx(1.5 * 0.1 * chi_mean(N_RESIDUAL), rel=0.003)
    even = conditional_deviation(identity, z, factor, generator_for(0), levels=(0.1,), n_draws=2)
    assert found.rcd_l2["0.1"] == pytest.approx(even.rcd_l2["0.1"], rel=0.003)


def test_deviation_follows_from_the_generator() -> None:
    z = residuals(5)
    one, same, other = (
        conditional_deviation(identity, z, z[:, :128], generator_for(seed)) for seed in (0, 0, 1)
    )
    assert one == same
    assert one.cd != other.cd


def test_the_prior_has_the_mean_and_the_spread_of_the_training_side() -> None:
    mean, std = torch.linspace(-2, 2, 32), torch.linspace(0, 3, 32)
    signs = torch.tensor([[1.0], [-1.0]])
    z_train = mean + std * signs  # Population std, not n - 1: exactly std of two points.
    drawn = draw_from_prior(z_train, 5000, generator_for(0))
    assert drawn.shape == (4 * 5000, 32)
    torch.testing.assert_close(drawn.mean(dim=0), mean, atol=0.08, rtol=0)
    torch.testing.assert_close(drawn.std(dim=0), std, atol=0.05, rtol=0)
    correlation = torch.corrcoef(drawn[:, 1:].T) - torch.eye(31)
    assert correlation.abs().max() < 0.04  # Dimensions are independent.


def test_prior_draws_come_all_molecules_once_then_all_again() -> None:
    z_train = residuals(50).float()
    four = draw_from_prior(z_train, 6, generator_for(0))
    once = draw_from_prior(z_train, 6, generator_for(0), n_draws=1)
    assert torch.equal(four[:6], once)
    assert four.unique(dim=0).shape == four.shape
    assert not torch.equal(once, draw_from_prior(z_train, 6, generator_for(1), n_draws=1))


def test_variation_of_the_identity() -> None:
    def rows_of_14(z: Tensor, _: Tensor) -> Tensor:
        return z.reshape(-1, 4, 16, 14)

    y = torch.zeros((N, 128))
    found = conditional_variation(rows_of_14, y, N_RESIDUAL, generator_for(0))
    # The mean of the eight draws lies among them: each is nearer to it than to 0.
    nearer = math.sqrt(1 - 1 / N_DRAWS)
    assert found["variation_mean"] == pytest.approx(nearer * chi_mean(N_RESIDUAL), rel=0.003)
    assert found["variation_rows_mean"] == pytest.approx(nearer * chi_mean(14), rel=0.003)
    # Eight nearly independent distances, each with a standard deviation of about 1 / sqrt(2).
    assert found["variation_std"] == pytest.approx(nearer / math.sqrt(2 * N_DRAWS), rel=0.15)


def test_variation_is_over_molecules_and_in_their_order() -> None:
    def scaled(z: Tensor, y: Tensor) -> Tensor:
        return z * y

    y = torch.where(torch.arange(N) % 2 == 0, 2.0, 0.0)[:, None]
    found = conditional_variation(scaled, y, N_RESIDUAL, generator_for(0))
    size = 2 * math.sqrt(1 - 1 / N_DRAWS) * chi_mean(N_RESIDUAL)
    assert found["variation_mean"] == pytest.approx(size / 2, rel=0.003)
    assert found["variation_std"] == pytest.approx(size / 2, rel=0.003)
