"""The first pass over a library: every molecule against a spectrum, by what is stored of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmrflow.library.labels import bins_of, scales_ppm
from nmrflow.library.library import Library, words
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import PeakList


@dataclass(frozen=True)
class OpenWeights:
    """What counts where molecules of any formula compete for one spectrum, in nats.

    The likelihood of a list of peaks: each group of equivalent atoms has a peak, at a shift of its
    own distribution or, rarely, anywhere; or it has another's, where lines coincide; and a peak
    may be nobody's.

    Args:
        stray: Share of atoms whose shift is anywhere.
        shared: Of each group beyond the peaks.
        extra: Of each peak beyond the groups.
    """

    stray: float = 0.01
    shared: float = -1.0
    extra: float = -8.0


OPEN = OpenWeights()

WINDOW_PPM = 5.0
"""In the first pass a peak is somebody's with a predicted shift of the molecule so near."""

_ROWS_AT_ONCE = 1 << 17


def with_strays(
    log_density: NDArray[np.floating], nucleus: Nucleus, weights: OpenWeights = OPEN
) -> NDArray[np.floating]:
    """Log densities per ppm where a shift may also be anywhere."""
    anywhere = np.log(weights.stray / (nucleus.max_shift_ppm - nucleus.min_shift_ppm))
    return np.asarray(np.logaddexp(np.log1p(-weights.stray) + log_density, anywhere))


def scan(
    library: Library,
    peaks: PeakList,
    axis: ShiftAxis,
    rows: NDArray[np.int64] | None,
    n_best: int,
    weights: OpenWeights = OPEN,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The best rows of a library, and their scores, best first.

    Each group of equivalent atoms has the peak nearest to it; how many peaks are left over is
    read off the codes. So nothing is matched, and a molecule costs one look into a table for each
    of its groups. Equal scores come in the order of rows.

    Args:
        library: Open.
        peaks: The spectrum's.
        axis: Of the codes.
        rows: Those that are asked, ascending; None: all.
        n_best: Most that are returned.
        weights: Of what is left over.
    """
    table = _table(peaks.shifts_ppm, axis, weights)
    masks = _masks(peaks.shifts_ppm, axis)
    best_rows, best = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    n = library.n if rows is None else len(rows)
    for start in range(0, n, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, n)
        part = slice(start, stop) if rows is None else rows[start:stop]
        scores = _score(library, part, table, masks, weights)
        own = np.arange(start, stop) if rows is None else rows[start:stop]
        best_rows, best = np.concatenate([best_rows, own]), np.concatenate([best, scores])
        if len(best) > n_best:
            kept = np.sort(np.argpartition(-best, n_best)[:n_best])
            best_rows, best = best_rows[kept], best[kept]
    order = np.argsort(-best, kind="stable")
    return best_rows[order], best[order]


def _score(
    library: Library,
    rows: slice | NDArray[np.int64],
    table: NDArray[np.float32],
    masks: NDArray[np.uint64],
    weights: OpenWeights,
) -> NDArray[np.float32]:
    if isinstance(rows, slice):
        starts = library.starts[rows.start : rows.stop + 1]
        cells = library.cells[starts[0] : starts[-1]]
        sizes = np.diff(starts)
    else:
        begin, sizes = library.starts[rows], library.starts[rows + 1] - library.starts[rows]
        step = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        cells = library.cells[np.repeat(begin, sizes) + step]
    fits = np.add.reduceat(table.take(cells), np.cumsum(sizes) - sizes)
    codes = library.codes[rows]
    covered = np.zeros(len(codes), dtype=np.int16)
    for mask in masks:
        held = codes[:, 0] & mask[0]
        for k in range(1, codes.shape[1]):
            held |= codes[:, k] & mask[k]
        covered += held != 0
    extra = len(masks) - covered
    shared = np.maximum(sizes - covered, 0)
    return np.asarray(fits + weights.extra * extra + weights.shared * shared, dtype=np.float32)


def _table(
    shifts_ppm: Sequence[float], axis: ShiftAxis, weights: OpenWeights
) -> NDArray[np.float32]:
    """Log density of the nearest peak for each scale and each predicted shift, flat."""
    measured = np.sort(np.asarray(shifts_ppm, dtype=np.float64))
    places = Library.places_ppm(axis)
    after = (
        np.searchsorted(measured, places).clip(1, len(measured) - 1) if len(measured) > 1 else 0
    )
    above, below = measured[after], measured[after - 1] if len(measured) > 1 else measured[0]
    away = np.minimum(np.abs(places - above), np.abs(places - below))
    scales = scales_ppm(np.arange(256))[:, None]
    log_density = -away / scales - np.log(2 * scales)
    return with_strays(log_density, axis.nucleus, weights).astype(np.float32).reshape(-1)


def _masks(shifts_ppm: Sequence[float], axis: ShiftAxis) -> NDArray[np.uint64]:
    """For each peak the bits within the window, ``(n_peaks, n_words)``."""
    ends = np.array([-WINDOW_PPM, WINDOW_PPM])
    codes = []
    for shift in shifts_ppm:
        first, last = bins_of(shift + ends, axis)
        code = np.zeros(axis.n_bins, dtype=np.uint8)
        code[first : last + 1] = 1
        codes.append(np.packbits(code))
    return words(np.array(codes))
