"""For tests of answers and of what becomes of them: shifts by hand, a small network."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from nmrflow.chem.structure import Structure

if TYPE_CHECKING:
    from nmrflow.model.calibration import Calibration
    from nmrflow.model.results import PredictedShifts
    from nmrflow.model.trained import TrainedFlow


@pytest.fixture(scope="session")
def shifts_by_hand() -> Callable[..., "PredictedShifts"]:
    """Makes predicted shifts of a SMILES, in its order: one Laplace distribution a carbon."""
    from nmrflow.model.results import PredictedShifts
    from nmrflow.shifts.mixture import LaplaceMixture

    def make(
        molecule: Structure | str, shifts_ppm: Sequence[float], scale_ppm: float = 1.0
    ) -> PredictedShifts:
        structure = Structure.from_smiles(molecule) if isinstance(molecule, str) else molecule
        centre = torch.tensor(shifts_ppm, dtype=torch.float64)[:, None]
        scale = torch.full_like(centre, scale_ppm)
        at = np.array(shifts_ppm, dtype=np.float64)
        away = scale_ppm * math.log(10)  # 90 % of a Laplace distribution
        mixture = LaplaceMixture(centre, scale, torch.zeros_like(centre))
        return PredictedShifts(structure, mixture, at, at - away, at + away, 0.9)

    return make


@pytest.fixture(scope="session")
def calibration() -> "Calibration":
    """A calibration out of thin air."""
    from nmrflow.model.calibration import Calibration, Logistic, RankingWeights

    return Calibration(
        ranking=RankingWeights(log_p_weight=0.5, density_weight=0.75),
        among=Logistic(1.0, {"mass": 0.5, "lead": 0.1, "tension": -0.2}),
        given=Logistic(2.0, {"mass": 0.1, "lead": 0.2, "tension": -0.1}),
        none_fits_below=0.2,
        conditions={"data": "invented", "n": 0},
    )


@pytest.fixture(scope="session")
def small_flow(
    make_flow: Callable[..., "TrainedFlow"], calibration: "Calibration"
) -> "TrainedFlow":
    """A small network with random weights and a calibration; tests must not change it."""
    return make_flow(calibration=calibration)
