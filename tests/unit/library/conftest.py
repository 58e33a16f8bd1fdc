"""A small network that predicts, as files name it, and a few molecules."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from nmrflow.library import build as building
from nmrflow.model.network import build_network
from nmrflow.model.trained import TrainedFlow

MOLECULES = (
    "CCO ethanol", "OCC", "CC(C)=O acetone", "CCCC(=O)OC", "Cc1ccccc1 toluene", "C1CC bad",
    "O water", "[Na+].CC(=O)[O-] acetate", "CC(C)C1CCC(C)CC1O menthol", "CCN", "CCCCO", "c1ccccc1",
    "C1CCCCC1", "CC#N", "CCOC(C)=O", "CC(=O)Cl",
)  # fmt: skip
"""Of which one is no SMILES, one has no carbon, one stands there twice, one is a salt."""


@pytest.fixture(scope="session")
def make_predicting(small_model: Callable[..., dict[str, Any]]) -> Callable[[], TrainedFlow]:
    domain = {
        "atom_types": [["C", 0, 4], ["N", 0, 3], ["O", 0, 2], ["O", -1, 1], ["Cl", 0, 1]],
        "min_atoms": 1,
        "max_atoms": 20,
    }
    described = small_model(domain, n_networks=2)
    described["flow"], described["codec"] = None, {"_target_": "nmrflow.chem.codecs.none.NoCells"}

    def make() -> TrainedFlow:
        network = build_network(described, 0)
        generator = torch.Generator().manual_seed(0)
        assert network.forward is not None
        with torch.no_grad():
            for parameter in network.forward.parameters():
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
        config = {"name": "small", "ranking": {"density_weight": 4.0}}
        return TrainedFlow(network, {"config": config, "training_side": {}})

    return make


@pytest.fixture(scope="session")
def predicting(make_predicting: Callable[[], TrainedFlow]) -> TrainedFlow:
    return make_predicting()


@pytest.fixture
def named(predicting: TrainedFlow, monkeypatch: pytest.MonkeyPatch) -> str:
    """A name by which the network is loaded."""
    monkeypatch.setattr(building, "load", lambda _: predicting)
    return "small"


@pytest.fixture
def molecules(tmp_path: Path) -> Path:
    return write_molecules(tmp_path / "molecules.smi", MOLECULES)


def write_molecules(file: Path, molecules: Sequence[str]) -> Path:
    file.write_text("".join(f"{one}\n" for one in molecules))
    return file
