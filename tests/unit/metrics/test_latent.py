"""Statistics of z: over a molecule's numbers and then over molecules; and by dimension."""

import numpy as np
import pytest

from nmrflow.metrics.latent import dimension_statistics, residual_statistics


def test_statistics_by_hand() -> None:
    z = np.array([[1.0, 3.0], [-2.0, 6.0], [0.0, 0.0]])
    # Means 2, 2, 0 and (population) standard deviations 1, 4, 0.
    assert residual_statistics(z) == pytest.approx(
        {
            "z_mean_mean": 4 / 3,
            "z_mean_std": np.sqrt(8 / 9),
            "z_std_mean": 5 / 3,
            "z_std_std": np.sqrt(26 / 9),
        }
    )


def test_draws_of_the_prior_are_near_the_stated_values() -> None:
    n_residual = 896
    z = np.random.default_rng(0).standard_normal((2000, n_residual))
    assert residual_statistics(z) == {
        "z_mean_mean": pytest.approx(0, abs=0.004),
        "z_mean_std": pytest.approx(1 / np.sqrt(n_residual), rel=0.1),
        "z_std_mean": pytest.approx(1, abs=0.004),
        "z_std_std": pytest.approx(1 / np.sqrt(2 * n_residual), rel=0.1),
    }


def test_single_precision_is_summed_in_double() -> None:
    z = np.full((1, 896), 1e4, dtype=np.float32) + np.arange(896, dtype=np.float32) / 1024
    expected = residual_statistics(z.astype(np.float64))
    assert residual_statistics(z) == expected
    assert all(isinstance(value, float) for value in expected.values())


def test_dimensions_by_hand() -> None:
    z = np.array([[1.0, 3.0, -2.0], [-2.0, 3.0, 0.0], [-2.0, 3.0, 2.0]], dtype=np.float32)
    found = dimension_statistics(z)
    stds = [np.sqrt(2), 0, np.sqrt(8 / 3)]
    assert found["dimension_mean"] == [-1, 3, 0]
    assert found["dimension_std"] == pytest.approx(stds, abs=1e-6)
    assert found["dimension_mean_abs"] == pytest.approx(4 / 3)
    assert found["dimension_std_mean"] == pytest.approx(np.mean(stds))
    assert found["dimension_std_min"] == 0
    assert found["dimension_std_max"] == pytest.approx(stds[2])


def test_dimensions_of_the_prior_are_near_0_and_1() -> None:
    found = dimension_statistics(np.random.default_rng(0).standard_normal((2000, 896)))
    assert len(found["dimension_mean"]) == len(found["dimension_std"]) == 896
    # Means of 2,000 numbers: their mean distance from 0 is sqrt(2 / pi / 2000).
    assert found["dimension_mean_abs"] == pytest.approx(np.sqrt(2 / np.pi / 2000), rel=0.1)
    assert found["dimension_std_mean"] == pytest.approx(1, abs=0.003)
    assert 0.9 < found["dimension_std_min"] < 0.97 < 1.03 < found["dimension_std_max"] < 1.1
