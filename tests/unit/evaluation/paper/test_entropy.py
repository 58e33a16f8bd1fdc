"""Entropy of cells against SciPy, and tensors whose entropy is known."""

import numpy as np
import pytest
from scipy.stats import entropy

from nmrflow.evaluation.paper.entropy import cell_entropy_bits


def test_it_is_scipys_summed_over_cells() -> None:
    rng = np.random.default_rng(0)
    x = (rng.uniform(size=(50, 4, 16, 16)) < rng.uniform(size=(4, 16, 16)) ** 3).astype(np.uint8)
    frequency = x.reshape(50, -1).mean(axis=0)
    expected = entropy(np.stack([frequency, 1 - frequency]), base=2).sum()
    assert cell_entropy_bits(x) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("x", "bits"),
    [
        ([[0, 1, 1], [0, 1, 1]], 0.0),  # Nothing varies.
        ([[0, 1, 1]], 0.0),
        ([[0, 1], [1, 0]], 2.0),  # A bit a cell, although the cells are not independent.
        ([[1], [0], [0], [0]], 2 - 0.75 * np.log2(3)),
    ],
)
def test_by_hand(x: list[list[int]], bits: float) -> None:
    assert cell_entropy_bits(np.array(x)) == pytest.approx(bits)
