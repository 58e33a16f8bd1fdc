"""The question: a peak list, and what else is known of its molecule."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import PeakList
from nmrflow.spectra.solvents import ForeignLine


class Count(NamedTuple):
    """How many of something there are.

    Args:
        name: Of what.
        least: At least so many.
        most: At most so many; None: there is no bound.
    """

    name: str
    least: int
    most: int | None

    @property
    def exact(self) -> int | None:
        """The number, where it is one."""
        return self.least if self.least == self.most else None

    def allows(self, n: int) -> bool:
        """Whether it may be so many."""
        return self.least <= n and (self.most is None or n <= self.most)

    def __str__(self) -> str:
        if self.exact is not None:
            return f"{self.name} = {self.least}"
        if self.most is None:
            return f"{self.name} >= {self.least}"
        if not self.least:
            return f"{self.name} <= {self.most}"
        return f"{self.name} = {self.least}-{self.most}"


@dataclass(frozen=True)
class Conditions:
    """What a molecule must be, where it is known; what is not told does not matter.

    Args:
        elements: Those that it may have, beside hydrogen.
        counts: Of its atoms, by element, hydrogen too.
        carbons: Of its carbons by their hydrogens, as C, CH, CH2 and CH3.
        substructures: Patterns that it holds, as SMARTS or SMILES.
        not_substructures: Patterns that it does not hold.
    """

    elements: frozenset[str] | None = None
    counts: tuple[Count, ...] = ()
    carbons: tuple[Count, ...] = ()
    substructures: tuple[str, ...] = ()
    not_substructures: tuple[str, ...] = ()


NOTHING_KNOWN = Conditions()


@dataclass(frozen=True)
class Question:
    """A measured spectrum, and what else is known of its molecule.

    Args:
        peaks: Those of the compound.
        left_out: Those of the solvent or the reference.
        formula: The molecular formula in Hill order, where it is known.
        nucleus: Whose peaks they are.
        kept: Peaks of the compound that lie where the solvent or the reference has a line.
        conditions: What else is known of the molecule.
    """

    peaks: PeakList
    left_out: tuple[ForeignLine, ...] = ()
    formula: str | None = None
    nucleus: Nucleus = Carbon13()
    kept: tuple[ForeignLine, ...] = ()
    conditions: Conditions = NOTHING_KNOWN

    @property
    def shifts_ppm(self) -> tuple[float, ...]:
        """Shifts of the compound's peaks."""
        return self.peaks.shifts_ppm

    def code(self, axis: ShiftAxis) -> NDArray[np.uint8]:
        """The spectrum's code, ``(n_bins,)``; raises as :meth:`ShiftAxis.to_fine_bins`."""
        return axis.code_from_shifts(self.shifts_ppm)
