"""Laplace mixtures: densities, bins, draws and quantiles agree; noisy-or by brute force."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import laplace
from torch import Tensor

from nmrflow.shifts.mixture import STRAY, LaplaceMixture, bin_edges_ppm, bit_loss, noisy_or
from nmrflow.spectra.axis import ShiftAxis

AXIS = ShiftAxis()


def a_mixture(c: int, k: int, seed: int = 0) -> LaplaceMixture:
    generator = torch.Generator().manual_seed(seed)
    parts = torch.randn(3, c, k, generator=generator, dtype=torch.float64)
    return LaplaceMixture(
        100 + 50 * parts[0], 5 * parts[1].exp(), (2 * parts[2]).log_softmax(dim=-1)
    )


def test_density_and_cdf_are_those_of_scipy() -> None:
    mixture = a_mixture(6, 3)
    shift = torch.linspace(20, 180, 6, dtype=torch.float64)
    weight = mixture.log_weight.exp().numpy()
    ours = mixture.centre_ppm.numpy(), mixture.scale_ppm.numpy()
    density = (weight * laplace.pdf(shift.numpy()[:, None], *ours)).sum(axis=1)
    below = (weight * laplace.cdf(shift.numpy()[:, None], *ours)).sum(axis=1)
    found = mixture.log_density(shift[:, None])[:, 0]
    np.testing.assert_allclose(found.numpy(), np.log(density))
    np.testing.assert_allclose(mixture.log_density(shift).diagonal().numpy(), np.log(density))
    np.testing.assert_allclose(mixture.cdf(shift[:, None])[:, 0].numpy(), below)
    np.testing.assert_allclose(mixture.cdf(shift).diagonal().numpy(), below)


@given(st.integers(0, 1_000), st.sampled_from((32, 128, 1024)))
def test_every_carbon_is_in_one_bin(seed: int, n_bins: int) -> None:
    found = a_mixture(4, 4, seed).bin_probabilities(ShiftAxis(n_bins=n_bins))
    assert found.shape == (4, n_bins)
    assert (found >= 0).all()
    torch.testing.assert_close(found.sum(dim=1), torch.ones(4, dtype=torch.float64))


def test_bins_are_those_of_the_axis() -> None:
    """A narrow carbon in the middle of each bin fills that bin, and off the axis an end bin."""
    at = torch.tensor([-10.0, *AXIS.centres_ppm(), 230.0], dtype=torch.float64)[:, None]
    narrow = LaplaceMixture(at, torch.full_like(at, 0.02), torch.zeros_like(at))
    assert narrow.bin_probabilities(AXIS).argmax(dim=1).tolist() == [0, *range(128), 127]
    assert len(bin_edges_ppm(AXIS)) == 127


def test_draws_agree_with_bin_probabilities() -> None:
    mixture, n = a_mixture(3, 2), 20_000
    draws = mixture.draw(n, torch.Generator().manual_seed(1))
    assert draws.shape == (n, 3)
    assert draws.isfinite().all()
    bins = (draws[..., None] >= bin_edges_ppm(AXIS)).sum(dim=-1)
    expected = mixture.bin_probabilities(AXIS)
    for carbon in range(3):
        found = torch.bincount(bins[:, carbon], minlength=128) / n
        spread = (expected[carbon] * (1 - expected[carbon]) / n).sqrt()
        assert ((found - expected[carbon]).abs() <= 5 * spread + 1e-3).all()


def test_draws_depend_on_the_generator_alone() -> None:
    mixture = a_mixture(3, 2)
    one, again, other = (mixture.draw(5, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_quantiles_invert_the_cdf() -> None:
    mixture, wanted = a_mixture(20, 4), (0.001, 0.3, 0.5, 0.975)
    at = mixture.quantiles(wanted)
    expected = torch.tensor(wanted, dtype=torch.float64).expand(20, 4)
    torch.testing.assert_close(mixture.cdf(at), expected)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.5])
def test_a_quantile_lies_between_0_and_1(probability: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        a_mixture(2, 2).quantiles((0.5, probability))


def test_noisy_or_is_the_chance_that_any_carbon_falls_into_a_bin() -> None:
    bins = torch.rand(5, 3, dtype=torch.float64) * 0.9
    molecules = ([0, 1], [2, 3, 4])
    unset = noisy_or(bins, torch.ones(5), torch.tensor([0, 0, 1, 1, 1]), 2, stray=0.0)
    for (row, carbons), b in itertools.product(enumerate(molecules), range(3)):
        chance = 0.0  # of any carbon, over all ways in which each is in the bin or not
        for way in itertools.product((True, False), repeat=len(carbons)):
            p = [float(bins[c, b]) for c in carbons]
            if any(way):
                chance += float(
                    np.prod([q if hit else 1 - q for q, hit in zip(p, way, strict=True)])
                )
        assert 1 - float(unset[row, b].exp()) == pytest.approx(chance)


def test_equivalent_carbons_count_as_one_and_stray_peaks_bound_the_rest() -> None:
    def one_molecule(bins: list[float], share: list[float]) -> Tensor:
        where = torch.zeros(len(bins), dtype=torch.long)
        return noisy_or(torch.tensor(bins)[:, None], torch.tensor(share), where, 1)

    torch.testing.assert_close(one_molecule([0.3], [1.0]), one_molecule([0.3] * 3, [1 / 3] * 3))
    assert float(one_molecule([0.0], [1.0])) == pytest.approx(-STRAY)
    assert one_molecule([1.0], [1.0]).isfinite().all()


def test_bit_loss_is_binary_cross_entropy() -> None:
    log_unset = -torch.rand(4, 6) - 0.1
    code = torch.randint(0, 2, (4, 6)).float()
    expected = torch.nn.functional.binary_cross_entropy(
        1 - torch.exp(log_unset), code, reduction="sum"
    )
    torch.testing.assert_close(bit_loss(log_unset, code), expected / 4)
