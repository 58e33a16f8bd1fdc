"""Training of an ensemble of shift networks on measured codes."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmrflow.chem.graph import AtomFeatures, MolecularGraph
from nmrflow.chem.structure import Structure
from nmrflow.data.splits import hash_fraction
from nmrflow.errors import DataError
from nmrflow.numerics import generator_for, isolated_rng
from nmrflow.shifts.mixture import STRAY, bit_loss
from nmrflow.shifts.network import ShiftEnsemble, ShiftNetwork, collate, of_batch
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.training.shifts.pretraining import Rehearsal
from nmrflow.training.shifts.schedule import Progress, Schedule, follow
from nmrflow.training.shifts.thresholds import Thresholds, choose_thresholds
from nmrflow.workers import run_jobs

N_PARTS = 8
"""Parts of the training side, by hash of the molecule, of which one is left out at a time."""

FINE_SHARES = (0.0, 0.3)
"""Shares of the loss on the fine code, in turn, so that members differ."""

_PARTS_AT_ONCE = 2  # For thresholds: of a training side of 80 %, as many as a validation side.
_AT_A_TIME = 256


class MeasuredSpectra(NamedTuple):
    """Molecules and their measured codes ``(n, n_fine_bins)``, one row for each spectrum."""

    structures: Sequence[Structure]
    fine_codes: NDArray[np.bool_]
    axis: ShiftAxis
    features: AtomFeatures = AtomFeatures()

    def codes(self) -> NDArray[np.bool_]:
        """The codes, ``(n, n_bins)``."""
        return self.axis.coarsen(self.fine_codes)

    def rows(self, index: NDArray[np.integer]) -> "MeasuredSpectra":
        """Some of the spectra, by row."""
        structures = [self.structures[int(k)] for k in index]
        return self._replace(structures=structures, fine_codes=self.fine_codes[index])


class FineTuning(NamedTuple):
    """How a network is trained on measured codes.

    ``rehearsal`` is the assigned shifts that it goes on learning; None: codes alone.
    """

    schedule: Schedule
    rehearsal: Rehearsal | None = None


class TrainedEnsemble(NamedTuple):
    """What :func:`train_ensemble` gives.

    Args:
        ensemble: In evaluation mode.
        thresholds: When a bit is to be set: chosen where networks predict a part they were not
            trained on.
        log_loss: Binary cross-entropy there, summed over bits, mean over spectra.
        n_unseen: Spectra in those parts.
    """

    ensemble: ShiftEnsemble
    thresholds: Thresholds
    log_loss: float
    n_unseen: int


def train_ensemble(  # noqa: PLR0913 - each by name
    pretrained: Sequence[ShiftNetwork],
    spectra: MeasuredSpectra,
    *,
    seed: int,
    n_networks: int = 4,
    how: FineTuning,
    n_processes: int = 1,
    progress: Progress = lambda share: None,  # noqa: ARG005
) -> TrainedEnsemble:
    """Fine-tune networks on all molecules, and choose thresholds on parts left out.

    For the thresholds one part after the other is left out and predicted by two networks that
    are then forgotten: two together spread their probabilities as the ensemble will, and a
    single network's thresholds would be too high for it.

    Args:
        pretrained: What the members start from, in turn; at least one. They must not have
            seen these molecules, or no part is truly left out.
        spectra: The training side.
        seed: Of parts, dropout and the order of batches.
        n_networks: Members, and parts left out, 1 to :data:`N_PARTS`.
        how: Each network is trained; what it rehearses must hold none of these molecules either.
        n_processes: That train networks side by side.
        progress: Called after every epoch.

    Raises:
        DataError: If leaving a part out leaves nothing to train on, or no part holds anything.
        TrainingError: As :func:`follow`.
    """
    if not pretrained or not 1 <= n_networks <= N_PARTS:
        raise ValueError(f"{len(pretrained)} networks to start from, {n_networks} to train")
    part = parts([structure.connectivity for structure in spectra.structures], seed)
    unseen = np.flatnonzero(part < n_networks)
    if not len(unseen):
        raise DataError(f"{len(part)} spectra to train on are too few for an ensemble")
    codes, examples = spectra.codes(), Examples.of(spectra)

    def job(on: Examples, start: int, fine: int, which: int, k: int) -> partial[ShiftNetwork]:
        return partial(
            fine_tune,
            pretrained[start % len(pretrained)],
            on,
            seed=(3 * seed + which) * N_PARTS + k,
            how=how,
            fine_share=FINE_SHARES[fine % len(FINE_SHARES)],
        )

    jobs = []
    for k in range(n_networks):
        used = np.flatnonzero(part != k)
        if not len(used):
            raise DataError(f"{len(part)} spectra to train on are too few for an ensemble")
        jobs += [job(examples.rows(used), k + which, k + which, which, k) for which in (0, 1)]
    # One after the other through all pairs of what to start from and what to learn.
    jobs += [job(examples, k, k // len(pretrained), 2, k) for k in range(n_networks)]
    networks = run_jobs(jobs, n_processes, progress)
    unset = np.zeros(codes.shape)
    for k in range(n_networks):
        held, pair = np.flatnonzero(part == k), networks[2 * k : 2 * k + 2]
        graphs = examples.rows(held).graphs
        unset[held] = predict_log_unset(ShiftEnsemble(pair), graphs, spectra.axis)
    thresholds = choose_thresholds(
        -np.expm1(unset[unseen]), codes[unseen], part[unseen] // _PARTS_AT_ONCE
    )
    log_loss = bit_loss(torch.from_numpy(unset[unseen]), torch.from_numpy(codes[unseen]).double())
    return TrainedEnsemble(
        ShiftEnsemble(networks[2 * n_networks :]).eval(), thresholds, float(log_loss), len(unseen)
    )


def parts(connectivities: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Which part each molecule is in, 0 to :data:`N_PARTS` - 1, by hash: ``(n,)``."""
    fraction = np.array([hash_fraction("part", seed, c) for c in connectivities])
    return (fraction * N_PARTS).astype(np.int64)


@torch.no_grad()
def predict_log_unset(
    ensemble: ShiftEnsemble, graphs: Sequence[MolecularGraph], axis: ShiftAxis
) -> NDArray[np.float64]:
    """Log probability that a bit is not set, ``(n, n_bins)``, a few molecules at a time."""
    ensemble.eval()
    found = [
        ensemble(collate(graphs[start : start + _AT_A_TIME])).log_unset(axis).cpu().numpy()
        for start in range(0, len(graphs), _AT_A_TIME)
    ]
    return np.concatenate([np.zeros((0, axis.n_bins)), *found])


class Examples(NamedTuple):
    """Spectra as the loss takes them; both codes are float32."""

    graphs: Sequence[MolecularGraph]
    codes: Tensor
    fine_codes: Tensor
    axis: ShiftAxis

    @classmethod
    def of(cls, spectra: MeasuredSpectra) -> "Examples":
        """Those of measured spectra."""
        graphs = [spectra.features.graph(structure) for structure in spectra.structures]
        codes, fine = (torch.from_numpy(c) for c in (spectra.codes(), spectra.fine_codes))
        return cls(graphs, codes.float(), fine.float(), spectra.axis)

    def rows(self, index: NDArray[np.integer]) -> "Examples":
        """Some of them, by row."""
        graphs = [self.graphs[int(k)] for k in index]
        return Examples(graphs, self.codes[index], self.fine_codes[index], self.axis)


def fine_tune(
    network: ShiftNetwork,
    examples: Examples,
    *,
    seed: int,
    how: FineTuning,
    fine_share: float = 0.0,
    progress: Progress = lambda share: None,  # noqa: ARG005
) -> ShiftNetwork:
    """Train a copy of a network on the likelihood of measured codes; raises as :func:`follow`.

    ``fine_share`` is the share of the loss that is on the fine code, 0 to 1; the seed is of
    dropout, of the order of batches and of what is rehearsed. The copy is in evaluation mode.
    """
    axis, rehearsal = examples.axis, how.rehearsal
    fine_axis = replace(axis, n_bins=axis.n_fine_bins)
    generator = generator_for(seed, "rehearsal")

    def loss_of(network: ShiftNetwork, rows: NDArray[np.integer]) -> Tensor:
        batch = collate([examples.graphs[k] for k in rows])
        mixture = network(batch)
        total = torch.zeros(())
        if fine_share < 1:
            coarse = bit_loss(of_batch(mixture, batch).log_unset(axis), examples.codes[rows])
            total = total + (1 - fine_share) * coarse
        if fine_share > 0:
            stray = STRAY / axis.n_fine_per_bin
            unset = of_batch(mixture, batch).log_unset(fine_axis, stray)
            total = total + fine_share * bit_loss(unset, examples.fine_codes[rows])
        if rehearsal:
            total = total + rehearsal.loss(network, len(rows), generator)
        return total

    n, network = len(examples.graphs), copy.deepcopy(network)
    with isolated_rng(seed):
        return follow(network, n, loss_of, how.schedule, seed=seed, progress=progress)
