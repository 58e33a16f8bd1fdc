"""Molecules as tokens with their peaks, as whole numbers: what the backward side learns from."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from nmrflow.errors import DataError
from nmrflow.files.writing import written_whole
from nmrflow.spectra.places import NO_PLACE

NO_TOKEN = 255

_Number = TypeVar("_Number", np.uint8, np.uint16)


class PeakTable(NamedTuple):
    """Molecules, one a row; a peak for each group of equivalent atoms that has one.

    Args:
        tokens: Of the grammar, :data:`NO_TOKEN` behind the end, uint8 ``(n, t)``.
        shifts: As :func:`nmrflow.spectra.places.places_of`, of several measurements of a
            molecule, ``NO_PLACE`` behind the last group, uint16 ``(n, n_draws, p)``.
        hydrogens: Of each group's atoms, uint8 ``(n, p)``.
        kinds: As :meth:`nmrflow.chem.graph.AtomFeatures.count_kinds`, uint8 ``(n, n_kinds)``.
    """

    tokens: NDArray[np.uint8]
    shifts: NDArray[np.uint16]
    hydrogens: NDArray[np.uint8]
    kinds: NDArray[np.uint8]

    def rows(self, index: NDArray[np.integer] | NDArray[np.bool_]) -> "PeakTable":
        """Some of the molecules."""
        return PeakTable(
            self.tokens[index], self.shifts[index], self.hydrogens[index], self.kinds[index]
        )


def joined(tables: Sequence[PeakTable]) -> PeakTable:
    """One table of several; shorter rows are filled."""
    tokens, shifts, hydrogens, kinds = zip(*tables, strict=True)
    return PeakTable(
        _stacked(tokens, NO_TOKEN),
        _stacked(shifts, NO_PLACE),
        _stacked(hydrogens),
        _stacked(kinds),
    )


def _stacked(arrays: Sequence[NDArray[_Number]], fill: int = 0) -> NDArray[_Number]:
    width = max(array.shape[-1] for array in arrays)
    return np.concatenate([padded(array, width, fill) for array in arrays])


def padded(array: NDArray[_Number], width: int, fill: int) -> NDArray[_Number]:
    """An array whose last axis is as long as wanted."""
    more = [(0, 0)] * (array.ndim - 1) + [(0, width - array.shape[-1])]
    return np.pad(array, more, constant_values=fill)


def write_table(file: Path, table: PeakTable) -> None:
    """Write a table, compressed."""
    with written_whole(file) as unfinished, unfinished.open("wb") as stream:
        np.savez_compressed(stream, **table._asdict())


def read_table(file: Path) -> PeakTable:
    """Read what :func:`write_table` wrote.

    Raises:
        DataError: If it is no such file.
    """
    try:
        # Of a damaged file NumPy leaves open what it has opened itself.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            table = PeakTable(*(kept[name] for name in PeakTable._fields))
    except Exception as error:  # whatever the reader stumbled over
        raise DataError(
            f"{file}: no table of peaks ({type(error).__name__}: {error}); remove its folder and "
            "run again"
        ) from error
    types = [array.dtype.name for array in table]
    if types != ["uint8", "uint16", "uint8", "uint8"] or len({len(a) for a in table}) != 1:
        raise DataError(f"{file}: its arrays do not belong together; remove its folder")
    return table
