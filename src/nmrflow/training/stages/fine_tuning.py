"""The stage that goes on training a forward side that stands, on assigned shifts of one's own."""

import copy
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch

from nmrflow.chem.graph import AtomFeatures
from nmrflow.config.building import check_counts
from nmrflow.data.splits import draw, without
from nmrflow.errors import ConfigError, DataError
from nmrflow.model.network import Network
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow
from nmrflow.shifts.forward import EnsembleForward
from nmrflow.shifts.network import ShiftNetwork
from nmrflow.training.shifts.pretraining import Assigned, Assignments, Rehearsal
from nmrflow.training.shifts.schedule import Schedule
from nmrflow.training.stages.assigned import AssignedStage
from nmrflow.training.stages.base import StageContext, ensemble_of


@dataclass(kw_only=True, eq=False)
class FineTuningStage(AssignedStage):
    """Go on training a forward side that stands, with small steps.

    It begins with scales as wide as its calibration makes them, so that what is trained needs
    no factor of its own.

    Args:
        begin: Name of weights, or a run or a checkpoint, with the same domain and forward side.
        rehearsal_path: The file that those were trained on, whose training side they rehearse so
            as to forget less; None: nothing is rehearsed.
        rehearsal_weight: Of a molecule of that kind, as of :class:`Rehearsal`.
        rehearsal_times: As many of them as of one's own in each step.
        n_rehearsed: Most molecules of that kind.

    Raises:
        ConfigError: If a number is too small.
    """

    muon_rate: float | None = None
    begin: str
    rehearsal_path: str | None = None
    rehearsal_weight: float = 3.0
    rehearsal_times: int = 4
    n_rehearsed: int = 4000

    @property
    def schedule(self) -> Schedule:
        """Of each member, of few steps: the rates rise for longer."""
        return replace(super().schedule, warm_up=0.1)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(vars(self), rehearsal_times=1, n_rehearsed=1)

    @cached_property
    def _standing(self) -> TrainedFlow:
        return load(self.begin)

    def begin_from(self, context: StageContext) -> tuple[Sequence[ShiftNetwork], Rehearsal | None]:
        """The networks of the weights that stand, and what they rehearse.

        Raises:
            ConfigError: If they are of another domain or forward side.
            CheckpointError: If they cannot be read.
            DataError: If what is to be rehearsed cannot be read, or nothing of it is left.
        """
        network = self._standing.network
        standing, new = ensemble_of(network), ensemble_of(context.network)
        if _kind(network, standing) != _kind(context.network, new):
            raise ConfigError(
                f"begin={self.begin}: its domain or its forward side is not that of the model; "
                "give model= as that was trained with"
            )
        members = [_widened(member, standing.widening) for member in _members(standing)]
        return members, self._rehearsed(context, standing.features)

    def _rehearsed(self, context: StageContext, features: AtomFeatures) -> Rehearsal | None:
        if self.rehearsal_path is None:
            return None
        records = self._standing.source_at(self.rehearsal_path).read().records
        used = without(self._standing.split.divide(records).train, context.excluded)
        if not used:
            raise DataError(f"{self.rehearsal_path}: no molecule of it can be rehearsed")

        drawn = draw(used, self.n_rehearsed, context.seed)
        assigned = Assignments.of([Assigned.of(record) for record in drawn], features)
        return Rehearsal(assigned, self.rehearsal_weight, self.rehearsal_times)

    def conditions(self, settings: Mapping[str, Any], model: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Settings, forward side, and the weights that it begins with, wherever they lie."""
        standing, digest = ensemble_of(self._standing.network), hashlib.sha256()
        for weight in standing.state_dict().values():
            digest.update(weight.numpy().tobytes())
        path = self.rehearsal_path
        rehearsed = self._standing.source_at(path).digest() if path else None
        places: dict[str, Any] = {"begin": None, "rehearsal_path": rehearsed}
        own = super().conditions({**settings, **places}, model)
        return [own, standing.widening, digest.hexdigest()]


def _kind(network: Network, forward: EnsembleForward) -> list[Any]:
    """What must agree for weights to mean the same."""
    shapes = [member.shape for member in _members(forward)]
    told = forward.features
    features = told.elements, told.observed, told.tells_charges
    return [vars(network.domain), network.axis, features, shapes]


def _members(forward: EnsembleForward) -> list[ShiftNetwork]:
    return [one for one in forward.ensemble.networks if isinstance(one, ShiftNetwork)]


def _widened(network: ShiftNetwork, factor: float) -> ShiftNetwork:
    """A copy to be trained whose scales are so much wider."""
    own = copy.deepcopy(network).requires_grad_()
    with torch.no_grad():
        own.log_scale_bias.add_(math.log(factor))
    return own
