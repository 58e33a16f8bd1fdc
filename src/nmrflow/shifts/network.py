"""Message-passing networks from molecules to the distribution of every atom's 13C shift."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from nmrflow.chem.graph import BOND_KINDS, AtomFeatures, MolecularGraph
from nmrflow.shifts.distribution import ShiftDistribution
from nmrflow.shifts.mixture import LaplaceMixture
from nmrflow.shifts.surroundings import Exchange, Surroundings, find_surroundings
from nmrflow.spectra.nucleus import Carbon13

START_SCALE_PPM = 10.0

_PPM = 100.0  # The network works with numbers of about 1.
_LOG_SCALES = (-4.5, 1.8)  # In START_SCALE_PPM: from 0.1 to 60 ppm.
_START_HEAD = 0.3  # Smaller than usual: the centres start near start_ppm.


class GraphBatch(NamedTuple):
    """Molecules laid end to end: a atoms, e bonds counted in both directions.

    Args:
        atoms: Features, ``(a, n_features)``.
        molecule: Row of each atom's molecule, ``(a,)``.
        share: 1 / number of atoms equivalent to an observed one, 0 for others, ``(a,)``.
        source: Atom that each bond leads from, ``(e,)``.
        target: Atom that it leads to, ``(e,)``.
        kind: Position in :data:`nmrflow.chem.graph.BOND_KINDS`, ``(e,)``.
        n: Number of molecules.
    """

    atoms: Tensor
    molecule: Tensor
    share: Tensor
    source: Tensor
    target: Tensor
    kind: Tensor
    n: int

    def to(self, like: Tensor) -> "GraphBatch":
        """The batch on another tensor's device, features and shares in its dtype."""
        return GraphBatch(
            self.atoms.to(like),
            self.molecule.to(like.device),
            self.share.to(like),
            self.source.to(like.device),
            self.target.to(like.device),
            self.kind.to(like.device),
            self.n,
        )


def collate(graphs: Sequence[MolecularGraph]) -> GraphBatch:
    """Molecules as one batch; an empty sequence gives an empty batch."""
    n_atoms = np.array([len(graph.atoms) for graph in graphs], dtype=np.int64)
    first = np.cumsum(n_atoms) - n_atoms
    edges = np.zeros((3, 0), dtype=np.int64)
    atoms = np.zeros((0, AtomFeatures().n), dtype=np.float32)
    share = np.zeros(0, dtype=np.float32)
    if graphs:
        shift = np.repeat(first, [graph.edges.shape[1] for graph in graphs])
        edges = np.concatenate([graph.edges for graph in graphs], axis=1).astype(np.int64)
        edges[:2] += shift
        atoms = np.concatenate([graph.atoms for graph in graphs]).astype(np.float32)
        share = np.concatenate([graph.share * graph.observed for graph in graphs])
    source, target, kind = torch.from_numpy(edges)
    return GraphBatch(
        torch.from_numpy(atoms),
        torch.from_numpy(np.repeat(np.arange(len(graphs)), n_atoms)),
        torch.from_numpy(share),
        source,
        target,
        kind,
        len(graphs),
    )


class ShiftNetwork(nn.Module):
    """Molecules to mixtures of shifts; renumbering the atoms of a molecule changes nothing.

    Each atom hears from its neighbours ``n_steps`` times, then says where its shift would lie.

    Args:
        width: Numbers in an atom's state.
        n_steps: Exchanges along bonds.
        n_components: Laplace distributions of each mixture.
        dropout: Share of hidden numbers that training leaves out. None by default: with 0.1 the
            shifts of molecules not seen are predicted worse, and so are codes after fine-tuning.
        expansion: Hidden numbers of a step, in units of the width.
        n_features: Of an atom, as :class:`nmrflow.chem.graph.AtomFeatures` counts them.
        start_ppm: Centres of the distributions before training; further ones begin again.
    """

    def __init__(  # noqa: PLR0913 - each by name
        self,
        width: int = 128,
        n_steps: int = 6,
        n_components: int = 4,
        dropout: float = 0.0,
        *,
        expansion: int = 2,
        n_features: int = AtomFeatures().n,
        start_ppm: Sequence[float] = Carbon13().typical_ppm,
    ) -> None:
        super().__init__()
        self.shape: dict[str, Any] = {
            "width": width,
            "n_steps": n_steps,
            "n_components": n_components,
            "expansion": expansion,
            "n_features": n_features,
            "start_ppm": tuple(start_ppm),
        }
        self.enter = nn.Linear(n_features, width)
        self.steps = nn.ModuleList(_Step(width, expansion, dropout) for _ in range(n_steps))
        leave = nn.Linear(width, 3 * n_components)
        self.leave = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout), leave)
        centres = torch.tensor(start_ppm).repeat(-(-n_components // len(start_ppm)))
        with torch.no_grad():
            leave.weight.mul_(_START_HEAD)
            leave.bias.zero_()
            leave.bias[:n_components] = centres[:n_components] / _PPM

    @property
    def log_scale_bias(self) -> Tensor:
        """Added to the logarithms of the components' scales, ``(n_components,)``; a view."""
        leave = self.leave[-1]
        assert isinstance(leave, nn.Linear)
        return leave.bias.chunk(3)[1]

    def forward(self, batch: GraphBatch, alike: Surroundings | None = None) -> LaplaceMixture:
        """The mixture of every atom, ``(a, n_components)``; only observed ones' mean anything.

        Args:
            batch: Molecules.
            alike: Their atoms with the same surroundings, whose states are computed once; in
                training, where dropout may make them differ, None.
        """
        batch = batch.to(self.enter.weight)
        if alike is None:
            state = self.enter(batch.atoms)
            along = Exchange(None, batch.source, batch.target, batch.kind)
            for step in self.steps:
                state = step(state, along)
            told = self.leave(state)
        else:
            device = batch.atoms.device
            state = self.enter(batch.atoms.index_select(0, alike.first.to(device)))
            for step, exchange in zip(self.steps, alike.exchanges, strict=True):
                state = step(state, exchange.to(device))
            told = self.leave(state).index_select(0, alike.place.to(device))
        centre, log_scale, weight = told.chunk(3, dim=-1)
        return LaplaceMixture(
            _PPM * centre,
            START_SCALE_PPM * torch.exp(log_scale.clamp(*_LOG_SCALES)),
            weight.log_softmax(dim=-1),
        )


class _Step(nn.Module):
    """One exchange along all bonds; the kind of a bond scales what passes."""

    def __init__(self, width: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.send = nn.Linear(width, width)
        self.gate = nn.Parameter(torch.randn(len(BOND_KINDS), width))
        self.update = nn.Sequential(
            nn.Linear(2 * width, expansion * width),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(expansion * width, width),
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, state: Tensor, along: Exchange) -> Tensor:
        """The atoms' new states, ``(a, width)``."""
        # index_select does as x[rows], which takes six times as long.
        sent = self.send(state).index_select(0, along.source)
        sent = sent * self.gate.index_select(0, along.kind)
        # The first layer of the update, of what is heard beside the state itself.
        first = self.update[0]
        assert isinstance(first, nn.Linear)
        of_state, of_received = first.weight.chunk(2, dim=1)
        hidden = functional.linear(state, of_state, first.bias)
        if along.own is not None:
            state, hidden = (part.index_select(0, along.own) for part in (state, hidden))
        received = torch.zeros_like(state).index_add(0, along.target, sent)
        hidden = torch.addmm(hidden, received, of_received.T)
        updated: Tensor = self.norm(state + self.update[1:](hidden))
        return updated


class ShiftEnsemble(nn.Module):
    """A few networks that count alike.

    Args:
        networks: Its members, at least one.

    Raises:
        ValueError: If there is none.
    """

    def __init__(self, networks: Iterable[ShiftNetwork]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        if not len(self.networks):
            raise ValueError("an ensemble needs a network")

    def forward(self, batch: GraphBatch, dtype: torch.dtype = torch.float64) -> ShiftDistribution:
        """Where the shifts of a batch's atoms lie; tensors are float64.

        Args:
            batch: Molecules.
            dtype: In which the networks compute. In float32, three times as fast, the company of
                other molecules in a batch changes a shift by about 1e-4 ppm, in float64 by 1e-11.
        """
        n_steps = [_n_steps(network) for network in self.networks]
        edges = batch.source, batch.target, batch.kind
        alike = {n: find_surroundings(batch.atoms, *edges, n) for n in set(n_steps)}
        parts = [
            _in_dtype(network, dtype, batch, alike[n])
            for network, n in zip(self.networks, n_steps, strict=True)
        ]
        centre, scale, log_weight = (
            torch.cat(part, dim=-1).double() for part in zip(*parts, strict=True)
        )
        mixture = LaplaceMixture(centre, scale, log_weight - math.log(len(parts)))
        return of_batch(mixture, batch)._replace(n_members=len(parts))


def _n_steps(network: nn.Module) -> int:
    assert isinstance(network, ShiftNetwork)
    return len(network.steps)


def _in_dtype(
    network: nn.Module, dtype: torch.dtype, batch: GraphBatch, alike: Surroundings
) -> LaplaceMixture:
    """A network's mixture with its weights taken to a dtype; gradients reach the weights."""
    weights = {name: weight.to(dtype) for name, weight in network.named_parameters()}
    mixture: LaplaceMixture = functional_call(network, weights, (batch, alike))
    return mixture


def of_batch(mixture: LaplaceMixture, batch: GraphBatch) -> ShiftDistribution:
    """One network's mixture of a batch's atoms as a distribution, in the mixture's dtype."""
    share = batch.share.to(mixture.centre_ppm)
    return ShiftDistribution(mixture, share, batch.molecule.to(share.device), batch.n)
