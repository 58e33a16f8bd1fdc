"""What happens beside training: the table of epochs, and the checkpoint files."""

import shutil
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from nmrflow.console import say
from nmrflow.errors import CheckpointError
from nmrflow.files.writing import written_whole
from nmrflow.model import checkpoint as checkpoints
from nmrflow.training.module import FlowModule
from nmrflow.training.processes import is_first

Row = dict[str, float]

_F1 = {
    ("F1", "macro"): "val/f1_macro",
    ("F1", "micro"): "val/f1_micro",
    ("F1", "±1 bin"): "val/f1_within_1_bin",
}
_EVERY_EPOCH: dict[str, Any] = {"enable_version_counter": False, "save_on_train_epoch_end": True}


class EpochTable(Callback):
    """One row of numbers per epoch, the same on screen, in the CSV file and in W&B.

    The rows are part of the checkpoint: a resumed run shows and logs the earlier epochs too,
    so that its table and its history are those of a run that was never stopped.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._columns = dict(_F1)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: FlowModule) -> None:  # type: ignore[override]
        """Print the heading and, after a resume, the epochs before it."""
        for slot in pl_module.objective.slots:
            for side in ("train", "val"):
                self._columns[f"loss {slot}", side] = f"{side}/loss_{slot}"
        for name, titles in zip(("", "epoch"), zip(*self._columns, strict=True), strict=True):
            say(f"{name:>5} " + " ".join(f"{title:>9}" for title in titles))
        rows, self.rows = self.rows, []
        for row in rows:
            self._add(row, trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: FlowModule) -> None:  # type: ignore[override]
        """Add the epoch that has just ended, its validation included."""
        values = {
            name: float(value)
            for name, value in sorted(trainer.callback_metrics.items())
            if name.startswith(("train/", "val/"))
        }
        self._add({"epoch": trainer.current_epoch + 1, **values}, trainer)
        pl_module.description["epochs"] = self.rows  # what the checkpoint tells of itself

    def _add(self, row: Row, trainer: pl.Trainer) -> None:
        self.rows.append(row)
        shown = " ".join(f"{row.get(key, float('nan')):>9.4f}" for key in self._columns.values())
        say(f"{row['epoch']:>5} {shown}")
        for logger in trainer.loggers:
            logger.log_metrics(row, step=int(row["epoch"]))
            logger.save()

    def state_dict(self) -> dict[str, Any]:
        """The rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the rows of the run that is resumed."""
        self.rows = [dict(row) for row in state_dict["rows"]]


class EpochProgress(RichProgressBar):
    """A bar over the batches of the current epoch, with the loss; gone when training ends."""

    def get_metrics(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """Without the loggers' version number, which says nothing here."""
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        return metrics

    def _get_train_description(self, current_epoch: int) -> str:
        # Lightning counts from 0; the table under the bar counts from 1.
        return f"Epoch {current_epoch + 1}/{self.trainer.max_epochs}"


class LastCheckpoint(ModelCheckpoint):
    """``last.ckpt`` after every epoch, with everything that resuming needs."""

    def __init__(self, dirpath: str) -> None:
        super().__init__(dirpath, "last", **_EVERY_EPOCH)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take nothing over: the file of the run that is resumed stays that run's."""


class BestCheckpoint(ModelCheckpoint):
    """``best.ckpt``: the weights of the epoch in which a metric was best.

    On resume the best file of the earlier run is copied along, so that it stays the best of
    all epochs. ``monitor`` is the metric, as the epoch table names it, and not one of the
    validation side if that side's scores are to be reported; ``mode`` is ``min`` or ``max``.
    """

    def __init__(self, dirpath: str, monitor: str, mode: str) -> None:
        super().__init__(
            dirpath, "best", monitor, mode=mode, save_weights_only=True, **_EVERY_EPOCH
        )

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Note where the earlier run lies: what a checkpoint says of places is not followed."""
        assert trainer.ckpt_path is not None
        self._earlier = Path(trainer.ckpt_path).with_name("best.ckpt")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the best score, and the file if it lies beside the one that is resumed.

        Raises:
            CheckpointError: If the score is none.
        """
        if not self._earlier.is_file():
            return
        score = state_dict.get("best_model_score")
        if not isinstance(score, Tensor) or score.shape != () or not score.isfinite():
            raise CheckpointError(f"its best score is {score}; train anew")
        assert self.dirpath is not None
        here = Path(self.dirpath) / self._earlier.name
        if here.resolve() != self._earlier.resolve() and is_first():
            here.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(here) as unfinished:
                shutil.copyfile(self._earlier, unfinished)
        super().load_state_dict(
            {
                "monitor": self.monitor,
                "dirpath": self.dirpath,
                "current_score": score,
                **dict.fromkeys(("best_model_score", "kth_value"), score),
                **dict.fromkeys(("best_model_path", "kth_best_model_path"), str(here)),
                "best_k_models": {str(here): score},
                "last_model_path": "",
            }
        )


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's way to our checkpoint files: whole or not at all, and never unpickled."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None
    ) -> None:
        """Write with :func:`nmrflow.model.checkpoint.save_atomically`."""
        checkpoints.save_atomically(checkpoint, path)

    def load_checkpoint(
        self, path: str | Path, map_location: object = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read with :func:`nmrflow.model.checkpoint.read`."""
        return checkpoints.read(path)
