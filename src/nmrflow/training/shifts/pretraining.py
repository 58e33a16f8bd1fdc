"""Training of shift networks on shifts that are assigned to atoms."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmrflow.chem.graph import AtomFeatures, MolecularGraph
from nmrflow.chem.structure import Structure
from nmrflow.data.records import Record
from nmrflow.errors import DataError
from nmrflow.numerics import generator_for, isolated_rng
from nmrflow.shifts.network import ShiftNetwork, collate
from nmrflow.training.shifts.schedule import PRETRAINING, Progress, Schedule, follow


class Assigned(NamedTuple):
    """A molecule with shifts in ppm by position of the atom."""

    structure: Structure
    shifts: Mapping[int, float]

    @classmethod
    def of(cls, record: Record) -> "Assigned":
        """What a record assigns to single atoms of its structure."""
        shifts = {int(a): peak.shift_ppm for peak in record.peaks.peaks for a in peak.atoms}
        return cls(record.structure, shifts)


class Assignments(NamedTuple):
    """Molecules, each with a known shift, and of each the shifts of its atoms ``(n_atoms,)``.

    A shift that is not known is nan.
    """

    graphs: Sequence[MolecularGraph]
    shifts_ppm: Sequence[Tensor]

    @classmethod
    def of(cls, molecules: Sequence[Assigned], features: AtomFeatures) -> "Assignments":
        """Those of the molecules that have a shift, their atoms with features."""
        used = [molecule for molecule in molecules if molecule.shifts]
        graphs = [features.graph(molecule.structure) for molecule in used]
        vectors = [torch.full((molecule.structure.n_atoms,), torch.nan) for molecule in used]
        for vector, molecule in zip(vectors, used, strict=True):
            vector[list(molecule.shifts)] = torch.tensor(list(molecule.shifts.values()))
        return cls(graphs, vectors)

    def loss(self, network: ShiftNetwork, rows: NDArray[np.integer]) -> Tensor:
        """Negative log density per ppm of the known shifts of some molecules, mean."""
        mixture = network(collate([self.graphs[k] for k in rows]))
        shift_ppm = torch.cat([self.shifts_ppm[k] for k in rows])
        known = ~shift_ppm.isnan()
        loss: Tensor = -mixture.rows(known).log_density(shift_ppm[known, None]).mean()
        return loss


class Rehearsal(NamedTuple):
    """What a network goes on learning beside its examples, so as not to forget it.

    In each step molecules are drawn, of one at least, so many times as there are examples; the
    weight is of the loss per shift against the loss on the examples.
    """

    assigned: Assignments
    weight: float
    times: int = 1

    def loss(self, network: ShiftNetwork, n: int, generator: torch.Generator) -> Tensor:
        """The weighted loss on what is drawn beside n examples."""
        size = (self.times * n,)
        drawn = torch.randint(len(self.assigned.graphs), size, generator=generator).numpy()
        return self.weight * self.assigned.loss(network, drawn)


def pretrain(  # noqa: PLR0913 - each by name
    molecules: Sequence[Assigned],
    *,
    seed: int,
    schedule: Schedule = PRETRAINING,
    network_args: Mapping[str, Any] | None = None,
    features: AtomFeatures = AtomFeatures(),  # noqa: B008 - never changed
    progress: Progress = lambda share: None,  # noqa: ARG005
    keep: Path | None = None,
    begin: ShiftNetwork | None = None,
    rehearsal: Rehearsal | None = None,
) -> ShiftNetwork:
    """Train a network on the likelihood of assigned shifts; it is in evaluation mode.

    Nothing that it is to be judged on may be among the molecules. ``network_args`` are those of
    :class:`ShiftNetwork`, the seed is of initial weights, dropout and the order of batches;
    ``keep`` is as of :func:`follow`. With one to ``begin`` from, that is trained, in place; what
    it has learnt before may be rehearsed.

    Raises:
        DataError: If there is no molecule with a shift.
        TrainingError: As :func:`follow`.
    """
    assigned = Assignments.of(molecules, features)
    if not assigned.graphs:
        raise DataError("no molecule with assigned shifts to train on")
    generator = generator_for(seed, "rehearsal")

    def loss_of(network: ShiftNetwork, rows: NDArray[np.integer]) -> Tensor:
        loss = assigned.loss(network, rows)
        return rehearsal.loss(network, len(rows), generator) + loss if rehearsal else loss

    with isolated_rng(seed):
        network = begin or ShiftNetwork(**(network_args or {}))
        return follow(
            network,
            len(assigned.graphs),
            loss_of,
            schedule,
            seed=seed,
            progress=progress,
            keep=keep,
            draws=generator if rehearsal else None,
        )
