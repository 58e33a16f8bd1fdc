"""Shifts as whole numbers: hundredths of a ppm from where no nucleus that is known resonates."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nmrflow.errors import SpectrumError

HUNDREDTHS = 100
ORIGIN_PPM = -400.0
NO_PLACE = 65_535
"""In 16 bits, where there is none."""


def places_of(shifts_ppm: Iterable[float] | NDArray[np.floating]) -> NDArray[np.uint16]:
    """Shifts as hundredths of a ppm above :data:`ORIGIN_PPM`.

    Raises:
        SpectrumError: If one lies outside -400 to 255.3 ppm.
    """
    shifts = np.asarray(
        shifts_ppm if isinstance(shifts_ppm, np.ndarray) else list(shifts_ppm), dtype=np.float64
    )
    place = np.round((shifts - ORIGIN_PPM) * HUNDREDTHS)
    if not ((place >= 0) & (place < NO_PLACE)).all():
        top = ORIGIN_PPM + (NO_PLACE - 1) / HUNDREDTHS
        raise SpectrumError(f"a shift lies outside {ORIGIN_PPM:g} to {top:g} ppm")
    return place.astype(np.uint16)
