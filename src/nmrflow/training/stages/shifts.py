"""The forward side is learned: where carbons' shifts lie, from assigned and measured spectra."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from nmrflow.config.building import check_counts
from nmrflow.console import say, steps
from nmrflow.data.dataset import fine_codes
from nmrflow.data.records import Source
from nmrflow.data.splits import without
from nmrflow.errors import ConfigError
from nmrflow.files.reading import names_a_file
from nmrflow.numerics import isolated_rng
from nmrflow.shifts.network import ShiftNetwork
from nmrflow.training.shifts.ensemble import N_PARTS, FineTuning, MeasuredSpectra, train_ensemble
from nmrflow.training.shifts.pretraining import Assigned, Assignments, Rehearsal, pretrain
from nmrflow.training.shifts.schedule import FINE_TUNING, PRETRAINING
from nmrflow.training.stages.base import ForwardStage, StageContext, ensemble_of, forward_side
from nmrflow.workers import run_jobs


@dataclass(kw_only=True, eq=False)
class ShiftStage(ForwardStage):
    """Train the ensemble of shift networks that predicts y.

    Networks begin on assigned shifts, of molecules with heteroatoms mostly, and go on with the
    measured codes of the training side, where they rehearse what they began with. Without a
    file of assigned shifts they begin with the codes.

    Args:
        source: Gives molecules with assigned shifts, or no records.
        n_pretrained: Networks that begin on assigned shifts; members start from them in turn.
        pretraining_epochs: Epochs on assigned shifts; each is kept.
        pretraining_batch_size: Most molecules in a batch there.
        muon_rate: Of hidden layers there; None: that of all others.
        fine_tuning_epochs: Epochs on measured codes.
        rehearsal_weight: Of the loss on assigned shifts in them; 0: measured codes alone.

    Raises:
        ConfigError: If a number is too small.
    """

    source: Source
    n_pretrained: int = 1
    pretraining_epochs: int = 30
    pretraining_batch_size: int = PRETRAINING.batch_size
    muon_rate: float | None = None
    fine_tuning_epochs: int = 15
    rehearsal_weight: float = 4.0

    def __post_init__(self) -> None:
        check_counts(vars(self), n_pretrained=1, pretraining_epochs=1, fine_tuning_epochs=1)
        check_counts(vars(self), pretraining_batch_size=1)
        if not 0 <= self.rehearsal_weight < math.inf:
            raise ConfigError(f"rehearsal_weight={self.rehearsal_weight}: 0 or a positive number")

    def run(self, context: StageContext) -> dict[str, Any]:
        """Train and keep the networks and the thresholds of their bits."""
        forward = ensemble_of(context.network)
        axis, n_networks = context.network.axis, len(forward.ensemble.networks)
        if n_networks > N_PARTS:
            raise ConfigError(f"model.forward.n_networks: {N_PARTS} at most")
        pretrained, rehearsal, facts = self._pretrain(context)
        structures = [record.structure for record in context.train]
        fine = fine_codes(context.train, axis)
        fine_tuning = replace(FINE_TUNING, n_epochs=self.fine_tuning_epochs)
        with steps("measured codes") as progress:
            trained = train_ensemble(
                pretrained,
                MeasuredSpectra(structures, fine, axis, forward.features),
                seed=context.seed,
                n_networks=n_networks,
                how=FineTuning(fine_tuning, rehearsal),
                n_processes=context.n_threads,
                progress=progress,
            )
        scores = trained.thresholds.scores
        say(f"on parts left out, n = {trained.n_unseen}: {scores}")
        self.keep(context, trained.ensemble)
        return {
            **facts,
            "logit_thresholds": trained.thresholds.logits.tolist(),
            "unseen": {"n": trained.n_unseen, "log_loss": trained.log_loss, **scores},
        }

    def _pretrain(
        self, context: StageContext
    ) -> tuple[list[ShiftNetwork], Rehearsal | None, dict[str, Any]]:
        """Networks to begin with, what they are to rehearse, and facts."""
        forward = ensemble_of(context.network)
        first = forward.ensemble.networks[0]
        assert isinstance(first, ShiftNetwork)
        data = self.source.read()
        if not data.records:
            say("no assigned shifts given: the networks begin with the measured codes")
            with isolated_rng(context.seed):
                return [ShiftNetwork(**first.shape)], None, {"n_assigned": 0}
        # Molecules of the domain's kinds of atoms are left out altogether, not only those of
        # the validation side: what is trained here has then seen none that it is tuned on.
        molecules = [
            Assigned.of(record)
            for record in without(data.records, context.excluded)
            if not context.network.domain.has_kinds_of(record.structure)
        ]
        left_out = dict(data.n_excluded)
        left_out["hydrocarbons, or among the spectra"] = len(data.records) - len(molecules)
        say(
            f"{len(molecules):,} molecules with assigned shifts; left out: "
            + ", ".join(f"{n:,} {reason}" for reason, n in left_out.items())
        )
        say(data.notes)
        schedule = replace(
            PRETRAINING,
            n_epochs=self.pretraining_epochs,
            batch_size=self.pretraining_batch_size,
            muon_rate=self.muon_rate,
        )
        jobs = [
            partial(
                pretrain,
                molecules,
                seed=context.seed * self.n_pretrained + k,
                schedule=schedule,
                network_args=first.shape,
                features=forward.features,
                keep=context.folder / f"pretrained{k}.ckpt",
            )
            for k in range(self.n_pretrained)
        ]
        with steps("assigned shifts") as progress:
            pretrained = run_jobs(jobs, context.n_threads, progress)
        rehearsal = None
        if self.rehearsal_weight and molecules:
            assigned = Assignments.of(molecules, forward.features)
            rehearsal = Rehearsal(assigned, self.rehearsal_weight)
        return pretrained, rehearsal, {"n_assigned": len(molecules), "assigned_left_out": left_out}

    def conditions(self, settings: Mapping[str, Any], model: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Settings with the source's contents instead of places, and the forward side.

        Raises:
            DataError: If a file cannot be read.
        """
        source = {k: v for k, v in settings.get("source", {}).items() if not names_a_file(k)}
        return [{**settings, "source": source}, self.source.digest(), forward_side(model)]
