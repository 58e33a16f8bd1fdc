"""A shift axis whose bins are narrow where shifts lie dense."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nmrflow.errors import SpectrumError
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Carbon13, Nucleus

_N_HALVINGS = 60


@dataclass(frozen=True, init=False)
class AdaptiveAxis(ShiftAxis):
    """Bins of chemical shift of unequal widths.

    Args:
        edges: The lower edge of every bin and the upper one of the last, in fine bins above
            ``start_ppm``, ascending from 0.
        start_ppm: Lower edge of the first bin.
        fine_width_ppm: Width of a fine bin.
        nucleus: Whose shifts they are.

    Raises:
        SpectrumError: If the edges do not ascend from 0, or a width is not positive.

    Example:
        >>> axis = AdaptiveAxis(edges=[0, 100, 120, 400], start_ppm=0.0, fine_width_ppm=0.1)
        >>> axis.code_from_shifts([10.5])
        array([0, 1, 0], dtype=uint8)
    """

    edges: tuple[int, ...]

    def __init__(
        self,
        edges: Sequence[int],
        start_ppm: float,
        fine_width_ppm: float = 0.1,
        nucleus: Nucleus = Carbon13(),
    ) -> None:
        edges = tuple(int(edge) for edge in edges)
        if len(edges) < 2 or edges[0] != 0 or any(b <= a for a, b in pairwise(edges)):
            raise SpectrumError("the edges of an axis's bins ascend from 0")
        if not fine_width_ppm > 0:
            raise SpectrumError("a shift axis needs a positive width")
        own = {
            "fine_width_ppm": fine_width_ppm,
            "n_fine_bins": edges[-1],
            "n_bins": len(edges) - 1,
            "nucleus": nucleus,
            "start_ppm": start_ppm,
            "edges": edges,
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)  # the way of frozen dataclasses

    @property
    def bin_width_ppm(self) -> float:
        """Mean width of a bin in ppm."""
        return self.fine_width_ppm * self.n_fine_bins / self.n_bins

    def centres_ppm(self) -> NDArray[np.float64]:
        """Centre of each bin in ppm, ``(n_bins,)``."""
        edges = np.asarray(self.edges, dtype=np.float64)
        middle = (edges[1:] + edges[:-1]) / 2
        return np.round(self.start_ppm + middle * self.fine_width_ppm, 6)

    def bin_edges_ppm(self) -> NDArray[np.float64]:
        """Edges between the bins in ppm, ascending, ``(n_bins - 1,)``."""
        inner = np.asarray(self.edges[1:-1], dtype=np.float64)
        return self.start_ppm + inner * self.fine_width_ppm

    @property
    def n_fine_per_bin(self) -> NoReturn:
        """No number: bins are of unequal widths.

        Raises:
            SpectrumError: Always.
        """
        raise SpectrumError("the bins of this axis are of unequal widths")

    def places(self, shifts_ppm: object) -> NoReturn:  # noqa: ARG002
        """No number, likewise."""
        raise SpectrumError("the bins of this axis are of unequal widths")

    def code_from_fine(self, fine_bins: Iterable[int]) -> NDArray[np.uint8]:
        """The spectrum code ``(n_bins,)``; as :meth:`ShiftAxis.code_from_fine`."""
        bins = np.asarray(list(fine_bins), dtype=np.int64)
        if ((bins < 0) | (bins >= self.n_fine_bins)).any():
            raise SpectrumError(f"a fine bin lies outside 0 .. {self.n_fine_bins - 1}")
        code = np.zeros(self.n_bins, dtype=np.uint8)
        code[np.searchsorted(self.edges, bins, side="right") - 1] = 1
        return code

    def coarsen(self, fine_codes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Codes of fine codes: ``(n, n_fine_bins)`` to ``(n, n_bins)``."""
        return np.logical_or.reduceat(fine_codes, self.edges[:-1], axis=1)


def adaptive_edges(  # noqa: PLR0913 - most by name
    shifts_ppm: Iterable[float],
    n_bins: int,
    *,
    low_ppm: float,
    high_ppm: float,
    narrowest_ppm: float,
    widest_ppm: float,
    fine_width_ppm: float = 0.1,
) -> list[int]:
    """Edges of bins that hold as equal numbers of shifts as their least and greatest width allow.

    Args:
        shifts_ppm: Of a training side.
        n_bins: How many are wanted; what comes is as near to it as can be.
        low_ppm: Lower edge of the first.
        high_ppm: Upper edge of the last.
        narrowest_ppm: Least width.
        widest_ppm: Greatest width.
        fine_width_ppm: Of which the edges are multiples.

    Returns:
        As :class:`AdaptiveAxis` takes them.
    """
    n_fine = round((high_ppm - low_ppm) / fine_width_ppm)
    least, most = (round(w / fine_width_ppm) for w in (narrowest_ppm, widest_ppm))
    place = (np.asarray(list(shifts_ppm)) - low_ppm) / fine_width_ppm
    counts = np.bincount(place.clip(0, n_fine - 1).astype(np.int64), minlength=n_fine)
    below = np.concatenate([[0], counts.cumsum()])

    def edges_for(share: float) -> list[int]:
        edges = [0]
        while edges[-1] < n_fine:
            start = edges[-1]
            end = int(np.searchsorted(below, below[start] + share))
            end = min(max(end, start + least), start + most)
            edges.append(n_fine if n_fine - end < least else end)
        return edges

    low, high = 0.0, float(below[-1])
    for _ in range(_N_HALVINGS):
        middle = (low + high) / 2
        if len(edges_for(middle)) - 1 > n_bins:
            low = middle
        else:
            high = middle
    return edges_for(high)
