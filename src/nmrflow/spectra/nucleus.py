"""Nuclei whose spectra are read: all that differs from one to another."""

import math
from dataclasses import dataclass

from nmrflow.errors import SpectrumError


@dataclass(frozen=True)
class Nucleus:
    """A nucleus that is observed.

    Args:
        name: As chemists write it: mass number and element.
        element: Symbol of the element.
        min_shift_ppm: Lowest shift that is taken for one of this nucleus at all.
        max_shift_ppm: Highest one.
    """

    name: str
    element: str
    min_shift_ppm: float
    max_shift_ppm: float

    def check_shift(self, shift_ppm: float) -> None:
        """Refuse a number that is no shift of this nucleus.

        Raises:
            SpectrumError: If it is not finite, or outside ``min_shift_ppm .. max_shift_ppm``.
        """
        if not math.isfinite(shift_ppm):
            raise SpectrumError(f"shift {shift_ppm} is not a finite number")
        if not self.min_shift_ppm <= shift_ppm <= self.max_shift_ppm:
            raise SpectrumError(
                f"shift {shift_ppm:g} ppm is outside {self.min_shift_ppm:g} to "
                f"{self.max_shift_ppm:g} ppm"
            )


class Carbon13(Nucleus):
    """13C."""

    def __init__(self) -> None:
        super().__init__(name="13C", element="C", min_shift_ppm=-20.0, max_shift_ppm=260.0)
