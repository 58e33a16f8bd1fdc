"""The shift axis: the only place where ppm become bins and bins become ppm."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from nmrflow.errors import SpectrumError
from nmrflow.spectra.nucleus import Carbon13, Nucleus

if TYPE_CHECKING:
    from torch import Tensor

# Shifts such as 12.4 lie exactly on an edge but not in binary arithmetic: 12.4 / 0.2 may
# come out a hair below 62. A millionth of a bin is far below any shift's own precision.
_EDGE_TOLERANCE_BINS = 1e-6

_Numbers = TypeVar("_Numbers", NDArray[np.float64], "Tensor")


@dataclass(frozen=True, init=False)
class ShiftAxis:
    """Equal bins of chemical shift; those of 13C are as the reversible network's paper has them.

    The fine spectrum has ``n_fine_bins`` bins of ``fine_width_ppm`` from ``start_ppm`` upwards:
    ``bin = floor((ppm - start) / width)``; shifts below the first bin fall into it, and shifts at
    or above the last bin's lower edge (204.6 ppm of 13C) into the last. The spectrum code ORs
    ``n_fine_bins / n_bins`` neighbouring fine bins into one bit (8, so 1.6 ppm a bit).

    Args:
        fine_width_ppm: Width of a fine bin in ppm; this and all else is the nucleus's own if None.
        n_fine_bins: Number of fine bins.
        n_bins: Number of bits of the spectrum code; divides ``n_fine_bins``.
        nucleus: Whose shifts they are.
        start_ppm: Lower edge of the first bin.

    Raises:
        SpectrumError: If the numbers of bins do not divide, or a number is not positive.

    Example:
        >>> ShiftAxis().to_fine_bins([-3.0, 12.4, 300.0 - 60.0])
        array([   0,   62, 1023])
    """

    fine_width_ppm: float
    n_fine_bins: int
    n_bins: int
    nucleus: Nucleus
    start_ppm: float

    def __init__(
        self,
        fine_width_ppm: float | None = None,
        n_fine_bins: int | None = None,
        n_bins: int | None = None,
        nucleus: Nucleus = Carbon13(),
        start_ppm: float | None = None,
    ) -> None:
        names = ("fine_width_ppm", "n_fine_bins", "n_bins", "start_ppm")
        given = (fine_width_ppm, n_fine_bins, n_bins, start_ppm)
        for name, value in zip(names, given, strict=True):
            own = getattr(nucleus, name) if value is None else value
            object.__setattr__(self, name, own)  # the way of frozen dataclasses
        object.__setattr__(self, "nucleus", nucleus)
        if self.n_bins < 1 or self.n_fine_bins < 1 or not self.fine_width_ppm > 0:
            raise SpectrumError("a shift axis needs a positive width and at least one bin")
        if self.n_fine_bins % self.n_bins:
            raise SpectrumError(
                f"{self.n_fine_bins} fine bins cannot be shared by {self.n_bins} code bits evenly"
            )

    @property
    def n_fine_per_bin(self) -> int:
        """Number of fine bins that one code bit covers."""
        return self.n_fine_bins // self.n_bins

    @property
    def bin_width_ppm(self) -> float:
        """Width of one code bit in ppm."""
        return self.fine_width_ppm * self.n_fine_per_bin

    def check_shift(self, shift_ppm: float) -> None:
        """Refuse a number that is no shift; raises as :meth:`Nucleus.check_shift`."""
        self.nucleus.check_shift(shift_ppm)

    def n_off_scale(self, shifts_ppm: Iterable[float]) -> int:
        """How many shifts fall into the first or last bin only because it is open-ended."""
        top_ppm = self.start_ppm + self.fine_width_ppm * self.n_fine_bins
        return sum(not self.start_ppm <= shift < top_ppm for shift in shifts_ppm)

    def to_fine_bins(self, shifts_ppm: Iterable[float]) -> NDArray[np.int64]:
        """Fine bin of every shift, in the order given: ``(n_peaks,)``.

        Raises:
            SpectrumError: As :meth:`check_shift`.
        """
        shifts = np.asarray(list(shifts_ppm), dtype=np.float64)
        for shift in shifts:
            self.check_shift(float(shift))
        bins = (shifts - self.start_ppm) / self.fine_width_ppm
        bins = np.floor(bins + _EDGE_TOLERANCE_BINS).astype(np.int64)
        return np.asarray(bins.clip(0, self.n_fine_bins - 1), dtype=np.int64)

    def occupied(self, shifts_ppm: Iterable[float]) -> tuple[int, ...]:
        """The fine bins that shifts fill, sorted, each once; raises as :meth:`check_shift`."""
        return tuple(np.unique(self.to_fine_bins(shifts_ppm)).tolist())

    def fine_centres_ppm(self, fine_bins: Iterable[int]) -> NDArray[np.float64]:
        """Centre of each fine bin in ppm (of an end bin too, although it is open-ended)."""
        centres: NDArray[np.float64] = np.asarray(list(fine_bins), dtype=np.float64) + 0.5
        return np.round(self.start_ppm + centres * self.fine_width_ppm, 6)

    def centres_ppm(self) -> NDArray[np.float64]:
        """Centre of each code bin in ppm, shape ``(n_bins,)``."""
        # Rounded far below any shift's precision, so that 125.6 is not shown as 125.600...01.
        centres = (np.arange(self.n_bins) + 0.5) * self.bin_width_ppm
        return np.round(self.start_ppm + centres, 6)

    def bin_edges_ppm(self) -> NDArray[np.float64]:
        """Edges between the bins of the code in ppm, ascending, ``(n_bins - 1,)``."""
        return self.start_ppm + np.arange(1, self.n_bins, dtype=np.float64) * self.bin_width_ppm

    def places(self, shifts_ppm: _Numbers) -> _Numbers:
        """Where shifts lie, in widths of a code bin from the lower edge of the first."""
        return (shifts_ppm - self.start_ppm) / self.bin_width_ppm

    def code_from_fine(self, fine_bins: Iterable[int]) -> NDArray[np.uint8]:
        """The spectrum code ``(n_bins,)`` of zeros and ones.

        A bit is set when any fine bin that it covers is occupied; the bins may come in any order,
        and repeatedly.

        Raises:
            SpectrumError: If a bin number is outside ``0 .. n_fine_bins - 1``.
        """
        bins = np.asarray(list(fine_bins), dtype=np.int64)
        if ((bins < 0) | (bins >= self.n_fine_bins)).any():
            raise SpectrumError(f"a fine bin lies outside 0 .. {self.n_fine_bins - 1}")
        code = np.zeros(self.n_bins, dtype=np.uint8)
        code[bins // self.n_fine_per_bin] = 1
        return code

    def coarsen(self, fine_codes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Codes of fine codes: ``(n, n_fine_bins)`` to ``(n, n_bins)``."""
        shape = len(fine_codes), self.n_bins, self.n_fine_per_bin
        return np.asarray(fine_codes.reshape(shape).any(axis=2))

    def code_from_shifts(self, shifts_ppm: Iterable[float]) -> NDArray[np.uint8]:
        """The spectrum code of a peak list in ppm; raises as :meth:`to_fine_bins`."""
        return self.code_from_fine(self.to_fine_bins(shifts_ppm))
