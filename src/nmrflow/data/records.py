"""The one record type, and what reading a source gives."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.spectra.peaks import PeakList


@dataclass(frozen=True)
class Record:
    """One measured (or generated) spectrum of one molecule, with all that its source tells.

    Args:
        molecule_id: Identifier of the molecule in its source.
        spectrum_id: Identifier of the spectrum in its source.
        structure: The molecule, atoms in the source's order.
        peaks: Every assigned or listed peak; ``atoms`` are 0-based numbers of the structure's
            atoms. Where the source gives bins only, a peak is a bin's centre, and its
            ``half_width_ppm`` half the bin.
        provenance: File or generator, and the place in it.
    """

    molecule_id: str
    spectrum_id: str
    structure: Structure
    peaks: PeakList
    provenance: str


@dataclass(frozen=True)
class SourceData:
    """All records of a source, and an account of what was left out.

    Args:
        records: What can be used.
        n_excluded: Rows (of an SDF: records) left out, by reason.
        defects: Place and reason of every defective record that was skipped on request.
        notes: What else is to be known of the reading, in sentences.
    """

    records: tuple[Record, ...]
    n_excluded: Counter[str] = field(default_factory=Counter)
    defects: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n_excluded_total(self) -> int:
        """Number of rows that were read and left out."""
        return sum(self.n_excluded.values())

    def describe(self) -> list[str]:
        """Sentences for the screen: how many rows, what was left out and why."""
        lines = [f"{len(self.records):,} spectra"]
        lines += [f"left out {n:,}: {reason}" for reason, n in sorted(self.n_excluded.items())]
        return [*lines, *(f"defect: {defect}" for defect in self.defects), *self.notes]


class Source(Protocol):
    """A data source: one reader for one format.

    ``name`` and ``path`` (None where there is no file) say where the records come from.
    """

    name: str
    path: str | None

    def read(self) -> SourceData:
        """Read every record, or raise a DataError that names every defect with its place."""
        ...

    def digest(self) -> str:
        """What its files hold, in 64 hexadecimal digits, wherever they lie; "" without files."""
        ...


def report_defects(where: str, defects: Sequence[str], noun: str, advice: str) -> DataError:
    """One error for all defects of a file: the first 20 in full, the rest counted."""
    shown = "\n".join(f"  {defect}" for defect in defects[:20])
    more = f"\n  ... and {len(defects) - 20:,} more" if len(defects) > 20 else ""
    found = f"{len(defects):,} bad {noun}{'' if len(defects) == 1 else 's'}"
    return DataError(f"{where}: {found}; nothing was loaded\n{shown}{more}\n{advice}")
