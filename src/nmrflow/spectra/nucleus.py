"""Nuclei whose spectra are read: all that differs from one to another, in one place."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from nmrflow.errors import SpectrumError


class SolventLine(NamedTuple):
    """A line of a solvent, or the multiplet that deuterium makes of it.

    Args:
        shift_ppm: Its centre.
        n_lines: Number of lines of the multiplet.
        coupling_hz: Between them.
    """

    shift_ppm: float
    n_lines: int = 1
    coupling_hz: float = 0.0


class Solvent(NamedTuple):
    """A solvent, or the shift reference, in spectra of a nucleus.

    Args:
        name: One of those that :func:`nmrflow.spectra.solvents.find_solvents` gives, or TMS.
        lines: Its lines.
        is_untold: Whether they are looked for where no solvent is named.
    """

    name: str
    lines: tuple[SolventLine, ...]
    is_untold: bool = False


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

    def __hash__(self) -> int:
        # Asked several times a peak; all lines of all solvents would go into the usual one.
        return hash((self.mass, self.element))

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


_Line = SolventLine


class Carbon13(Nucleus):
    """13C: the bins of the reversible network's paper, a range that holds every organic carbon.

    References:
        Kuhn, Dwarka, Grenda, Vainikko, arXiv:2602.03875, 2026 (1,024 bins of 0.2 ppm). The
        paper's text says four fine bins to a bit; 1,024 / 128 is eight.
        Fulmer et al., Organometallics 29, 2176 (2010), doi:10.1021/om100106e (solvents;
        those that are not in it as in Cambridge Isotope Laboratories' NMR solvent data chart).
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
                Solvent("TMS", (_Line(0.0),), is_untold=True),
                Solvent("CDCl3", (_Line(77.16, 3, 32.0),), is_untold=True),
                Solvent("DMSO-d6", (_Line(39.52, 7, 21.0),), is_untold=True),
                Solvent("CD3OD", (_Line(49.0, 7, 21.4),), is_untold=True),
                Solvent("acetone-d6", (_Line(29.84, 7, 19.4), _Line(206.26))),
                Solvent("CD3CN", (_Line(1.32, 7, 21.0), _Line(118.26))),
                Solvent("C6D6", (_Line(128.06, 3, 24.3),)),
                Solvent("CD2Cl2", (_Line(53.84, 5, 27.2),)),
                Solvent("THF-d8", (_Line(25.31, 5, 20.2), _Line(67.21, 5, 22.2))),
                Solvent(
                    "toluene-d8",
                    (
                        _Line(20.43, 7, 19.0),
                        _Line(125.13, 3, 24.0),
                        _Line(127.96, 3, 24.0),
                        _Line(128.87, 3, 23.0),
                        _Line(137.48),
                    ),
                ),
                Solvent("D2O", ()),
                Solvent(
                    "C6D5Cl",
                    (
                        _Line(125.96, 3, 24.3),
                        _Line(128.25, 3, 24.3),
                        _Line(129.26, 3, 24.3),
                        _Line(134.19),
                    ),
                ),
                Solvent("CF3CD2OD", (_Line(61.5, 5, 22.0), _Line(126.28, 4, 277.0))),
                Solvent(
                    "pyridine-d5",
                    (_Line(123.87, 3, 25.0), _Line(135.91, 3, 24.5), _Line(150.35, 3, 27.5)),
                ),
                Solvent(
                    "DMF-d7",
                    (_Line(29.76, 7, 21.0), _Line(34.89, 7, 21.0), _Line(163.15, 3, 29.4)),
                ),
                Solvent("dioxane-d8", (_Line(66.66, 5, 21.9),)),
                Solvent("C6D12", (_Line(26.43, 5, 19.0),)),
                Solvent("C2D2Cl4", (_Line(73.78, 3, 30.0),)),
                Solvent("CF3CO2D", (_Line(116.6, 4, 283.0), _Line(164.2, 4, 44.0))),
                Solvent("CD3CO2D", (_Line(20.0, 7, 20.0), _Line(178.99))),
                Solvent("CD3NO2", (_Line(62.8, 7, 22.0),)),
                Solvent("ethanol-d6", (_Line(17.31, 7, 19.0), _Line(56.96, 5, 22.0))),
                Solvent(
                    "C6D5NO2",
                    (
                        _Line(123.5, 3, 26.0),
                        _Line(129.5, 3, 25.0),
                        _Line(134.8, 3, 24.5),
                        _Line(148.6),
                    ),
                ),
                Solvent(
                    "C6D4Cl2", (_Line(127.19, 3, 25.0), _Line(130.04, 3, 25.0), _Line(132.39))
                ),
                Solvent("CS2", (_Line(192.8),)),
                Solvent("CCl4", (_Line(96.3),)),
            ),
        )
