"""How a shift network is trained: rates, batches, epochs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from nmrflow.errors import CheckpointError, TrainingError, first_line
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.schema import load_weights
from nmrflow.numerics import generator_for
from nmrflow.shifts.network import ShiftNetwork
from nmrflow.training.optimizer import MuonAdamW

Progress = Callable[[float], None]
"""Told the share of the work that is done."""


@dataclass(frozen=True)
class Schedule:
    """How a network is trained: the learning rate up in a line, down a half cosine.

    Args:
        n_epochs: Epochs; the weights after the last one are kept.
        learning_rate: Its peak.
        batch_size: Most molecules in a batch.
        warm_up: Share of the steps in which the learning rate rises.
        weight_decay: As of AdamW.
        gradient_norm: Gradients longer than this are cut to it.
        muon_rate: The peak of Muon's learning rate, for hidden layers; None: AdamW for all.
    """

    n_epochs: int
    learning_rate: float
    batch_size: int
    warm_up: float
    weight_decay: float
    gradient_norm: float
    muon_rate: float | None = None

    def factor(self, share_done: float) -> float:
        """On learning rates, after this share of the steps."""
        if share_done < self.warm_up:
            return (share_done + 0.005) / (self.warm_up + 0.005)
        falling = (share_done - self.warm_up) / (1 - self.warm_up)
        return float(0.5 + 0.5 * np.cos(np.pi * falling))

    def optimizer(self, parameters: Iterable[Tensor]) -> Optimizer:
        """Of these, at the peak of its rates."""
        rate, decay = self.learning_rate, self.weight_decay
        if self.muon_rate is None:
            return AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
        return MuonAdamW(parameters, lr=rate, muon_lr=self.muon_rate, weight_decay=decay)


PRETRAINING = Schedule(25, 2e-3, 64, 0.05, 1e-4, 2.0)
FINE_TUNING = Schedule(15, 1e-3, 16, 0.1, 1e-2, 5.0)


def follow(  # noqa: PLR0913 - each by name
    network: ShiftNetwork,
    n: int,
    loss_of: Callable[[ShiftNetwork, NDArray[np.integer]], Tensor],
    schedule: Schedule,
    *,
    seed: int,
    progress: Progress,
    keep: Path | None = None,
    draws: torch.Generator | None = None,
) -> ShiftNetwork:
    """Train a network on n examples in place as a schedule says, and give it in evaluation mode.

    ``loss_of`` is of the network and the rows of a batch; the seed is of the order of batches,
    while dropout draws from torch's own generator. Progress is told after every epoch. With a
    file to ``keep``, each epoch is kept there, and one that was interrupted goes on from it; so
    does what ``loss_of`` ``draws`` from.

    Raises:
        TrainingError: If the loss is no longer a finite number.
        CheckpointError: If what was kept is damaged or of another network.
    """
    optimizer = schedule.optimizer(network.parameters())
    rates = [group["lr"] for group in optimizer.param_groups]
    begun = 0 if keep is None or not keep.exists() else _resume(network, optimizer, draws, keep)
    network.train()
    for epoch in range(begun, schedule.n_epochs):
        order = torch.randperm(n, generator=generator_for(seed, "shifts", epoch)).numpy()
        batches = np.array_split(order, -(-n // schedule.batch_size))
        for k, rows in enumerate(batches):
            factor = schedule.factor((epoch + k / len(batches)) / schedule.n_epochs)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            loss = loss_of(network, rows)
            if not torch.isfinite(loss):
                raise TrainingError(
                    f"the loss of a shift network is {loss.item()} in epoch {epoch + 1}; "
                    "lower its learning rate"
                )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), schedule.gradient_norm)
            optimizer.step()
        if keep is not None:
            kept = {
                checkpoints.KEY: checkpoints.describe_software(),
                "state_dict": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "epoch": epoch + 1,
                "draws": None if draws is None else draws.get_state(),
            }
            checkpoints.save_atomically(kept, keep)
        progress((epoch + 1) / schedule.n_epochs)
    return network.eval()


def _resume(
    network: ShiftNetwork, optimizer: Optimizer, draws: torch.Generator | None, keep: Path
) -> int:
    """Take what was kept; how many epochs it has seen."""
    kept = checkpoints.read(keep)
    load_weights(network, kept["state_dict"])
    optimizer.load_state_dict(kept["optimizer"])
    if draws is not None:
        try:
            draws.set_state(kept["draws"])
        except (KeyError, TypeError, RuntimeError) as error:
            raise CheckpointError(
                f"{keep}: the state of its draws is missing or damaged ({first_line(error)}); "
                "remove the file and train anew"
            ) from error
    return int(kept["epoch"])
