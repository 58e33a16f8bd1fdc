"""One side of a split as the yardsticks take it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmrflow.chem.structure import Structure
from nmrflow.data.records import Record
from nmrflow.spectra.axis import ShiftAxis


class Measured(NamedTuple):
    """Molecules and their measured codes, ``(n, n_bins)``, one row for each spectrum."""

    structures: tuple[Structure, ...]
    codes: NDArray[np.bool_]

    @property
    def connectivities(self) -> list[str]:
        """The molecule of each row as text."""
        return [structure.connectivity for structure in self.structures]

    @property
    def formulas(self) -> list[str]:
        """The molecular formula of each row."""
        return [structure.formula for structure in self.structures]


def measured(records: Sequence[Record], axis: ShiftAxis) -> Measured:
    """Records, sorted by molecule and peaks: what follows depends on no order of rows."""
    ordered = sorted(
        records, key=lambda r: (r.structure.connectivity, axis.occupied(r.peaks.shifts_ppm))
    )
    codes = [axis.code_from_shifts(record.peaks.shifts_ppm) for record in ordered]
    return Measured(
        tuple(record.structure for record in ordered),
        np.array(codes, dtype=bool).reshape(len(codes), axis.n_bins),
    )
