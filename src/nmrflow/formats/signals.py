"""Peaks of an SDF record: what their atoms are called, and which of them are one."""

from collections.abc import Sequence
from dataclasses import replace

from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.spectra.peaks import Peak, PeakList


def fixed(shift_ppm: float, n_decimals: int) -> str:
    """A shift with so many decimals."""
    return f"{round(shift_ppm, n_decimals) + 0.0:.{n_decimals}f}"  # + 0.0: no "-0.00"


def renumbered(peaks: PeakList, numbers: Sequence[int]) -> PeakList:
    """Peaks whose atoms are 0-based numbers in file order, with what ``numbers`` calls those."""
    if all(place == number for place, number in enumerate(numbers)):
        return peaks
    found = []
    for peak in peaks.peaks:
        atoms = dict.fromkeys(str(numbers[int(atom)]) for atom in peak.atoms)
        found.append(replace(peak, atoms=tuple(atoms)))
    return replace(peaks, peaks=tuple(found))


def merged(peaks: PeakList) -> PeakList:
    """One peak for each shift and multiplicity, in the order of their first ones."""
    groups: dict[tuple[float, str | None, float], list[Peak]] = {}
    for peak in peaks.peaks:
        key = (peak.shift_ppm, peak.multiplicity, peak.half_width_ppm)
        groups.setdefault(key, []).append(peak)
    found = []
    for alike in groups.values():
        atoms = tuple(dict.fromkeys(atom for peak in alike for atom in peak.atoms))
        n = max(len(atoms), sum(peak.n_carbons or 0 for peak in alike))
        first, told = alike[0], n if n > 1 else None
        is_same = (first.atoms, first.n_carbons) == (atoms, told)
        found.append(first if is_same else replace(first, atoms=atoms, n_carbons=told))
    return replace(peaks, peaks=tuple(found))


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
