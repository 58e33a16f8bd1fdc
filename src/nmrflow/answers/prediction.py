"""Shifts of a structure's carbons, equivalent ones together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nmrflow.chem.structure import Structure
from nmrflow.errors import CheckpointError
from nmrflow.model.results import PredictedShifts
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.nucleus import Carbon13, Nucleus

LEVEL = 0.9
"""Nominal probability of the intervals."""


@dataclass(frozen=True)
class CarbonGroup:
    """Carbons that are equivalent by symmetry, and the shift that they share.

    Args:
        atoms: Their positions in the structure, 0-based, ascending.
        n_hydrogens: Hydrogens on each.
        shift_ppm: Median of the predicted distribution.
        low_ppm: Lower end of its central interval.
        high_ppm: Upper end.
        nucleus: What they are, carbons of 13C.
    """

    atoms: tuple[int, ...]
    n_hydrogens: int
    shift_ppm: float
    low_ppm: float
    high_ppm: float
    nucleus: Nucleus = Carbon13()

    @property
    def multiplicity(self) -> str | None:
        """S, D, T or Q, where hydrogens are told; CH4 has no letter and counts as CH3."""
        return self.nucleus.letter(min(self.n_hydrogens, len(self.nucleus.multiplicities) - 1))

    @property
    def kind(self) -> str:
        """C, CH, CH2 or CH3."""
        own = self.nucleus.group(self.n_hydrogens)
        return self.nucleus.groups.get(self.multiplicity or "", own)

    @property
    def place(self) -> tuple[float, tuple[int, ...]]:
        """Sorts groups from high to low shift."""
        return -self.shift_ppm, self.atoms

    @property
    def width_ppm(self) -> float:
        """Width of the interval."""
        return self.high_ppm - self.low_ppm


@dataclass(frozen=True)
class Prediction:
    """The predicted spectrum of a structure.

    Args:
        structure: As it was given.
        groups: From high to low shift.
        level: Nominal probability of the intervals.
        nucleus: Whose spectrum it is.
    """

    structure: Structure
    groups: tuple[CarbonGroup, ...]
    level: float
    nucleus: Nucleus = Carbon13()

    @property
    def shifts_ppm(self) -> tuple[float | None, ...]:
        """The shift of each atom; None of an atom that is no carbon."""
        shifts: list[float | None] = [None] * self.structure.n_atoms
        for group in self.groups:
            for atom in group.atoms:
                shifts[atom] = group.shift_ppm
        return tuple(shifts)


def predict(model: TrainedFlow, structures: Sequence[Structure | str]) -> list[Prediction]:
    """Predict the shifts of structures, or of SMILES.

    Raises:
        StructureError: If one lies outside the network's domain; the message names its position.
        SpectrumError: If the network predicts no shifts.

    Example:
        >>> import nmrflow
        >>> model = nmrflow.load_pretrained("hydrocarbons")
        >>> [len(group.atoms) for group in predict(model, ["Cc1ccccc1"])[0].groups]
        [1, 2, 2, 1, 1]
    """
    # In float32 a shift is good to 1e-4 ppm, which is enough to be read, and thrice as fast.
    found = model.predict_shifts(structures, LEVEL, dtype=torch.float32)
    return [gather(shifts, model.axis.nucleus) for shifts in found]


def gather(
    shifts: PredictedShifts, nucleus: Nucleus = Carbon13(), classes: Sequence[int] | None = None
) -> Prediction:
    """The carbons of predicted shifts, equivalent ones together.

    Args:
        shifts: Of one molecule.
        nucleus: What is observed.
        classes: For each atom a number that it shares with those equivalent to it; None: as the
            bonds alone say.

    Raises:
        CheckpointError: If a shift is no finite number, or none that the nucleus can have.
    """
    structure = shifts.structure
    own = structure.symmetry_classes if classes is None else classes
    atoms_of: dict[int, list[int]] = {}
    for atom, element in enumerate(structure.elements):
        if element == nucleus.element:
            atoms_of.setdefault(own[atom], []).append(atom)
    points = np.stack([shifts.median_ppm, shifts.low_ppm, shifts.high_ppm], axis=1).tolist()
    groups = []
    for name in sorted(atoms_of):
        atoms = atoms_of[name]
        shift, low, high = points[atoms[0]]
        # Also where it is nan, which compares with nothing.
        if not nucleus.min_shift_ppm <= shift <= nucleus.max_shift_ppm or not high - low < np.inf:
            raise CheckpointError(
                f"the network predicts {shift:g} ppm ({low:g} to {high:g}) for a {nucleus.noun} "
                f"of {structure.connectivity}, which none has: its weights are damaged; "
                "fetch them again, or train once more"
            )
        n_hydrogens = structure.n_hydrogens[atoms[0]]
        groups.append(CarbonGroup(tuple(atoms), n_hydrogens, shift, low, high, nucleus))
    groups.sort(key=lambda group: group.place)
    return Prediction(structure, tuple(groups), shifts.level, nucleus)
