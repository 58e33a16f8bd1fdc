"""The bonds are learned, on generated and measured spectra."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import numpy as np
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from nmrflow.chem.structure import Structure
from nmrflow.config.building import check_counts, check_shares
from nmrflow.console import say
from nmrflow.data.corpus import Corpus, EpochDraw, Mixed
from nmrflow.data.dataset import SpectrumDataset
from nmrflow.errors import ConfigError
from nmrflow.losses import Objective
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.network import part_of
from nmrflow.model.schema import load_weights
from nmrflow.training.callbacks import AtomicCheckpointIO, EpochProgress, LastCheckpoint
from nmrflow.training.datamodule import as_is
from nmrflow.training.module import FlowModule
from nmrflow.training.optimizer import MuonAdamW, Trapeze
from nmrflow.training.resemblance import resemblance
from nmrflow.training.stages.base import Stage, StageContext, ensemble_of

GRADIENT_NORM = 30.0
"""Longer gradients are cut to it; in a training that goes well few are."""

OF_THE_RUN = (
    "accelerator",
    "devices",
    "num_nodes",
    "strategy",
    "use_distributed_sampler",
    "deterministic",
)
"""What the stage's trainer takes over from the run's: on what it runs."""


@dataclass(kw_only=True, eq=False)
class BondStage(Stage):
    """Train the flow's bonds, y being the code of each molecule.

    Args:
        corpus: Name of the stage that wrote the corpus.
        objective: What is minimised.
        n_molecules: How many molecules are gone through, repeats included.
        n_epochs: Parts in which that is done; after each a checkpoint is written.
        batch_size: Molecules at a time, of each process.
        share_measured: Share of measured spectra of the training side in each batch.
        share_alike: Share of the draws from the corpus that follow how much its molecules
            resemble measured ones (:mod:`nmrflow.training.resemblance`); the others are all alike.
        optimizer: Makes the optimiser from the parameters.
    """

    corpus: str
    objective: Objective
    n_molecules: int
    n_epochs: int = 20
    batch_size: int = 256
    share_measured: float = 0.008
    share_alike: float = 0.7
    optimizer: Callable[[Iterable[Tensor]], Optimizer] = MuonAdamW

    keeps = ("last.ckpt",)
    is_together = True

    def __post_init__(self) -> None:
        check_counts(vars(self), n_molecules=1, n_epochs=1, batch_size=1)
        check_shares(vars(self), "share_measured", "share_alike")

    def run(self, context: StageContext) -> dict[str, Any]:
        """Train; goes on after the last checkpoint that is there."""
        log = _Losses(self.n_epochs)
        last = context.folder / "last.ckpt"
        trainer = pl.Trainer(
            **{key: context.trainer[key] for key in OF_THE_RUN if key in context.trainer},
            max_epochs=self.n_epochs,
            gradient_clip_val=GRADIENT_NORM,
            limit_val_batches=0,
            callbacks=[log, EpochProgress(), LastCheckpoint(str(context.folder))],
            logger=False,
            enable_model_summary=False,
            plugins=[AtomicCheckpointIO()],
            default_root_dir=str(context.folder),
        )
        draw = self._draw(context, self.batch_size * trainer.world_size)
        module = FlowModule(
            network=context.network,
            objective=self.objective,
            optimizer=self.optimizer,
            schedule=Trapeze(),
            seed=context.seed,
            description={"training_side": {}},
        )
        trainer.fit(
            module,
            DataLoader(draw.mixed, batch_sampler=draw, collate_fn=as_is),
            val_dataloaders=[],
            ckpt_path=last if last.exists() else None,
            weights_only=True,
        )
        module.eval()
        return {"bonds_nats": log.losses}

    def _draw(self, context: StageContext, batch_size: int) -> EpochDraw:
        """What is gone through: the corpus, by resemblance, and the measured spectra."""
        if self.corpus not in context.folders:
            raise ConfigError(
                f"corpus={self.corpus}: no stage before this one has that name; there are "
                f"{', '.join(context.folders) or 'none'}"
            )
        network = context.network
        corpus = Corpus(context.folders[self.corpus])
        measured = SpectrumDataset(context.train, network.codec, network.axis)
        weights = np.full(corpus.n_molecules, 1 - self.share_alike)
        if self.share_alike:
            names = sorted({record.structure.connectivity for record in context.train})
            count_kinds = ensemble_of(network).features.count_kinds
            known = [count_kinds(network.graph(Structure.from_smiles(name))) for name in names]
            weights += self.share_alike * resemblance(np.stack(known), corpus, context.seed)
        return EpochDraw(
            Mixed(corpus, measured),
            n=self.n_molecules // self.n_epochs,
            batch_size=batch_size,
            share_measured=self.share_measured,
            seed=context.seed,
            weights=weights,
        )

    def load(self, context: StageContext) -> None:
        """Take the weights of the last checkpoint."""
        state = checkpoints.read(context.folder / "last.ckpt")["state_dict"]
        load_weights(context.network.flow, part_of(state, "flow"))
        context.network.flow.eval()


class _Losses(Callback):
    """One line for each epoch; what it has told is part of the checkpoint."""

    def __init__(self, n_epochs: int) -> None:
        self.n_epochs = n_epochs
        self.losses: list[float] = []
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, FlowModule)
        self.losses.append(pl_module.train_means()["loss"])
        say(
            f"{trainer.current_epoch + 1:>5} of {self.n_epochs}: loss {self.losses[-1]:.3f} "
            f"({time.perf_counter() - self._started:.0f} s)"
        )

    def state_dict(self) -> dict[str, Any]:
        return {"losses": self.losses}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.losses = list(state_dict["losses"])
