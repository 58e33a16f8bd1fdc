"""The bonds are learned: the residual's likelihood on generated and measured spectra."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import lightning.pytorch as pl
import numpy as np
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from nmrflow.chem.structure import Structure
from nmrflow.config import check_counts, check_shares
from nmrflow.console import say
from nmrflow.data.corpus import Corpus, EpochDraw, Mixed
from nmrflow.data.dataset import SpectrumDataset
from nmrflow.errors import ConfigError
from nmrflow.losses import LikelihoodLoss, Objective, Term
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.network import part_of
from nmrflow.training.callbacks import AtomicCheckpointIO, EpochProgress, LastCheckpoint
from nmrflow.training.module import FlowModule
from nmrflow.training.optimizer import MuonAdamW, Trapeze
from nmrflow.training.resemblance import resemblance
from nmrflow.training.stages.base import Stage, StageContext, ensemble_of

GRADIENT_NORM = 30.0
"""Longer gradients are cut to it; in a training that goes well few are."""


_OF_THE_RUN = ("accelerator", "devices", "deterministic")
"""What the stage's trainer takes over from the run's."""


class BondStage(Stage):
    """Train the flow's bonds by exact likelihood, y being the code of each molecule.

    Args:
        corpus: Name of the stage that wrote the corpus.
        n_molecules: How many molecules are gone through, repeats included.
        n_epochs: Parts in which that is done; after each a checkpoint is written.
        batch_size: Molecules at a time.
        share_measured: Share of measured spectra of the training side in each batch.
        share_alike: Share of the draws from the corpus that follow how much its molecules
            resemble measured ones (:mod:`nmrflow.training.resemblance`); the others are all alike.
        optimizer: Makes the optimiser from the parameters.
    """

    def __init__(  # noqa: PLR0913 - what YAML may set, each by name
        self,
        *,
        corpus: str,
        n_molecules: int,
        n_epochs: int = 20,
        batch_size: int = 256,
        share_measured: float = 0.008,
        share_alike: float = 0.7,
        optimizer: Callable[[Iterable[Tensor]], Optimizer] = MuonAdamW,
    ) -> None:
        counts = {"n_molecules": n_molecules, "n_epochs": n_epochs, "batch_size": batch_size}
        check_counts(counts, n_molecules=1, n_epochs=1, batch_size=1)
        shares = {"share_measured": share_measured, "share_alike": share_alike}
        check_shares(shares, *shares)
        self.corpus = corpus
        self.n_molecules = n_molecules
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.share_measured = share_measured
        self.share_alike = share_alike
        self.optimizer = optimizer

    def run(self, context: StageContext) -> dict[str, Any]:
        """Train; goes on after the last checkpoint that is there."""
        network = context.network
        codec, axis, flow = network.codec, network.axis, network.flow
        if self.corpus not in context.folders:
            raise ConfigError(
                f"corpus={self.corpus}: no stage before this one has that name; there are "
                f"{', '.join(context.folders) or 'none'}"
            )
        corpus = Corpus(context.folders[self.corpus])
        measured = SpectrumDataset(context.train, codec, axis)
        weights = np.full(corpus.n_molecules, 1 - self.share_alike)
        if self.share_alike:
            names = sorted({record.structure.connectivity for record in context.train})
            features = ensemble_of(network).features
            graphs = (network.graph(Structure.from_smiles(name)) for name in names)
            known = [features.count_kinds(graph) for graph in graphs]
            weights += self.share_alike * resemblance(np.stack(known), corpus, context.seed)
        mixed = Mixed(corpus, measured)
        draw = EpochDraw(
            mixed,
            n=self.n_molecules // self.n_epochs,
            batch_size=self.batch_size,
            share_measured=self.share_measured,
            seed=context.seed,
            weights=weights,
        )
        loader = DataLoader(mixed, batch_sampler=draw, collate_fn=_as_is)
        module = FlowModule(
            network=network,
            objective=Objective(likelihood=Term(LikelihoodLoss(), 1.0, "x")),
            optimizer=self.optimizer,
            schedule=Trapeze(),
            seed=context.seed,
            description={"training_side": {}},
        )
        log = _Likelihoods(self.n_epochs)
        last = context.folder / "last.ckpt"
        trainer = pl.Trainer(
            **{key: context.trainer[key] for key in _OF_THE_RUN if key in context.trainer},
            max_epochs=self.n_epochs,
            gradient_clip_val=GRADIENT_NORM,
            limit_val_batches=0,
            callbacks=[log, EpochProgress(), LastCheckpoint(str(context.folder))],
            logger=False,
            enable_model_summary=False,
            plugins=[AtomicCheckpointIO()],
            default_root_dir=str(context.folder),
        )
        path = last if last.exists() else None
        trainer.fit(module, loader, val_dataloaders=[], ckpt_path=path, weights_only=True)
        flow.eval()
        return {"bonds_nats": log.nats}

    def load(self, context: StageContext) -> None:
        """Take the weights of the last checkpoint."""
        state = checkpoints.read(context.folder / "last.ckpt")["state_dict"]
        flow = context.network.flow
        flow.load_state_dict(part_of(state, "flow"))
        flow.eval()


class _Likelihoods(Callback):
    """One line for each epoch; what it has told is part of the checkpoint."""

    def __init__(self, n_epochs: int) -> None:
        self.n_epochs = n_epochs
        self.nats: list[float] = []
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, FlowModule)
        self.nats.append(pl_module.train_means()["loss"])
        say(
            f"{trainer.current_epoch + 1:>5} of {self.n_epochs}: -log p {self.nats[-1]:.3f} nats "
            f"({time.perf_counter() - self._started:.0f} s)"
        )

    def state_dict(self) -> dict[str, Any]:
        return {"nats": self.nats}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.nats = list(state_dict["nats"])


def _as_is(batch: Any) -> Any:  # noqa: ANN401 - PyTorch types it as a list of items
    return batch
