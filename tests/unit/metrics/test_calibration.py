"""Probabilities against scikit-learn and SciPy, and predictors whose calibration is known."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from nmrflow.metrics.calibration import (
    N_GROUPS,
    expected_calibration_error,
    log_likelihood,
    probabilities,
    reliability_curve,
)

RNG = np.random.default_rng(0)
PREDICTED = RNG.beta(0.3, 1.2, (400, 128))
"""Probabilities of all sizes, most of them small."""
TRUE = RNG.uniform(size=PREDICTED.shape) < PREDICTED
"""What comes true when every one of them is right."""


def error(predicted: np.ndarray, true: np.ndarray) -> float:
    return expected_calibration_error(reliability_curve(predicted, true))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_are_scipys(dtype: type) -> None:
    logits = np.array([-1e4, -800, -30, -1, 0, 1e-3, 30, 800, 1e4], dtype=dtype)
    np.testing.assert_allclose(probabilities(logits), expit(logits.astype(float)), atol=1e-15)


def test_log_likelihood_is_minus_scikit_learns_loss() -> None:
    logits = RNG.normal(0, 3, (5, 128))
    codes = RNG.uniform(size=logits.shape) < 0.1
    expected = [
        -log_loss(code, expit(row), normalize=False, labels=[False, True])
        for row, code in zip(logits, codes, strict=True)
    ]
    assert log_likelihood(logits, codes) == pytest.approx(expected)
    # One code for several predictions, and bits as integers.
    one = log_likelihood(logits, codes[0].astype(np.uint8))
    assert one.shape == (5,)
    assert one[0] == pytest.approx(expected[0])


def test_log_likelihood_of_extreme_logits_is_finite() -> None:
    logits = np.array([[1e4, -1e4], [-1e4, 1e4]], dtype=np.float32)
    assert log_likelihood(logits, np.array([1, 0])).tolist() == [0.0, -2e4]
    assert log_likelihood(np.zeros((1, 128)), np.ones(128)) == pytest.approx(-128 * np.log(2))


def test_the_curve_is_scikit_learns() -> None:
    curve = reliability_curve(PREDICTED, TRUE)
    observed, predicted = calibration_curve(TRUE.ravel(), PREDICTED.ravel(), n_bins=N_GROUPS)
    assert [point["observed"] for point in curve] == pytest.approx(observed)
    assert [point["predicted"] for point in curve] == pytest.approx(predicted)
    assert sum(point["n"] for point in curve) == TRUE.size


def test_groups_by_hand() -> None:
    predicted = np.array([[0.0, 0.2, 0.5], [0.7, 0.9, 1.0]])
    true = np.array([[False, True, True], [False, True, True]])
    # An edge belongs to the upper group, 1 to the last, and empty groups are left out.
    assert reliability_curve(predicted, true, n_groups=2) == [
        {"predicted": pytest.approx(0.1), "observed": 0.5, "n": 2},
        {"predicted": pytest.approx(0.775), "observed": 0.75, "n": 4},
    ]
    assert reliability_curve(predicted[:1, :2], true[:1, :2], 2)[0]["n"] == 2
    assert error(np.array([0.1, 0.9]), np.array([True, True])) == pytest.approx(0.5)


def test_perfect_wrong_and_constant_predictors() -> None:
    assert error(TRUE.astype(float), TRUE) == 0
    assert error(1 - TRUE.astype(float), TRUE) == 1
    share = TRUE.mean()
    assert error(np.full(TRUE.shape, share), TRUE) == pytest.approx(0, abs=1e-12)
    assert error(np.full(TRUE.shape, 0.5), TRUE) == pytest.approx(0.5 - share)


def test_right_probabilities_are_calibrated_and_others_are_not() -> None:
    # By chance alone, over 15 groups of 51,200 predictions, about 0.003 at most.
    assert error(PREDICTED, TRUE) < 0.005
    independent = RNG.uniform(size=TRUE.shape)
    # Uniform predictions of bits set with a share s: the mean of |u - s|.
    share = TRUE.mean()
    expected = (share**2 + (1 - share) ** 2) / 2
    assert error(independent, TRUE) == pytest.approx(expected, abs=0.01)
