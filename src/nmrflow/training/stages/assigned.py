"""The stage that learns where shifts lie from the training side's own assignments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nmrflow.config.building import check_counts
from nmrflow.console import steps
from nmrflow.shifts.network import ShiftEnsemble, ShiftNetwork
from nmrflow.training.shifts.pretraining import Assigned, Rehearsal, pretrain
from nmrflow.training.shifts.schedule import Schedule
from nmrflow.training.stages.base import ForwardStage, StageContext, ensemble_of, forward_side
from nmrflow.workers import run_jobs


@dataclass(kw_only=True, eq=False)
class AssignedStage(ForwardStage):
    """Train the forward side's networks on the assigned shifts of the training side.

    Each member sees all of it, in its own order and from its own first weights. What an
    interrupted run has trained is kept, epoch by epoch.

    Args:
        n_epochs: Of each member.
        batch_size: Most molecules in a batch.
        learning_rate: Of what is no hidden layer.
        muon_rate: Of hidden layers; None: theirs is that of the others.
        weight_decay: Of all.

    Raises:
        ConfigError: If a number is too small.
    """

    n_epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 2e-3
    muon_rate: float | None = 0.02
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        check_counts(vars(self), n_epochs=1, batch_size=1)

    @property
    def schedule(self) -> Schedule:
        """Of each member."""
        return Schedule(
            self.n_epochs,
            self.learning_rate,
            self.batch_size,
            0.05,
            self.weight_decay,
            2.0,
            self.muon_rate,
        )

    def run(self, context: StageContext) -> dict[str, Any]:
        """Train and keep the networks."""
        forward = ensemble_of(context.network)
        first = forward.ensemble.networks[0]
        assert isinstance(first, ShiftNetwork)
        molecules = [Assigned.of(record) for record in context.train]
        begin, rehearsal = self.begin_from(context)
        n_networks = len(forward.ensemble.networks)
        jobs = [
            partial(
                pretrain,
                molecules,
                seed=context.seed * n_networks + k,
                schedule=self.schedule,
                network_args=first.shape,
                features=forward.features,
                keep=context.folder / f"member{k}.ckpt",
                begin=begin[k] if begin else None,
                rehearsal=rehearsal,
            )
            for k in range(n_networks)
        ]
        with steps("assigned shifts") as progress:
            networks = run_jobs(jobs, context.n_threads, progress)
        self.keep(context, ShiftEnsemble(networks))
        return {
            "n_assigned": sum(bool(molecule.shifts) for molecule in molecules),
            "n_assigned_shifts": sum(len(molecule.shifts) for molecule in molecules),
        }

    def begin_from(
        self,
        context: StageContext,  # noqa: ARG002
    ) -> tuple[Sequence[ShiftNetwork], Rehearsal | None]:
        """The networks that are trained on, none: new ones; and what they may not forget."""
        return (), None

    def conditions(self, settings: Mapping[str, Any], model: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Settings, and the forward side."""
        return [settings, forward_side(model)]
