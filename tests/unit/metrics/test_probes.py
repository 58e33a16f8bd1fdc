"""Probes find what is there, and nothing where nothing is."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from nmrflow.metrics.probes import MIN_POSITIVES, LinearProbe, Probe, TwoLayerProbe, mean_auroc

PROBES = [LinearProbe, TwoLayerProbe]
N_BINS = 16


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def drawn(n: int, n_residual: int, seed: int) -> np.ndarray:
    return rng(seed).standard_normal((n, n_residual)).astype(np.float32)


def linear(z: np.ndarray) -> np.ndarray:
    return z @ rng(7).standard_normal((z.shape[1], N_BINS)) > 1


def exclusive_or(z: np.ndarray) -> np.ndarray:
    return np.stack([(z[:, 0] > 0) ^ (z[:, k] > 0) for k in (1, 2)], axis=1)


def independent(z: np.ndarray) -> np.ndarray:
    return rng(int(abs(z[0, 0]) * 1e6)).uniform(size=(len(z), N_BINS)) < 0.2


def auroc(probe: type[Probe], bits: Callable[[np.ndarray], np.ndarray], n_residual: int) -> float:
    z_train, z = drawn(500, n_residual, 1), drawn(600, n_residual, 2)
    found = probe(z_train, bits(z_train)).auroc(z, bits(z))
    assert found is not None
    return found


@pytest.mark.parametrize("probe", PROBES)
def test_a_linear_relation_is_found(probe: type[Probe]) -> None:
    assert auroc(probe, linear, 24) > 0.95


@pytest.mark.parametrize("probe", PROBES)
def test_nothing_is_found_in_independent_residuals(probe: type[Probe]) -> None:
    # Standard error of an AUROC with 120 of 600 set: 0.03; of the mean of 16: 0.008.
    assert auroc(probe, independent, 24) == pytest.approx(0.5, abs=0.03)


def test_only_the_network_finds_what_no_line_separates() -> None:
    assert auroc(LinearProbe, exclusive_or, 3) == pytest.approx(0.5, abs=0.1)
    assert auroc(TwoLayerProbe, exclusive_or, 3) > 0.9


@pytest.fixture(scope="module", params=PROBES)
def probe(request: pytest.FixtureRequest) -> type[Probe]:
    return request.param


@pytest.fixture(scope="module")
def plain(probe: type[Probe]) -> float | None:
    """What a probe makes of a linear relation in 200 records, asked on 100."""
    z_train, z = drawn(200, 24, 1), drawn(100, 24, 2)
    return probe(z_train, linear(z_train)).auroc(z, linear(z))


def test_shift_and_scale_of_a_dimension_do_not_matter(probe: type[Probe], plain: float) -> None:
    z_train, z = drawn(200, 24, 1), drawn(100, 24, 2)
    moved, scale = np.linspace(-5, 5, 24), np.logspace(-3, 3, 24)
    fitted = probe(z_train * scale + moved, linear(z_train))
    assert fitted.auroc(z * scale + moved, linear(z)) == pytest.approx(plain, abs=1e-3)


def with_flat_dimension(z: np.ndarray, spread: float) -> np.ndarray:
    return np.column_stack([z, 3 + spread * drawn(len(z), 1, 3)])


def test_a_constant_dimension_does_no_harm(probe: type[Probe], plain: float) -> None:
    z_train, z = drawn(200, 24, 1), drawn(100, 24, 2)
    fitted = probe(with_flat_dimension(z_train, 0), linear(z_train))
    found = fitted.auroc(with_flat_dimension(z, 0), linear(z))
    assert found == pytest.approx(plain, abs=0.03)


def test_a_dimension_that_is_constant_in_training_only_does_no_harm() -> None:
    z_train, z = drawn(200, 24, 1), drawn(100, 24, 2)
    fitted = TwoLayerProbe(with_flat_dimension(z_train, 0), linear(z_train))
    found = fitted.auroc(with_flat_dimension(z, 1), linear(z))
    assert found is not None
    assert found > 0.9


def test_a_probe_repeats_and_leaves_the_random_state_alone(
    probe: type[Probe], plain: float
) -> None:
    torch.rand(3)
    before = torch.random.get_rng_state()
    z_train, z = drawn(200, 24, 1), drawn(100, 24, 2)
    assert probe(z_train, linear(z_train)).auroc(z, linear(z)) == plain
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_code_of_one_bin_can_be_probed() -> None:
    z = drawn(100, 4, 0)
    assert LinearProbe(z, linear(z)[:, :1]).auroc(z, linear(z)[:, :1]) == pytest.approx(1, abs=0.1)


def test_auroc_of_perfect_wrong_constant_and_random_scores() -> None:
    true = rng().uniform(size=(600, N_BINS)) < 0.2
    assert mean_auroc(true.astype(float), true) == 1
    assert mean_auroc(-true.astype(float), true) == 0
    assert mean_auroc(np.zeros(true.shape), true) == 0.5
    assert mean_auroc(rng(1).uniform(size=true.shape), true) == pytest.approx(0.5, abs=0.03)


def test_auroc_is_scikit_learns_mean_over_the_bins_that_count() -> None:
    true, scores = rng().uniform(size=(200, 6)) < 0.2, rng(1).uniform(size=(200, 6))
    assert mean_auroc(scores, true) == pytest.approx(roc_auc_score(true, scores))
    # Too few set, and all set: neither bin counts.
    true[:, 0] = np.arange(200) < MIN_POSITIVES - 1
    true[:, 1] = True
    expected = roc_auc_score(true[:, 2:], scores[:, 2:])
    assert mean_auroc(scores, true) == pytest.approx(expected)
    true[:, 0] = np.arange(200) < MIN_POSITIVES
    expected = roc_auc_score(true[:, [0, 2, 3, 4, 5]], scores[:, [0, 2, 3, 4, 5]])
    assert mean_auroc(scores, true) == pytest.approx(expected)


def test_no_bin_that_counts_gives_none() -> None:
    assert mean_auroc(np.zeros((4, 3)), np.ones((4, 3), dtype=bool)) is None
    z = drawn(40, 4, 0)
    nothing_set = np.zeros((40, 3), dtype=bool)
    for probe in PROBES:
        assert probe(z, nothing_set).auroc(z, nothing_set) is None
