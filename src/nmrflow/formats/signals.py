"""Signals of a 13C spectrum with the atoms they are assigned to, and the peaks that they make."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nmrflow.spectra.peaks import Peak, PeakList


class Signal(NamedTuple):
    """One line of a spectrum.

    Args:
        shift_ppm: Of a range its middle.
        atoms: Its atoms, 0-based in file order; none if the file does not tell.
        multiplicity: A letter of :data:`nmrflow.spectra.peaks.MULTIPLICITIES`.
        n_carbons: How many carbons it is said to stand for.
        intensity: In the source's units.
        half_width_ppm: Half the width of a range.
        note: What else is said of it.
    """

    shift_ppm: float
    atoms: tuple[int, ...] = ()
    multiplicity: str | None = None
    n_carbons: int | None = None
    intensity: float | None = None
    half_width_ppm: float = 0.0
    note: str = ""


class Spectrum(NamedTuple):
    """Signals, and what is said of all of them."""

    signals: tuple[Signal, ...]
    metadata: Mapping[str, str]


class Carbon(NamedTuple):
    """A carbon of a structure that is written with its shift.

    Args:
        atom: Its 0-based number.
        shift_ppm: Its shift.
        n_hydrogens: How many hydrogens it bears.
        symmetry_class: A number that it shares with the atoms it is equivalent to.
    """

    atom: int
    shift_ppm: float
    n_hydrogens: int
    symmetry_class: int


def fixed(shift_ppm: float, n_decimals: int) -> str:
    """A shift with so many decimals."""
    return f"{round(shift_ppm, n_decimals) + 0.0:.{n_decimals}f}"  # + 0.0: no "-0.00"


def to_peak_list(spectrum: Spectrum, numbers: Sequence[int]) -> PeakList:
    """One peak for each shift and multiplicity, in the order of their first signals.

    Args:
        spectrum: At least one signal.
        numbers: What a peak calls each of the file's atoms.
    """
    groups: dict[tuple[float, str | None, float], list[Signal]] = {}
    for signal in spectrum.signals:
        key = (signal.shift_ppm, signal.multiplicity, signal.half_width_ppm)
        groups.setdefault(key, []).append(signal)
    return PeakList(tuple(_peak(group, numbers) for group in groups.values()), spectrum.metadata)


def _peak(signals: Sequence[Signal], numbers: Sequence[int]) -> Peak:
    first = signals[0]
    atoms = dict.fromkeys(str(numbers[atom]) for signal in signals for atom in signal.atoms)
    n_carbons = max(len(atoms), sum(signal.n_carbons or 0 for signal in signals))
    return Peak(
        first.shift_ppm,
        first.multiplicity,
        n_carbons if n_carbons > 1 else None,
        first.intensity,
        first.half_width_ppm,
        tuple(atoms),
        first.note,
    )
