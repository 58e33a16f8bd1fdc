"""Spectra in whatever form they are given, as codes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nmrflow.errors import SpectrumError
from nmrflow.formats.text_reader import read_peaks
from nmrflow.spectra.axis import ShiftAxis

Spectrum = Sequence[float] | str | NDArray[np.generic]
"""Shifts in ppm, or a peak list as text, or a code as ``(n_bins,)`` zeros and ones."""

Spectra = Sequence[Sequence[float] | str] | NDArray[np.generic]
"""Peak lists in ppm, as numbers or as text (:func:`nmrflow.formats.text_reader.read_peaks`), or
codes as an array ``(n, n_bins)`` of zeros and ones."""


def read_codes(spectra: Spectra, axis: ShiftAxis) -> NDArray[np.uint8]:
    """The codes of spectra, ``(n, n_bins)``.

    Raises:
        SpectrumError: If one is no peak list and no code; the message names its position.
    """
    codes = [_read_code(position, spectrum, axis) for position, spectrum in enumerate(spectra)]
    return np.array(codes, dtype=np.uint8).reshape(len(codes), axis.n_bins)


def _read_code(position: int, spectrum: Spectrum, axis: ShiftAxis) -> NDArray[np.uint8]:
    if isinstance(spectrum, np.ndarray) and spectrum.dtype.kind in "biu":
        is_code = spectrum.shape == (axis.n_bins,) and np.isin(spectrum, (0, 1)).all()
        if not is_code:
            raise SpectrumError(
                f"spectrum {position}: a code is {axis.n_bins} zeros and ones, "
                f"got shape {spectrum.shape}"
            )
        return spectrum.astype(np.uint8)
    try:
        if isinstance(spectrum, str):
            spectrum = read_peaks(spectrum, axis).shifts_ppm
        return axis.code_from_shifts([float(shift) for shift in spectrum])
    except (SpectrumError, TypeError, ValueError) as error:
        raise SpectrumError(f"spectrum {position}: {error}") from error
