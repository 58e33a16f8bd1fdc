"""Signals of a spectrum with the atoms they are assigned to, and the peaks that they make."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.spectra.peaks import Peak, PeakList


class Signal(NamedTuple):
    """One line of a spectrum.

    Args:
        shift_ppm: Of a range its middle.
        atoms: Its atoms, 0-based in file order; none if the file does not tell.
        multiplicity: A letter of the nucleus.
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


class ShiftedAtom(NamedTuple):
    """An atom of a structure that is written with its shift.

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
    """One peak for each signal.

    Args:
        spectrum: At least one signal.
        numbers: What a peak calls each of the file's atoms.
    """
    return PeakList(
        tuple(
            Peak(
                signal.shift_ppm,
                signal.multiplicity,
                signal.n_carbons,
                signal.intensity,
                signal.half_width_ppm,
                tuple(dict.fromkeys(str(numbers[atom]) for atom in signal.atoms)),
                signal.note,
            )
            for signal in spectrum.signals
        ),
        spectrum.metadata,
    )


def merged(peaks: PeakList) -> PeakList:
    """One peak for each shift and multiplicity, in the order of their first ones."""
    groups: dict[tuple[float, str | None, float], list[Peak]] = {}
    for peak in peaks.peaks:
        key = (peak.shift_ppm, peak.multiplicity, peak.half_width_ppm)
        groups.setdefault(key, []).append(peak)
    return PeakList(tuple(map(_merge, groups.values())), peaks.metadata)


def _merge(peaks: Sequence[Peak]) -> Peak:
    atoms = tuple(dict.fromkeys(atom for peak in peaks for atom in peak.atoms))
    n_carbons = max(len(atoms), sum(peak.n_carbons or 0 for peak in peaks))
    return replace(peaks[0], atoms=atoms, n_carbons=n_carbons if n_carbons > 1 else None)


def positions(elements: Sequence[str], structure: Structure | None) -> list[int]:
    """For each atom of a file its number in the structure, where hydrogens are implicit.

    Args:
        elements: Symbols of the file's atoms.
        structure: What was made of them; None: hydrogens do not count.

    Raises:
        DataError: If only some of the hydrogens are implicit.
    """
    heavy = tuple(element for element in elements if element != "H")
    if structure is not None and structure.elements not in (heavy, tuple(elements)):
        raise DataError("some hydrogens of the molfile cannot be made implicit; remove them")
    has_hydrogens = structure is not None and structure.elements != heavy
    numbers, n = [], 0
    for element in elements:
        numbers.append(n)
        n += element != "H" or has_hydrogens
    return numbers
