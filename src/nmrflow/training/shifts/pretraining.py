"""Training of shift networks on shifts that are assigned to atoms."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmrflow.chem.graph import AtomFeatures, MolecularGraph
from nmrflow.chem.structure import Structure
from nmrflow.data.records import Record
from nmrflow.errors import DataError
from nmrflow.numerics import isolated_rng
from nmrflow.shifts.network import ShiftNetwork, collate
from nmrflow.training.shifts.schedule import PRETRAINING, Progress, Schedule, follow


class Assigned(NamedTuple):
    """A molecule with shifts in ppm by position of the atom."""

    structure: Structure
    shifts: Mapping[int, float]

    @classmethod
    def of(cls, record: Record) -> "Assigned":
        """What a record assigns to single atoms of its structure."""
        peaks = record.peaks.peaks
        return cls(
            record.structure,
            {int(atom): peak.shift_ppm for peak in peaks for atom in peak.atoms},
        )


class Assignments(NamedTuple):
    """Molecules and the shifts assigned to their atoms, as the loss takes them.

    Args:
        graphs: The molecules, n of them, each with one known shift at least.
        shifts_ppm: Shift of every atom, nan where it is not known: n times ``(n_atoms,)``.
    """

    graphs: Sequence[MolecularGraph]
    shifts_ppm: Sequence[Tensor]

    @classmethod
    def of(cls, molecules: Sequence[Assigned], features: AtomFeatures) -> "Assignments":
        """Those of the molecules that have a shift, their atoms with features."""
        used = [molecule for molecule in molecules if molecule.shifts]
        graphs = [features.graph(molecule.structure) for molecule in used]
        return cls(graphs, [_shift_vector(molecule) for molecule in used])

    def loss(self, network: ShiftNetwork, rows: NDArray[np.integer]) -> Tensor:
        """Negative log density per ppm of the known shifts of some molecules, mean."""
        mixture = network(collate([self.graphs[k] for k in rows]))
        shift_ppm = torch.cat([self.shifts_ppm[k] for k in rows])
        known = ~shift_ppm.isnan()
        loss: Tensor = -mixture.rows(known).log_density(shift_ppm[known, None]).mean()
        return loss


class Rehearsal(NamedTuple):
    """What a network goes on learning beside measured codes, so as not to forget it.

    Args:
        assigned: At least one molecule; in each step as many of them as there are codes.
        weight: Of the loss per shift against the loss per code.
    """

    assigned: Assignments
    weight: float


def pretrain(
    molecules: Sequence[Assigned],
    *,
    seed: int,
    schedule: Schedule = PRETRAINING,
    network_args: Mapping[str, Any] | None = None,
    features: AtomFeatures = AtomFeatures(),  # noqa: B008 - never changed
    progress: Progress = lambda share: None,  # noqa: ARG005
) -> ShiftNetwork:
    """Train a new network on the likelihood of assigned shifts.

    Args:
        molecules: With nothing among them that the network is to be judged on.
        seed: Of initial weights, dropout and the order of batches.
        schedule: Epochs, learning rate and the like.
        network_args: Arguments of :class:`ShiftNetwork`.
        features: How atoms become numbers.
        progress: Called after every epoch.

    Returns:
        The network in evaluation mode.

    Raises:
        DataError: If there is no molecule with a shift.
        TrainingError: If the loss is no longer a finite number.
    """
    assigned = Assignments.of(molecules, features)
    if not assigned.graphs:
        raise DataError("no molecule with assigned shifts to train on")
    with isolated_rng(seed):
        network = ShiftNetwork(**(network_args or {}))
        return follow(
            network, len(assigned.graphs), assigned.loss, schedule, seed=seed, progress=progress
        )


def _shift_vector(molecule: Assigned) -> Tensor:
    """Shift in ppm of every atom, nan where it is not known, ``(n_atoms,)``."""
    shift_ppm = torch.full((molecule.structure.n_atoms,), torch.nan)
    for atom, shift in molecule.shifts.items():
        shift_ppm[atom] = shift
    return shift_ppm
