"""The question: a peak list, and what else is known of its molecule."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import PeakList
from nmrflow.spectra.solvents import ForeignLine


@dataclass(frozen=True)
class Question:
    """A measured spectrum, and what else is known of its molecule.

    Args:
        peaks: Those of the compound.
        left_out: Those of the solvent or the reference.
        formula: The molecular formula in Hill order, where it is known.
        nucleus: Whose peaks they are.
        other_reading: The same question where lines that the solvent and the compound may have
            are the other's; None where there are no such lines.
    """

    peaks: PeakList
    left_out: tuple[ForeignLine, ...] = ()
    formula: str | None = None
    nucleus: Nucleus = Carbon13()
    other_reading: "Question | None" = None

    @property
    def shifts_ppm(self) -> tuple[float, ...]:
        """Shifts of the compound's peaks."""
        return self.peaks.shifts_ppm

    def code(self, axis: ShiftAxis) -> NDArray[np.uint8]:
        """The spectrum's code, ``(n_bins,)``; raises as :meth:`ShiftAxis.to_fine_bins`."""
        return axis.code_from_shifts(self.shifts_ppm)
