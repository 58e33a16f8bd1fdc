"""The one LightningModule: a flow, an objective, and the numbers of each epoch."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer

from nmrflow.data.dataset import Batch
from nmrflow.errors import TrainingError
from nmrflow.evaluation.scores_file import named
from nmrflow.flow.latent import Latent
from nmrflow.losses import FlowOutputs, Objective
from nmrflow.losses.objective import ObjectiveValue
from nmrflow.metrics.spectrum import spectrum_scores, to_bits
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.network import Network
from nmrflow.model.schema import load_weights
from nmrflow.numerics import Draws, generator_for, own_rows, summed, world_size
from nmrflow.training.optimizer import optimizers_of


class FlowModule(lightning.LightningModule):
    """Trains a network on an :class:`Objective`.

    At the end of each epoch ``callback_metrics`` holds ``train/…`` and ``val/…``: ``loss``,
    ``loss_y``, ``loss_x`` and the like for each further slot (means over the epoch's records),
    ``term/NAME``, and on the validation side ``f1_macro``, ``f1_micro`` and
    ``f1_within_1_bin``; ``train/last_batch/loss_y`` and so on are the last training batch's,
    which is what the published code calls the training loss.

    Processes that train together share out each batch; its numbers, its random draws and the
    gradient are those of one process with the whole batch. Each validates on everything.

    Random residuals are drawn by name (seed, stage, epoch, batch): nothing of the random
    state needs to survive for a resumed run to go on as if it had not stopped.

    Args:
        network: Its flow is trained; its forward side goes along into checkpoints.
        objective: The losses.
        optimizer: Makes the optimiser from the parameters.
        seed: Of the residuals z' that training and validation draw.
        schedule: Factor on the learning rate, from the share of the steps done; 1 if None.
        description: Plain values for the checkpoint: the resolved configuration, where the
            data came from, and ``training_side`` (of the data module), to which epochs add.
    """

    def __init__(
        self,
        *,
        network: Network,
        objective: Objective,
        optimizer: Callable[[Iterable[Tensor]], Optimizer],
        seed: int,
        description: dict[str, Any],
        schedule: Callable[[float], float] | None = None,
    ) -> None:
        super().__init__()
        self.flow = network.flow
        self.forward_side = network.forward
        self._schedule = schedule
        self.objective = objective
        self.description = description
        self._make_optimizer = optimizer
        self._seed = seed
        self._validation: list[tuple[NDArray[np.floating], NDArray[np.floating]]] = []
        self._sums = {"train": EpochSums(), "val": EpochSums()}
        self._logit_sums = LogitSums()

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - what Lightning takes
        """The configured optimiser over all parameters that are to be trained."""
        return optimizers_of(self, self._make_optimizer, self._schedule)

    def on_fit_start(self) -> None:
        """Lightning leaves the mode as it is, and a flow that was used before is in the other."""
        self.train()

    def on_train_epoch_start(self) -> None:
        """Start the epoch's sums anew."""
        self._sums = {"train": EpochSums(), "val": EpochSums()}
        self._logit_sums = LogitSums()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One batch through the flow, back with z' from the prior, and through every loss."""
        n_own = len(batch.x)
        n = int(summed([n_own])[0])
        value, latent = self._evaluate(batch, "train", batch_idx, n, own_rows())
        # Wherever it is no number, all processes must stop.
        loss = summed([float(value.total.detach())])[0]
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} in epoch {self.current_epoch + 1}, "
                f"batch {batch_idx + 1}; lower optimizer.lr (in a stage, its own), or "
                "resume from last.ckpt, which is of the epoch before"
            )
        self._logit_sums.add(latent.y.detach(), batch.code)
        self.log("loss", value.total.detach(), prog_bar=True, logger=False)
        # Lightning takes the mean of the processes' gradients, whatever share each has.
        return value.total * (n_own * world_size() / n)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """The same without gradients; logits are kept for the epoch's scores."""
        _, latent = self._evaluate(batch, "val", batch_idx, len(batch.x), slice(None))
        logits = self.flow.predict(batch.x, latent)
        self._validation.append((logits.cpu().numpy(), batch.code.cpu().numpy()))

    def on_validation_epoch_end(self) -> None:
        """Score the whole validation side at once: macro F1 is no mean over batches."""
        logits, codes = (np.concatenate(part) for part in zip(*self._validation, strict=True))
        self._validation.clear()
        thresholds = self.description["training_side"].get("logit_thresholds")
        predicted = to_bits(logits) if thresholds is None else to_bits(logits, thresholds)
        scores = spectrum_scores(predicted, codes > 0.5)
        numbers = named("val/", scores)
        numbers |= named("val/", self._sums["val"].means(of_all=False)[0])
        epoch, last = self._sums["train"].means(of_all=True)
        losses = {name: mean for name, mean in last.items() if name.startswith("loss_")}
        numbers |= named("train/", epoch) | named("train/last_batch/", losses)
        # Every process has the same numbers; without sync_dist Lightning would warn of others.
        self.log_dict(numbers, logger=False, sync_dist=True)

    def train_means(self) -> dict[str, float]:
        """Means of the objective's numbers over the epoch's training records so far."""
        return self._sums["train"].means(of_all=True)[0]

    def on_train_epoch_end(self) -> None:
        """Note what the spectrum slot said of the training side; checkpoints carry it."""
        self.description["training_side"] |= self._logit_sums.means()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over what the epochs so far have told: there may be none left to train.

        Raises:
            CheckpointError: If the weights are not this network's; Lightning would cast them.
        """
        load_weights(self, checkpoint["state_dict"])
        earlier = checkpoint[checkpoints.KEY]
        told, own = earlier["training_side"], self.description["training_side"]
        self.description["training_side"] = {**told, **own}
        if "epochs" in earlier:
            self.description["epochs"] = earlier["epochs"]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put everything that a reader needs under our own key, as plain values."""
        checkpoint[checkpoints.KEY] = {**checkpoints.describe_software(), **self.description}

    def _evaluate(
        self, batch: Batch, stage: str, batch_idx: int, n: int, rows: slice
    ) -> tuple[ObjectiveValue, Latent]:
        """Some rows of a batch of n."""
        step = stage, self.current_epoch, batch_idx
        draws = Draws(generator_for(self._seed, "fill", *step), n, rows)
        told = self.flow.draw_conditions(batch.x, draws) if self.training else None
        with self.flow.given_query():
            x = self.flow.fill(batch.x, batch.code, draws)
            latent, log_det = self.flow.to_latent(x, told)

        def sample_x() -> Tensor:
            z = self.flow.sample_z(Draws(generator_for(self._seed, *step), n, rows))
            return self.flow.from_latent(Latent(z, latent.y))[0]

        outputs = FlowOutputs(batch.x, batch.code, latent, log_det, sample_x)
        value = self.objective(outputs, epoch=self.current_epoch + 1)
        self._sums[stage].add(value, len(batch.x))
        return value, latent


class EpochSums:
    """Means over an epoch's records of every number of an objective, and over its last batch.

    In double precision and in one place: Lightning's own per-step logging of these numbers
    took a twentieth of the training time.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._sums = np.zeros((2, 1))
        """Of the epoch and of the last batch: the number of records, then every number."""

    def add(self, value: ObjectiveValue, n: int) -> None:
        """Add a batch of ``n`` records."""
        named = {"loss": value.total}
        named |= {f"loss_{slot}": part for slot, part in value.slots.items()}
        named |= {f"term/{name}": term for name, term in value.terms.items()}
        self._names = list(named)
        numbers = torch.stack([term.detach() for term in named.values()]).tolist()
        batch = n * np.array([1.0, *numbers])
        self._sums = np.stack([self._sums[0] + batch, batch])

    def means(self, *, of_all: bool) -> tuple[dict[str, float], dict[str, float]]:
        """Over all records added, and over those of the last batch.

        Args:
            of_all: Whether all processes that train together have them; each must call this.
        """
        own = self._sums.ravel().tolist()
        sums = np.reshape(summed(own) if of_all else own, self._sums.shape)
        epoch, last = (
            dict(zip(self._names, (row[1:] / row[0]).tolist(), strict=True)) for row in sums
        )
        return epoch, last


class LogitSums:
    """The mean logit that true and that false bits were given."""

    def __init__(self) -> None:
        self._sums = [0.0] * 4

    def add(self, y: Tensor, code: Tensor) -> None:
        """Add a batch of logits and measured codes, each ``(batch, n_bins)``."""
        is_set = code > 0.5
        for k, mask in enumerate((is_set, ~is_set)):
            self._sums[k] += float(y[mask].sum())
            self._sums[2 + k] += int(mask.sum())

    def means(self) -> dict[str, float]:
        """``mean_logit_true`` and ``mean_logit_false``; 0 for a kind that did not occur.

        Of all processes that train together, each of which must call this.
        """
        true, false, n_true, n_false = summed(self._sums)
        return {
            "mean_logit_true": true / max(n_true, 1),
            "mean_logit_false": false / max(n_false, 1),
        }
