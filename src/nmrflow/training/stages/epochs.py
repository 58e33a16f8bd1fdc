"""What stages that train the flow have in common: epochs, after each of which they can go on."""

import time
from collections.abc import Callable
from typing import Any, Protocol

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.utils.data import DataLoader, Dataset

from nmrflow.console import say
from nmrflow.data.dataset import EpochBatches
from nmrflow.errors import ConfigError
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.network import part_of
from nmrflow.model.schema import load_weights
from nmrflow.training.callbacks import AtomicCheckpointIO, EpochProgress, LastCheckpoint
from nmrflow.training.datamodule import as_is
from nmrflow.training.stages.base import Stage, StageContext

_GRADIENT_NORM = 30.0
"""Longer gradients are cut to it; in a training that goes well few are."""

_LAST = "last.ckpt"
_OF_THE_RUN = (
    "accelerator",
    "devices",
    "num_nodes",
    "strategy",
    "use_distributed_sampler",
    "deterministic",
    "precision",
)
"""What the stage's trainer takes over from the run's: on what it runs."""


class Trained(Protocol):
    """A Lightning module that tells its losses."""

    def train_means(self) -> dict[str, float]:
        """Means over the epoch so far, ``loss`` among them."""
        ...


class EpochStage(Stage):
    """One that trains the flow in epochs; after each a checkpoint is written."""

    keeps = (_LAST,)
    is_together = True

    n_epochs: int
    batch_size: int

    def fit(
        self,
        context: StageContext,
        draw: Callable[[int], tuple[Dataset[Any], EpochBatches]],
        module: pl.LightningModule,
    ) -> list[float]:
        """Train; goes on after the last checkpoint that is there.

        Args:
            context: Of the stage.
            draw: What is gone through, and batches of it, from the size of a batch of all
                processes together.
            module: A :class:`Trained`.

        Returns:
            The loss of each epoch.
        """
        log = _Losses(self.n_epochs)
        last = context.folder / _LAST
        trainer = pl.Trainer(
            **{key: context.trainer[key] for key in _OF_THE_RUN if key in context.trainer},
            max_epochs=self.n_epochs,
            gradient_clip_val=_GRADIENT_NORM,
            limit_val_batches=0,
            callbacks=[log, EpochProgress(), LastCheckpoint(str(context.folder))],
            logger=False,
            enable_model_summary=False,
            plugins=[AtomicCheckpointIO()],
            default_root_dir=str(context.folder),
        )
        data, batches = draw(self.batch_size * trainer.world_size)
        trainer.fit(
            module,
            DataLoader(data, batch_sampler=batches, collate_fn=as_is),
            # Lightning warns of either one without the other.
            val_dataloaders=[] if is_overridden("validation_step", module) else None,
            ckpt_path=last if last.exists() else None,
            weights_only=True,
        )
        module.eval()
        return log.losses

    def load(self, context: StageContext) -> None:
        """Take the weights of the last checkpoint."""
        state = checkpoints.read(context.folder / _LAST)["state_dict"]
        load_weights(context.network.flow, part_of(state, "flow"))
        context.network.flow.eval()


def check_stage(context: StageContext, option: str, name: str) -> None:
    """Refuse the name of a stage that is none before this one.

    Raises:
        ConfigError: Which names the option and the stages.
    """
    if name not in context.folders:
        raise ConfigError(
            f"{option}={name}: no stage before this one has that name; there are "
            f"{', '.join(context.folders) or 'none'}"
        )


class _Losses(Callback):
    """One line for each epoch; what it has told is part of the checkpoint."""

    def __init__(self, n_epochs: int) -> None:
        self.n_epochs = n_epochs
        self.losses: list[float] = []
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Trained) -> None:  # type: ignore[override]
        self.losses.append(pl_module.train_means()["loss"])
        say(
            f"{trainer.current_epoch + 1:>5} of {self.n_epochs}: loss {self.losses[-1]:.3f} "
            f"({time.perf_counter() - self._started:.0f} s)"
        )

    def state_dict(self) -> dict[str, Any]:
        return {"losses": self.losses}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.losses = list(state_dict["losses"])
