"""Nuclei whose spectra are read: all that differs from one to another, in one place."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from nmrflow.errors import SpectrumError


class Solvent(NamedTuple):
    """A solvent, or the shift reference, in spectra of a nucleus.

    Args:
        name: One of those that :func:`nmrflow.spectra.solvents.find_solvents` gives, or TMS.
        lines_ppm: Centre of each line.
        untold: Where no solvent is named, its lines are looked for all the same if this is no
            None: numbers of lines that deuterium makes of one.
        is_triplet: One deuterium: authors write 77.0 (t), which is no group of the compound.
    """

    name: str
    lines_ppm: tuple[float, ...]
    untold: tuple[int, ...] | None = None
    is_triplet: bool = False


@dataclass(frozen=True)
class Nucleus:
    """A nucleus that is observed.

    Args:
        mass: Mass number.
        element: Symbol of the element.
        noun: Name of one atom, in words.
        atomic_number: Of the element.
        min_shift_ppm: Lowest shift that is taken for one of this nucleus at all.
        max_shift_ppm: Highest one.
        start_ppm: Lower edge of the first bin of its usual axis.
        fine_width_ppm: Width of a fine bin of that.
        n_fine_bins: Number of its fine bins.
        n_bins: Number of bits of its spectrum code.
        typical_ppm: Where its shifts crowd, the commonest first: where a network begins.
        shown_ppm: What pictures show, left to right: the order in which chemists draw spectra.
        multiplicities: Letters of atoms with no, one, two, ... hydrogens, as DEPT tells them;
            none where spectra do not tell them.
        solvents: Lines that are no peaks of the compound.
    """

    mass: int
    element: str
    noun: str
    atomic_number: int
    min_shift_ppm: float
    max_shift_ppm: float
    start_ppm: float
    fine_width_ppm: float
    n_fine_bins: int
    n_bins: int
    typical_ppm: tuple[float, ...]
    shown_ppm: tuple[float, float]
    multiplicities: tuple[str, ...] = ()
    solvents: tuple[Solvent, ...] = ()

    @property
    def name(self) -> str:
        """As chemists write it, 13C: also in tags of nmrshiftdb2 and NMReDATA."""
        return f"{self.mass}{self.element}"

    @property
    def spellings(self) -> tuple[str, ...]:
        """The name as programs write it, in capitals without signs between."""
        names = (self.name, f"{self.element}{self.mass}", f"{self.noun}{self.mass}")
        return tuple(name.upper() for name in names)

    @property
    def heading(self) -> str:
        """Below the axis of a picture."""
        return f"{self.name} shift / ppm"

    def group(self, n_hydrogens: int) -> str:
        """What publications write for an atom with its hydrogens: C, CH, CH2, CH3.

        Example:
            >>> [Carbon13().group(n) for n in range(4)]
            ['C', 'CH', 'CH2', 'CH3']
        """
        return self.element + ("", "H")[n_hydrogens > 0] + (str(n_hydrogens) * (n_hydrogens > 1))

    def letter(self, n_hydrogens: int) -> str | None:
        """The multiplicity of an atom with so many hydrogens, None where it has no letter."""
        return dict(enumerate(self.multiplicities)).get(n_hydrogens)

    @property
    def groups(self) -> dict[str, str]:
        """The group that each letter stands for."""
        return {letter: self.group(n) for n, letter in enumerate(self.multiplicities)}

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
    """13C: the bins of the reversible network's paper, a range that holds every organic carbon.

    References:
        Kuhn, Dwarka, Grenda, Vainikko, arXiv:2602.03875, 2026 (1,024 bins of 0.2 ppm). The
        paper's text says four fine bins to a bit; 1,024 / 128 is eight.
        Fulmer et al., Organometallics 29, 2176 (2010), doi:10.1021/om100106e (solvents).
    """

    def __init__(self) -> None:
        super().__init__(
            mass=13,
            element="C",
            noun="carbon",
            atomic_number=6,
            min_shift_ppm=-20.0,
            max_shift_ppm=260.0,
            start_ppm=0.0,
            fine_width_ppm=0.2,
            n_fine_bins=1024,
            n_bins=128,
            typical_ppm=(20.0, 40.0, 130.0, 75.0),
            shown_ppm=(220.0, -5.0),
            multiplicities=("S", "D", "T", "Q"),
            solvents=(
                Solvent("TMS", (0.0,), untold=()),
                Solvent("CDCl3", (77.16,), untold=(3,), is_triplet=True),
                Solvent("DMSO-d6", (39.52,), untold=(7,)),
                Solvent("CD3OD", (49.0,), untold=(7,)),
                Solvent("acetone-d6", (29.84, 206.26)),
                Solvent("CD3CN", (1.32, 118.26)),
                Solvent("C6D6", (128.06,), is_triplet=True),
                Solvent("CD2Cl2", (53.84,)),
                Solvent("THF-d8", (25.31, 67.21)),
                Solvent("toluene-d8", (20.43, 125.13, 127.96, 128.87, 137.48)),
                Solvent("D2O", ()),
            ),
        )
