"""The question: a peak list as the network is asked about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nmrflow.chem.codecs.table import count_atoms_and_bonds
from nmrflow.errors import SpectrumError
from nmrflow.formats.text_reader import read_peaks
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.solvents import ForeignLine, split_foreign_lines


@dataclass(frozen=True)
class Query:
    """A measured spectrum, and what else is known of its molecule.

    Args:
        peaks: Those of the compound.
        left_out: Those of the solvent or the reference.
        formula: The molecular formula, where it is known.
    """

    peaks: PeakList
    left_out: tuple[ForeignLine, ...] = ()
    formula: str | None = None

    @property
    def shifts_ppm(self) -> tuple[float, ...]:
        """Shifts of the compound's peaks."""
        return self.peaks.shifts_ppm

    @property
    def remarks(self) -> tuple[str, ...]:
        """What whoever asks should know of how the question was understood, as sentences."""
        found = []
        if self.left_out:
            found.append(f"Left out: {', '.join(map(str, self.left_out))}.")
        if self.formula is not None:
            n_carbons, _ = count_atoms_and_bonds(self.formula)
            n_peaks = len(set(self.shifts_ppm))
            if n_peaks > n_carbons:
                found.append(
                    f"{n_peaks} peaks are more than the {n_carbons} carbons of {self.formula}: "
                    "some are not the compound's."
                )
        return tuple(found)


Asked = Query | PeakList | str | Sequence[float]
"""A spectrum as it can be given: a query, a peak list, its text, or shifts in ppm."""


def ask(
    peaks: Asked,
    axis: ShiftAxis,
    *,
    formula: str | None = None,
    keeps_solvent: bool = False,
) -> Query:
    """Make a query of a peak list, without the lines of solvent and reference.

    Equal shifts become one peak, of as many carbons as there were.

    Args:
        peaks: The spectrum; a query is returned as it is, with the formula if one is given.
        axis: Says which numbers are shifts.
        formula: As C10H14, where it is known.
        keeps_solvent: Take the lines of solvent and reference for the compound's.

    Raises:
        SpectrumError: If the list cannot be read, or nothing but such lines is in it.
        StructureError: If the formula is none of a hydrocarbon of 2 to 17 carbons.
    """
    if formula is not None:
        formula = formula.strip()
        count_atoms_and_bonds(formula)
    if isinstance(peaks, Query):
        return peaks if formula is None else replace(peaks, formula=formula)
    if isinstance(peaks, str):
        peaks = read_peaks(peaks, axis)
    elif not isinstance(peaks, PeakList):
        peaks = PeakList(tuple(Peak(float(shift)) for shift in peaks))
    for shift in peaks.shifts_ppm:
        axis.check_shift(shift)
    own, left_out = (
        (peaks.peaks, ()) if keeps_solvent else split_foreign_lines(peaks, axis.nucleus)
    )
    if not own:
        lines = ", ".join(map(str, left_out))
        raise SpectrumError(
            f"nothing but lines of solvent and reference ({lines}); if they are the compound's, "
            "say --keep-solvent (in Python: nmrflow.answers.question.ask, keeps_solvent=True)"
        )
    return Query(PeakList(_without_repeats(own), peaks.metadata), left_out, formula)


def _without_repeats(peaks: Sequence[Peak]) -> tuple[Peak, ...]:
    """A shift that is listed once for each carbon is one peak of so many carbons."""
    groups: dict[tuple[float, str | None], list[Peak]] = {}
    for peak in peaks:
        groups.setdefault((peak.shift_ppm, peak.multiplicity), []).append(peak)
    return tuple(
        group[0]
        if len(group) == 1
        else replace(
            group[0],
            n_carbons=sum(peak.n_carbons or 1 for peak in group),
            atoms=tuple(dict.fromkeys(atom for peak in group for atom in peak.atoms)),
        )
        for group in groups.values()
    )
