"""What counts as returned by the inverse, and what does not."""

import numpy as np
import pytest

from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.chem.structure import Structure
from nmrflow.metrics.inversion import inversion_scores

CODEC = BondTensorCodec()
STRUCTURES = [Structure.from_smiles(s) for s in ("CC=C", "c1ccccc1", "CC(C)C", "C#CCC")]
X = np.stack([CODEC.encode(structure) for structure in STRUCTURES]).astype(np.float32)


def scores(x_back: np.ndarray) -> dict[str, float]:
    return inversion_scores(X, x_back, STRUCTURES, CODEC)


def test_a_perfect_inverse() -> None:
    assert scores(X.copy()) == {
        "max_abs_error": 0.0,
        "mean_abs_error": 0.0,
        "exact_structures": 1.0,
    }


def test_errors_are_over_all_cells() -> None:
    x_back = X.copy()
    x_back[0, 0, 3, 3] += 0.25
    x_back[2, 1, 0, 0] -= 0.125
    found = scores(x_back)
    assert found["max_abs_error"] == pytest.approx(0.25)
    assert found["mean_abs_error"] == pytest.approx(0.375 / X.size)
    assert found["exact_structures"] == 1.0


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ((3, 0, 0), 1),  # A flag more: the same molecule, another tensor.
        ((0, 0, 1), 1),  # A bond more: another molecule.
        ((0, 9, 9), 1),  # A fragment that hangs on nothing.
        ((0, 5, 0), 1),  # Below the diagonal.
        ((3, 9, 9), 1),  # A flag without a bond.
        ((0, 0, 0), 0),  # A bond less.
        ((0, 0, 0), 0.49),
        ((0, 0, 0), np.nan),
    ],
)
def test_one_wrong_cell_is_one_molecule_lost(cell: tuple[int, int, int], value: float) -> None:
    x_back = X.copy()
    x_back[(0, *cell)] = value
    assert scores(x_back)["exact_structures"] == 0.75


def test_a_wrong_pairing_is_noticed() -> None:
    found = inversion_scores(X, X.copy(), STRUCTURES[::-1], CODEC)
    assert found["max_abs_error"] == 0.0
    assert found["exact_structures"] == 0.0


def test_nothing_comes_back_from_zeros() -> None:
    found = scores(np.zeros_like(X))
    assert found["exact_structures"] == 0.0
    assert found["mean_abs_error"] == pytest.approx(X.mean(dtype=float))
