"""What a library holds of a molecule: its predicted spectrum in few bytes, what filters ask."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from nmrflow.chem.carbons import KINDS, carbon_kinds
from nmrflow.chem.mass import monoisotopic_mass
from nmrflow.chem.structure import Structure
from nmrflow.errors import CheckpointError, DataError
from nmrflow.model.trained import TrainedFlow
from nmrflow.shifts.forward import EnsembleForward
from nmrflow.shifts.mixture import LaplaceMixture
from nmrflow.shifts.network import ShiftEnsemble
from nmrflow.spectra.axis import ShiftAxis

CENTS = 100
"""A shift is held in hundredths of a ppm."""

LEAST_SCALE_PPM, MOST_SCALE_PPM = 0.05, 60.0
"""Scales are held as their logarithms in 255 equal steps between these, 2.8 % each."""

MAX_PER_GROUP = 255
"""Equivalent atoms."""

_STEPS = 255
_TAIL = 0.1
# Half the width of a Laplace distribution's central interval, in units of its scale.
_HALF_WIDTH = math.log(1 / (2 * _TAIL))


@dataclass(frozen=True)
class Label:
    """A molecule in a library.

    Args:
        smiles: Its connectivity.
        formula: In Hill order.
        mass: Monoisotopic, in u.
        kinds: How many carbons there are of each of :data:`nmrflow.chem.carbons.KINDS`.
        shifts: Median of each group of equivalent atoms in hundredths of a ppm, descending.
        scales: Of each group, as of :func:`scale_steps`.
        n_atoms: Of each group.
        n_hydrogens: On each of its atoms, 3 at most (CH4 counts as CH3).
        code: The spectrum code of the medians, a bit each.
    """

    smiles: str
    formula: str
    mass: float
    kinds: NDArray[np.uint8]
    shifts: NDArray[np.int16]
    scales: NDArray[np.uint8]
    n_atoms: NDArray[np.uint8]
    n_hydrogens: NDArray[np.uint8]
    code: bytes


def digest(smiles: str) -> bytes:
    """16 bytes that name a molecule, by its connectivity."""
    return hashlib.blake2b(smiles.encode(), digest_size=16).digest()


def scale_steps(scale_ppm: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Scales as numbers from 0 to 255."""
    ratio = np.log(scale_ppm / LEAST_SCALE_PPM) / math.log(MOST_SCALE_PPM / LEAST_SCALE_PPM)
    return np.rint(_STEPS * ratio).clip(0, _STEPS).astype(np.uint8)


def scales_ppm(steps: NDArray[np.integer]) -> NDArray[np.float64]:
    """Scales of Laplace distributions in ppm of what :func:`scale_steps` gave."""
    return np.asarray(LEAST_SCALE_PPM * (MOST_SCALE_PPM / LEAST_SCALE_PPM) ** (steps / _STEPS))


def limit_members(model: TrainedFlow, n_members: int | None) -> int:
    """Let a network predict with the first members of its ensemble alone.

    Args:
        model: Is changed.
        n_members: How many; None: all.

    Returns:
        How many that are.

    Raises:
        DataError: If there are fewer, or the network has no ensemble.
    """
    forward = model.network.forward
    if not isinstance(forward, EnsembleForward):
        if n_members is None:
            return 1
        raise DataError("this network has no members of which some could be left out")
    members = list(forward.ensemble.networks)
    if n_members is not None and not 1 <= n_members <= len(members):
        raise DataError(f"{n_members} members: this network has 1 to {len(members)}")
    forward.ensemble = ShiftEnsemble(members[:n_members])  # type: ignore[arg-type]
    return len(members[:n_members])


def label(model: TrainedFlow, structures: Sequence[Structure]) -> list[Label]:
    """Molecules of the network's domain as a library holds them.

    Shifts are predicted in float32, which is good to 1e-4 ppm. A scale is that of the Laplace
    distribution whose central 80 % interval is as wide as the predicted one.

    Raises:
        CheckpointError: If a shift is none that the nucleus can have.
        DataError: If more than :data:`MAX_PER_GROUP` atoms are equivalent.
    """
    return list(_labels(model, structures))


def _labels(model: TrainedFlow, structures: Sequence[Structure]) -> Iterator[Label]:
    forward = model.network.forward
    assert forward is not None
    graphs, start = [model.network.graph(s) for s in structures], 0
    for found in forward.distributions(graphs, torch.float32):
        own = structures[start : start + found.n]
        start += found.n
        groups = [_groups(structure, model.axis) for structure in own]
        first_atoms = np.cumsum([0, *(s.n_atoms for s in own)])
        rows = [k + g[0] for k, group in zip(first_atoms, groups, strict=False) for g in group]
        mixture = found.mixture.rows(torch.tensor(rows))
        in_float32 = LaplaceMixture(*(part.float() for part in mixture))
        points = in_float32.quantiles((_TAIL, 0.5, 1 - _TAIL)).double().numpy()
        sizes = [len(group) for group in groups]
        for structure, group, ends in zip(
            own, groups, np.split(points, np.cumsum(sizes)[:-1]), strict=True
        ):
            yield _label(structure, group, ends, model.axis)


def _groups(structure: Structure, axis: ShiftAxis) -> list[list[int]]:
    found: dict[int, list[int]] = {}
    for atom, name in enumerate(structure.symmetry_classes):
        if structure.elements[atom] == axis.nucleus.element:
            found.setdefault(name, []).append(atom)
    return list(found.values())


def _label(
    structure: Structure, groups: list[list[int]], points: NDArray[np.float64], axis: ShiftAxis
) -> Label:
    low, shift, high = points.T
    nucleus = axis.nucleus
    if not ((shift >= nucleus.min_shift_ppm) & (shift <= nucleus.max_shift_ppm)).all():
        raise CheckpointError(
            f"the network predicts a shift for {structure.connectivity} that no {nucleus.noun} "
            "has: its weights are damaged; fetch them again, or train once more"
        )
    n_atoms = [len(group) for group in groups]
    if max(n_atoms) > MAX_PER_GROUP:
        raise DataError(f"{structure.connectivity}: {max(n_atoms)} equivalent {nucleus.noun}s")
    order = np.argsort(-shift, kind="stable")
    kinds = carbon_kinds(structure)
    return Label(
        structure.connectivity,
        structure.formula,
        monoisotopic_mass(structure),
        np.array([kinds.count(kind) for kind in KINDS], dtype=np.uint8),
        np.rint(CENTS * shift[order]).astype(np.int16),
        scale_steps((high - low)[order] / 2 / _HALF_WIDTH),
        np.array(n_atoms, dtype=np.uint8)[order],
        np.array([min(structure.n_hydrogens[g[0]], 3) for g in groups], dtype=np.uint8)[order],
        np.packbits(code_of(shift, axis)).tobytes(),
    )


def code_of(shifts_ppm: NDArray[np.floating], axis: ShiftAxis) -> NDArray[np.uint8]:
    """The spectrum code ``(n_bins,)`` of predicted shifts, which fall where they fall."""
    code = np.zeros(axis.n_bins, dtype=np.uint8)
    code[bins_of(shifts_ppm, axis)] = 1
    return code


def bins_of(shifts_ppm: NDArray[np.floating], axis: ShiftAxis) -> NDArray[np.intp]:
    """The bin of each shift; beyond either end it is the last there."""
    return np.searchsorted(axis.bin_edges_ppm(), shifts_ppm, side="right")
