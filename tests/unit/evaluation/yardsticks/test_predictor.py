"""Training learns, is seeded, leaves others' random numbers alone, and sets a fair threshold."""

import numpy as np
import pytest
import torch

from embedded.enumeration import enumerate_hydrocarbons
from nmrflow.data.splits import hash_fraction
from nmrflow.errors import DataError
from nmrflow.evaluation.yardsticks.measured import Measured
from nmrflow.evaluation.yardsticks.predictor import (
    ShiftPredictor,
    best_threshold,
    train_predictor,
)
from nmrflow.metrics.spectrum import f1_micro
from nmrflow.spectra.axis import ShiftAxis

AXIS = ShiftAxis()


@pytest.fixture(scope="module")
def train() -> Measured:
    """Alkenes whose codes say how many carbons are sp2, sp3 with and without hydrogens."""
    structures = tuple(enumerate_hydrocarbons(["alkenes"]))[:80]
    codes = np.zeros((len(structures), AXIS.n_bins), dtype=bool)
    codes[:, 80] = True
    codes[:, 15] = True
    for row, structure in enumerate(structures):
        codes[row, 25] = any(len(n) > 2 for n in structure.neighbours)
    return Measured(structures, codes)


def loss(predictor: ShiftPredictor, side: Measured) -> float:
    """Mean over spectra of minus the log probability of the measured bits."""
    p = predictor.probabilities(side.structures)
    return float(-np.log(np.where(side.codes, p, 1 - p)).sum(axis=1).mean())


def test_training_learns_and_repeats(train: Measured) -> None:
    shares: list[float] = []
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = train_predictor(train, AXIS, 1, n_networks=1, n_epochs=6, progress=shares.append)
    assert torch.equal(torch.get_rng_state(), before)
    other = train_predictor(train, AXIS, 1, n_networks=1, n_epochs=6)
    predicted = one.probabilities(train.structures)
    np.testing.assert_array_equal(predicted, other.probabilities(train.structures))
    assert one.threshold == other.threshold
    assert 1 <= one.epochs[0] <= 6
    assert shares == sorted(shares)
    assert len(shares) == 6
    assert shares[-1] == 1
    assert ((predicted > 0) & (predicted < 1)).all()
    shorter = train_predictor(train, AXIS, 1, n_networks=1, n_epochs=1)
    assert loss(one, train) < 0.8 * loss(shorter, train)


def test_networks_differ_and_their_probabilities_are_averaged(train: Measured) -> None:
    predictor = train_predictor(train, AXIS, 0, n_networks=2, n_epochs=1)
    alone = [
        ShiftPredictor((network,), AXIS, 0.5, (1,)).probabilities(train.structures)
        for network in predictor.networks
    ]
    assert np.abs(alone[0] - alone[1]).max() > 1e-3
    np.testing.assert_allclose(
        predictor.probabilities(train.structures), np.mean(alone, axis=0), atol=1e-9
    )


def test_the_threshold_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    true = rng.random((30, 8)) < 0.3
    predicted = np.round((0.4 * true + rng.random(true.shape)) / 1.4, 1)  # with many ties
    threshold = best_threshold(predicted, true)
    scores = [f1_micro(predicted > t, true) for t in np.linspace(-0.05, 1, 211)]
    assert f1_micro(predicted > threshold, true) == pytest.approx(max(scores))


def test_a_threshold_without_a_true_bit_is_a_number() -> None:
    for n in (0, 2):
        assert best_threshold(np.full((n, 2), 0.1), np.zeros((n, 2), dtype=bool)) == 0.5


def test_a_training_side_that_is_too_small_is_refused(train: Measured) -> None:
    fractions = [hash_fraction("part", 0, name) for name in train.connectivities]
    row = int(np.argmin(fractions))  # in the part that the first network leaves out
    alone = Measured(train.structures[row : row + 1], train.codes[row : row + 1])
    with pytest.raises(DataError, match="too few"):
        train_predictor(alone, AXIS, 0, n_networks=1, n_epochs=1)
