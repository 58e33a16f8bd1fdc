"""A plain network on the graph of carbons: the forward yardstick that reads molecules.

Each carbon hears from its neighbours, five times over, and then says where its shift lies: a
mixture of Laplace distributions over ppm. A bin's probability is that of any carbon falling
into it (noisy-or), where carbons equivalent by symmetry count as one.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nmrflow.chem.carbon_graphs import BOND_KINDS, N_ATOM_FEATURES, CarbonGraphs
from nmrflow.shifts import mixture as shifts
from nmrflow.shifts.mixture import STRAY, bit_loss, noisy_or
from nmrflow.spectra.axis import ShiftAxis

__all__ = [
    "STRAY",
    "GraphBatch",
    "ShiftNetwork",
    "bin_probabilities",
    "bit_loss",
    "noisy_or",
    "to_batch",
]

N_STEPS = 5
WIDTH = 128

START_PPM = (20.0, 40.0, 130.0)
"""Centres of the Laplace distributions before training: alkyl, crowded alkyl, unsaturated."""

START_SCALE_PPM = 10.0

_PPM = 100.0  # The network works with numbers of about 1.


class GraphBatch(NamedTuple):
    """Molecules laid end to end: c carbons, e bonds counted in both directions.

    Args:
        atoms: Features, ``(c, N_ATOM_FEATURES)``.
        molecule: Row of each carbon's molecule, ``(c,)``.
        share: As of :class:`CarbonGraphs`, ``(c,)``.
        source: Carbon that each bond leads from, ``(e,)``.
        target: Carbon that it leads to, ``(e,)``.
        kind: Position in :data:`BOND_KINDS`, ``(e,)``.
        n: Number of molecules.
    """

    atoms: Tensor
    molecule: Tensor
    share: Tensor
    source: Tensor
    target: Tensor
    kind: Tensor
    n: int


def to_batch(graphs: CarbonGraphs, rows: NDArray[np.integer]) -> GraphBatch:
    """Some of the molecules, by row, as a batch."""
    share, bonds = graphs.share[rows], graphs.bonds[rows]
    molecule, place = np.nonzero(share)
    number = np.cumsum(share > 0).reshape(share.shape) - 1
    row, target, source = np.nonzero(bonds)
    return GraphBatch(
        torch.from_numpy(graphs.atoms[rows][molecule, place]).float(),
        torch.from_numpy(molecule),
        torch.from_numpy(share[molecule, place]),
        torch.from_numpy(number[row, source]),
        torch.from_numpy(number[row, target]),
        torch.from_numpy(bonds[row, target, source].astype(np.int64) - 1),
        len(rows),
    )


class ShiftNetwork(nn.Module):
    """Molecules to bit probabilities; renumbering the atoms of a molecule changes nothing.

    Args:
        axis: Cuts the bins; the first and last are open-ended.
    """

    edges_ppm: Tensor

    def __init__(self, axis: ShiftAxis) -> None:
        super().__init__()
        edges = torch.arange(1, axis.n_bins) * axis.bin_width_ppm
        self.register_buffer("edges_ppm", edges, persistent=False)
        self.enter = nn.Linear(N_ATOM_FEATURES, WIDTH)
        self.steps = nn.ModuleList(_Step() for _ in range(N_STEPS))
        self.leave = nn.Linear(WIDTH, 3 * len(START_PPM))
        with torch.no_grad():
            self.leave.bias.zero_()
            self.leave.bias[: len(START_PPM)] = torch.tensor(START_PPM) / _PPM

    def forward(self, batch: GraphBatch) -> Tensor:
        """Log probability that a bit is *not* set, ``(n, n_bins)``, below 0."""
        state = self.enter(batch.atoms)
        for step in self.steps:
            state = step(state, batch)
        bins = bin_probabilities(self.leave(state), self.edges_ppm)
        return noisy_or(bins, batch.share, batch.molecule, batch.n)


class _Step(nn.Module):
    """One exchange along all bonds; the kind of a bond scales what passes."""

    def __init__(self) -> None:
        super().__init__()
        self.send = nn.Linear(WIDTH, WIDTH)
        self.gate = nn.Parameter(torch.randn(len(BOND_KINDS), WIDTH))
        self.update = nn.Sequential(
            nn.Linear(2 * WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH)
        )
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, state: Tensor, batch: GraphBatch) -> Tensor:
        """The carbons' new states, ``(c, WIDTH)``."""
        sent = self.send(state)[batch.source] * self.gate[batch.kind]
        received = torch.zeros_like(state).index_add(0, batch.target, sent)
        updated: Tensor = self.norm(state + self.update(torch.cat([state, received], dim=-1)))
        return updated


def bin_probabilities(parameters: Tensor, edges_ppm: Tensor) -> Tensor:
    """In which bin a carbon's shift lies, by a mixture of k Laplace distributions.

    Args:
        parameters: k centres in 100 ppm, k logarithms of scales in :data:`START_SCALE_PPM`,
            k logits of weights, ``(c, 3 k)``.
        edges_ppm: The edges between the bins, ascending, ``(n_bins - 1,)``.

    Returns:
        ``(c, n_bins)``, each row summing to 1.
    """
    centre, scale, weight = parameters.chunk(3, dim=-1)
    return shifts.bin_probabilities(
        _PPM * centre,
        START_SCALE_PPM * torch.exp(scale.clamp(-5.0, 2.0)),
        weight.softmax(dim=-1),
        edges_ppm,
    )
