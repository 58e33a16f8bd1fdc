"""Assigned shifts: a training that was interrupted ends at the same digits."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nmrflow.chem.graph import AtomFeatures
from nmrflow.chem.structure import Structure
from nmrflow.errors import CheckpointError
from nmrflow.model import checkpoint as checkpoints
from nmrflow.shifts.network import ShiftNetwork
from nmrflow.training.shifts.pretraining import Assigned, Assignments, Rehearsal, pretrain
from nmrflow.training.shifts.schedule import PRETRAINING

SHORT = replace(PRETRAINING, n_epochs=3, batch_size=2)
OWN, STANDING = (
    [Assigned(Structure.from_smiles(smiles), {0: ppm}) for smiles, ppm in shifts.items()]
    for shifts in ({"CO": 50.2, "CCO": 18.1, "CCCO": 10.3}, {"CC": 6.5, "CCC": 16.1, "CN": 28.3})
)


class Stopped(Exception):
    """Somebody pulled the plug."""


def trained(keep: Path | None = None, stop_after: float = 1.0) -> ShiftNetwork:
    def told(share: float) -> None:
        if stop_after <= share < 1:
            raise Stopped

    return pretrain(
        OWN,
        seed=0,
        schedule=SHORT,
        network_args={"width": 8, "n_steps": 2},
        rehearsal=Rehearsal(Assignments.of(STANDING, AtomFeatures()), 3.0, 2),
        keep=keep,
        progress=told,
    )


def test_what_is_rehearsed_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    keep = tmp_path / "member.ckpt"
    with pytest.raises(Stopped):
        trained(keep, stop_after=0.3)
    whole, resumed = trained(), trained(keep)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("state", [None, torch.zeros(3, dtype=torch.uint8)])
def test_draws_that_are_not_those_of_a_training_are_refused(
    tmp_path: Path, state: torch.Tensor | None
) -> None:
    keep = tmp_path / "member.ckpt"
    with pytest.raises(Stopped):
        trained(keep, stop_after=0.3)
    checkpoints.save_atomically({**checkpoints.read(keep), "draws": state}, keep)
    with pytest.raises(CheckpointError, match="draws is missing or damaged"):
        trained(keep)
