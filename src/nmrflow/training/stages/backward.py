"""The backward side is learned, on molecules with predicted and with measured peaks."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from nmrflow.chem.codecs.table import TableCodec
from nmrflow.config.building import check_counts, check_shares
from nmrflow.data.peak_table import joined, read_table
from nmrflow.data.question_draw import PeakBatches, PeakRows, QuestionDraw, Rows
from nmrflow.errors import ConfigError, TrainingError
from nmrflow.flow.saturated import SaturatedGrammar
from nmrflow.flow.spectrum import CODE_LOGIT
from nmrflow.flow.structure import StructureCoupling
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.network import Network
from nmrflow.numerics import Draws, generator_for, own_rows, summed, world_size
from nmrflow.spectra.places import HUNDREDTHS, ORIGIN_PPM
from nmrflow.training.optimizer import MuonAdamW, Trapeze, optimizers_of
from nmrflow.training.resemblance import resemblance
from nmrflow.training.stages.base import StageContext, ensemble_of
from nmrflow.training.stages.epochs import EpochStage, check_stage
from nmrflow.training.stages.molecules import measured_table, table_files


@dataclass(kw_only=True, eq=False)
class BackwardStage(EpochStage):
    """Train what the flow says of structures, given questions.

    Args:
        molecules: Name of the stage that wrote tables of molecules.
        n_molecules: How many molecules are gone through, repeats included.
        n_epochs: Parts in which that is done; after each a checkpoint is written.
        batch_size: Molecules at a time, of all processes together.
        share_measured: Share of measured spectra of the training side in each batch.
        share_alike: Share of the other draws that follow how much molecules resemble measured
            ones (:mod:`nmrflow.training.resemblance`); the others are all alike.
        questions: What is told of each.
        optimizer: Makes the optimiser from the parameters.
        schedule: Factor on its rates, from the share of the steps done.

    Raises:
        ConfigError: If a number is too small, or a share none.
    """

    molecules: str
    n_molecules: int
    n_epochs: int = 20
    batch_size: int = 256
    share_measured: float = 0.3
    share_alike: float = 0.7
    questions: QuestionDraw = field(default_factory=QuestionDraw)
    optimizer: Callable[[Iterable[Tensor]], Optimizer] = MuonAdamW
    schedule: Trapeze = field(default_factory=Trapeze)

    def __post_init__(self) -> None:
        check_counts(vars(self), n_molecules=1, n_epochs=1, batch_size=1)
        check_shares(vars(self), "share_measured", "share_alike")

    def run(self, context: StageContext) -> dict[str, Any]:
        """Train; goes on after the last checkpoint that is there."""
        module = BackwardModule(
            context.network, self.questions, self.optimizer, self.schedule, context.seed
        )
        losses = self.fit(context, partial(self._batches, context), module)
        # What y says of bits, where it is the code of a question.
        logits = {"mean_logit_true": CODE_LOGIT, "mean_logit_false": -CODE_LOGIT}
        return {"structure_nats": losses, **logits}

    def _batches(self, context: StageContext, batch_size: int) -> tuple[PeakRows, PeakBatches]:
        """What is gone through: tables by resemblance, and measured spectra."""
        check_stage(context, "molecules", self.molecules)
        network, grammar = context.network, structure_node(context.network).grammar
        codec = network.codec
        assert isinstance(codec, TableCodec)
        tables = joined([read_table(f) for f in table_files(context.folders[self.molecules])])
        features = ensemble_of(network).features
        rows = PeakRows(tables, measured_table(context.train, codec, grammar, features))
        weights = np.full(rows.n_molecules, 1 - self.share_alike)
        if self.share_alike:
            known = rows.measured.kinds
            weights += self.share_alike * resemblance(known, rows, context.seed)
        return rows, PeakBatches(
            rows,
            n=self.n_molecules // self.n_epochs,
            batch_size=batch_size,
            share_measured=self.share_measured,
            seed=context.seed,
            weights=weights,
        )


def structure_node(network: Network) -> StructureCoupling:
    """The node that says structures, of kinds of atoms that tell their hydrogens.

    Raises:
        ConfigError: If the flow has none.
    """
    node = network.flow.likely
    if not (isinstance(node, StructureCoupling) and isinstance(node.grammar, SaturatedGrammar)):
        raise ConfigError(
            "this stage trains a flow with a StructureCoupling, and a codec that tells hydrogens"
        )
    return node


class BackwardModule(pl.LightningModule):
    """Minimises -log p(structure | question), token by token.

    It is the likelihood that z and log|det| add up to, without computing either.

    Args:
        network: Its flow is trained.
        questions: What is told of each molecule.
        optimizer: Makes the optimiser from the parameters.
        schedule: Factor on its rates, from the share of the steps done.
        seed: Of the questions.
    """

    edges: Tensor

    def __init__(
        self,
        network: Network,
        questions: QuestionDraw,
        optimizer: Callable[[Iterable[Tensor]], Optimizer],
        schedule: Callable[[float], float],
        seed: int,
    ) -> None:
        super().__init__()
        self.flow = network.flow
        node = structure_node(network)
        assert isinstance(node.grammar, SaturatedGrammar)
        self._node, self._grammar = [node], node.grammar  # in a list: it is the flow's own
        self._questions, self._make_optimizer, self._schedule = questions, optimizer, schedule
        self._seed = seed
        edges = (network.axis.bin_edges_ppm() - ORIGIN_PPM) * HUNDREDTHS
        self.register_buffer("edges", torch.from_numpy(edges).float(), persistent=False)
        self._losses: list[Tensor] = []

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - what Lightning takes
        """The configured optimiser over the flow's own weights."""
        return optimizers_of(self, self._make_optimizer, self._schedule)

    def on_train_epoch_start(self) -> None:
        """Begin the epoch's losses anew."""
        self._losses = []

    def train_means(self) -> dict[str, float]:
        """The mean loss of the epoch's batches so far."""
        return {"loss": float(torch.stack(self._losses).mean())}

    def on_fit_start(self) -> None:
        """Lightning leaves the mode as it is, and a flow that was used before is in the other."""
        self.train()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What makes it a checkpoint of ours."""
        checkpoint[checkpoints.KEY] = {**checkpoints.describe_software(), "training_side": {}}

    def training_step(self, rows: Rows, batch_idx: int) -> Tensor:
        """The mean of -log p over one batch."""
        n_own = len(rows.tokens)
        n = int(summed([n_own])[0])
        key = generator_for(self._seed, "questions", self.current_epoch, batch_idx)
        asked = self._questions(
            rows,
            self._grammar.totals_of_tokens(rows.tokens, self._grammar.counted),
            is_ion=self._grammar.totals_of_tokens(rows.tokens, self._grammar.charges[:, None])[
                :, 0
            ]
            != 0,
            edges=self.edges,
            n_peaks=self._node[0].conditional.n_facts // 2,
            draws=Draws(key, n, own_rows()),
        )
        log_p = self._node[0].log_probability_of_tokens(*asked)
        loss = -log_p.mean()
        if not math.isfinite(summed([float(loss.detach())])[0]):
            raise TrainingError(
                f"the loss is {float(loss)} in epoch {self.current_epoch + 1}, batch "
                f"{batch_idx + 1}; lower the stage's optimizer.lr"
            )
        self._losses.append(loss.detach())
        return loss * (n_own * world_size() / n)
