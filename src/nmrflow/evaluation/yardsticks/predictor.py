"""The message-passing yardstick: a few shift networks trained on measured codes alone.

Every choice is made on the training side. Nothing is pretrained and nothing follows: what the
package's own forward side gives, less all that its training adds to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nmrflow.chem.graph import MolecularGraph, molecular_graph
from nmrflow.chem.structure import Structure
from nmrflow.data.splits import hash_fraction
from nmrflow.errors import DataError
from nmrflow.evaluation.yardsticks.measured import Measured
from nmrflow.numerics import generator_for, isolated_rng
from nmrflow.shifts.mixture import bit_loss
from nmrflow.shifts.network import ShiftNetwork, collate, of_batch
from nmrflow.spectra.axis import ShiftAxis

N_PARTS = 8
"""Parts of the training side, by hash of the molecule; each network leaves out another one."""

NETWORK: dict[str, Any] = {"width": 128, "n_steps": 5, "n_components": 3}
"""Arguments of :class:`ShiftNetwork`."""

BATCH_SIZE = 16
LEARNING_RATE = 2e-3
WARM_UP = 0.15
"""Share of the steps in which the learning rate rises; it falls in the rest."""

_GRADIENT_NORM = 5.0
_AT_A_TIME = 256

Progress = Callable[[float], None]
"""Told the share of the work that is done."""


@dataclass(frozen=True)
class ShiftPredictor:
    """A few networks whose probabilities are averaged.

    Args:
        networks: Each trained on all but its own part (an eighth) of the training side.
        axis: Cuts the bins.
        threshold: A bit is predicted when its probability is above this: the threshold that
            gives the best micro F1 where each network predicts the part it was not trained on.
        epochs: Epoch whose weights each network kept, counted from 1.
    """

    networks: tuple[ShiftNetwork, ...]
    axis: ShiftAxis
    threshold: float
    epochs: tuple[int, ...]

    def log_unset(self, structures: Sequence[Structure]) -> NDArray[np.float64]:
        """Log probability that a bit is not set, ``(n, n_bins)``."""
        return _log_unset(self.networks, [molecular_graph(s) for s in structures], self.axis)

    def probabilities(self, structures: Sequence[Structure]) -> NDArray[np.float64]:
        """Probability of each bit, ``(n, n_bins)``."""
        return -np.expm1(self.log_unset(structures))


def train_predictor(
    train: Measured,
    axis: ShiftAxis,
    seed: int,
    *,
    n_networks: int,
    n_epochs: int,
    progress: Progress = lambda share: None,  # noqa: ARG005
) -> ShiftPredictor:
    """Train the networks, each with another part of the molecules held out.

    A network keeps the weights of the epoch in which it predicted its own part best, and the
    threshold is chosen on all those parts together: nothing but the training side is used. The
    seed is of parts, initial weights and the order of batches; there are 1 to :data:`N_PARTS`
    networks, and progress is told after every epoch.

    Raises:
        DataError: If holding a part out leaves nothing to train on.
    """
    graphs = [molecular_graph(structure) for structure in train.structures]
    fraction = np.array([hash_fraction("part", seed, c) for c in train.connectivities])
    part = (fraction * N_PARTS).astype(int)
    networks, epochs = [], []
    unset = np.zeros(train.codes.shape)
    for k in range(n_networks):
        held = part == k
        if held.all():
            raise DataError(f"{len(part)} spectra to train on are too few for a yardstick")
        network, best_epoch = _train_network(
            graphs,
            torch.from_numpy(train.codes).float(),
            axis,
            held=held,
            seed=seed * N_PARTS + k,
            n_epochs=n_epochs,
            progress=lambda share, k=k: progress((k + share) / n_networks),
        )
        networks.append(network)
        epochs.append(best_epoch + 1)
        unset[held] = _log_unset([network], [graphs[k] for k in np.flatnonzero(held)], axis)
    unseen = part < n_networks
    threshold = best_threshold(-np.expm1(unset[unseen]), train.codes[unseen])
    return ShiftPredictor(tuple(networks), axis, threshold, tuple(epochs))


def best_threshold(predicted: NDArray[np.floating], true: NDArray[np.bool_]) -> float:
    """The threshold on probabilities above which bits are to be set for the best micro F1.

    A number half-way between two predictions; one half if no bit is true.
    """
    if not true.any():
        return 0.5
    order = np.argsort(-predicted, axis=None, kind="stable")
    ranked, hits = predicted.ravel()[order], np.cumsum(true.ravel()[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + true.sum())
    f1[:-1][ranked[:-1] == ranked[1:]] = 0.0  # Equal predictions cannot be told apart.
    best = int(f1.argmax())
    following = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + following) / 2)


def _train_network(  # noqa: PLR0913 - each by name
    graphs: Sequence[MolecularGraph],
    codes: Tensor,
    axis: ShiftAxis,
    *,
    held: NDArray[np.bool_],
    seed: int,
    n_epochs: int,
    progress: Callable[..., None],
) -> tuple[ShiftNetwork, int]:
    """A network after the epoch in which it predicted the rows held out best, and which it was."""
    used = np.flatnonzero(~held)
    watched = np.flatnonzero(held) if held.any() else used
    best: tuple[float, int, dict[str, Tensor]] | None = None
    with isolated_rng(seed):
        network = ShiftNetwork(**NETWORK)
        optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, fused=True)
        for epoch in range(n_epochs):
            network.train()
            generator = generator_for(seed, "yardstick", epoch)
            order = used[torch.randperm(len(used), generator=generator).numpy()]
            batches = np.array_split(order, -(-len(order) // BATCH_SIZE))
            for k, rows in enumerate(batches):
                for group in optimizer.param_groups:
                    group["lr"] = LEARNING_RATE * _schedule((epoch + k / len(batches)) / n_epochs)
                batch = collate([graphs[row] for row in rows])
                loss = bit_loss(of_batch(network(batch), batch).log_unset(axis), codes[rows])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), _GRADIENT_NORM)
                optimizer.step()
            unset = _log_unset([network.eval()], [graphs[k] for k in watched.tolist()], axis)
            score = float(bit_loss(torch.from_numpy(unset), codes[watched]))
            if best is None or score < best[0]:
                weights = {name: w.clone() for name, w in network.state_dict().items()}
                best = score, epoch, weights
            progress((epoch + 1) / n_epochs)
    assert best is not None
    network.load_state_dict(best[2])
    return network, best[1]


def _schedule(share_done: float) -> float:
    """Factor on the learning rate: up in a straight line, down along half a cosine."""
    if share_done < WARM_UP:
        return (share_done + 0.01) / (WARM_UP + 0.01)
    return float(0.5 + 0.5 * np.cos(np.pi * (share_done - WARM_UP) / (1 - WARM_UP)))


@torch.no_grad()
def _log_unset(
    networks: Sequence[ShiftNetwork], graphs: Sequence[MolecularGraph], axis: ShiftAxis
) -> NDArray[np.float64]:
    """Log of the mean probability that a bit is not set, ``(n, n_bins)``.

    Networks compute in float32: in float64, as an ensemble does, a corpus takes twice as long.
    """
    parts = [np.zeros((0, axis.n_bins))]
    for start in range(0, len(graphs), _AT_A_TIME):
        batch = collate(graphs[start : start + _AT_A_TIME])
        unset = [
            of_batch(network(batch), batch).log_unset(axis).double().exp() for network in networks
        ]
        parts.append(torch.stack(unset).mean(dim=0).log().numpy())
    return np.concatenate(parts)
