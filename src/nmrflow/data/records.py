"""The one record type, and what reading a source gives."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from nmrflow.chem.structure import Structure
from nmrflow.spectra.axis import ShiftAxis


@dataclass(frozen=True)
class MoleculeSpectrum:
    """One measured (or generated) 13C spectrum of one molecule.

    Args:
        molecule_id: Identifier of the molecule in its source.
        spectrum_id: Identifier of the spectrum in its source.
        structure: The molecule, atoms in the source's order.
        fine_bins: Sorted numbers of the occupied fine bins of the source's axis.
        shifts_ppm: Shift of every assigned or listed peak in ppm; None where the source
            gives bins only.
        provenance: File or generator, and the place in it.
    """

    molecule_id: str
    spectrum_id: str
    structure: Structure
    fine_bins: tuple[int, ...]
    shifts_ppm: tuple[float, ...] | None
    provenance: str


@dataclass(frozen=True)
class SourceData:
    """All records of a source, and an account of what was left out.

    Args:
        records: What can be used.
        n_excluded: Rows (of an SDF: records) left out, by reason.
        n_off_scale: Shifts that fill an end bin of the axis only because it is open-ended.
        defects: Place and reason of every defective record that was skipped on request.
    """

    records: tuple[MoleculeSpectrum, ...]
    n_excluded: Counter[str] = field(default_factory=Counter)
    n_off_scale: int = 0
    defects: tuple[str, ...] = ()

    @property
    def n_excluded_total(self) -> int:
        """Number of rows that were read and left out."""
        return sum(self.n_excluded.values())

    def describe(self) -> list[str]:
        """Sentences for the screen: how many rows, what was left out and why."""
        lines = [f"{len(self.records):,} spectra"]
        lines += [f"left out {n:,}: {reason}" for reason, n in sorted(self.n_excluded.items())]
        lines += [f"defect: {defect}" for defect in self.defects]
        if self.n_off_scale:
            lines.append(f"{self.n_off_scale:,} shifts lie off the axis and fill its end bins")
        return lines


class Source(Protocol):
    """A data source: one reader for one format.

    ``name`` and ``path`` (None where there is no file) say where the records come from.
    """

    name: str
    path: str | None

    def read(self, axis: ShiftAxis) -> SourceData:
        """Read every record, or raise a DataError that names every defect with its place."""
        ...


def report_defects(
    where: str, defects: Sequence[str], noun: str, advice: str, n_shown: int = 20
) -> str:
    """One message for all defects of a file: the first ones in full, the rest counted."""
    shown = "\n".join(f"  {defect}" for defect in defects[:n_shown])
    more = f"\n  ... and {len(defects) - n_shown:,} more" if len(defects) > n_shown else ""
    found = f"{len(defects):,} bad {noun}{'' if len(defects) == 1 else 's'}"
    return f"{where}: {found}; nothing was loaded\n{shown}{more}\n{advice}"
