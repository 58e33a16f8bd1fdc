"""How a shift network is trained: rates, batches, epochs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nmrflow.errors import TrainingError
from nmrflow.numerics import generator_for
from nmrflow.shifts.network import ShiftNetwork

Progress = Callable[[float], None]
"""Told the share of the work that is done."""


@dataclass(frozen=True)
class Schedule:
    """How a network is trained: AdamW, the learning rate up in a line, down a half cosine.

    Args:
        n_epochs: Epochs; the weights after the last one are kept.
        learning_rate: Its peak.
        batch_size: Most molecules in a batch.
        warm_up: Share of the steps in which the learning rate rises.
        weight_decay: As of AdamW.
        gradient_norm: Gradients longer than this are cut to it.
    """

    n_epochs: int
    learning_rate: float
    batch_size: int
    warm_up: float
    weight_decay: float
    gradient_norm: float

    def rate(self, share_done: float) -> float:
        """The learning rate after this share of the steps."""
        if share_done < self.warm_up:
            return self.learning_rate * (share_done + 0.005) / (self.warm_up + 0.005)
        falling = (share_done - self.warm_up) / (1 - self.warm_up)
        return self.learning_rate * float(0.5 + 0.5 * np.cos(np.pi * falling))


PRETRAINING = Schedule(25, 2e-3, 64, 0.05, 1e-4, 2.0)
FINE_TUNING = Schedule(15, 1e-3, 16, 0.1, 1e-2, 5.0)


def follow(
    network: ShiftNetwork,
    n: int,
    loss_of: Callable[[ShiftNetwork, NDArray[np.integer]], Tensor],
    schedule: Schedule,
    *,
    seed: int,
    progress: Progress,
) -> ShiftNetwork:
    """Train a network on n examples in place as a schedule says, and give it in evaluation mode.

    ``loss_of`` is of the network and the rows of a batch; the seed is of the order of batches,
    while dropout draws from torch's own generator. Progress is told after every epoch.

    Raises:
        TrainingError: If the loss is no longer a finite number.
    """
    rate, decay = schedule.learning_rate, schedule.weight_decay
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay, fused=True)
    network.train()
    for epoch in range(schedule.n_epochs):
        order = torch.randperm(n, generator=generator_for(seed, "shifts", epoch)).numpy()
        batches = np.array_split(order, -(-n // schedule.batch_size))
        for k, rows in enumerate(batches):
            rate = schedule.rate((epoch + k / len(batches)) / schedule.n_epochs)
            for group in optimizer.param_groups:
                group["lr"] = rate
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
        progress((epoch + 1) / schedule.n_epochs)
    return network.eval()
