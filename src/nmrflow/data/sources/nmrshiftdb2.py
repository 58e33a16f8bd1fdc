"""SDF files as nmrshiftdb2 exports them: structures with assigned shifts."""

from collections import Counter
from collections.abc import Sequence

from nmrflow.chem.domain import Domain
from nmrflow.chem.molfile import Molfile
from nmrflow.data.records import Record, SourceData, report_defects
from nmrflow.data.sources.assigned import EXPECTED, AssignedShifts
from nmrflow.errors import ConfigError, DataError, NmrflowError
from nmrflow.files.reading import contents_digest
from nmrflow.formats.nmrshiftdb2 import parse_record
from nmrflow.formats.sdf import read_records
from nmrflow.formats.signals import positions, renumbered
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import PeakList


class Nmrshiftdb2:
    """Reader of nmrshiftdb2's SDF export.

    Every property ``Spectrum 13C k`` is one record: entries ``shift;intensity+multiplicity;atom``
    closed by ``|``, atoms 0-based. Records without such a property, with foreign elements or
    too many carbons are left out and counted by reason. Aromatic flags are RDKit's; the
    Kekulé form and the atom order are the file's.

    Args:
        path: The file, plain or ``.gz``.
        elements: Elements a molecule may hold; others are filtered out.
        max_carbons: Most carbons a molecule may have.
        on_error: ``stop``: any defective record is fatal, all are reported at once.
            ``skip``: they are left out and counted by reason.
        nucleus: Whose spectra are read.
        domain: Which molecules are kept instead, each as one record with the medians of its
            spectra, as :class:`nmrflow.data.sources.assigned.AssignedShifts` reads them.

    Raises:
        ConfigError: If ``on_error`` is another word, or no path is given.
    """

    name = "nmrshiftdb2"

    def __init__(
        self,
        path: str | None,
        elements: Sequence[str] = ("C", "H"),
        max_carbons: int = 17,
        on_error: str = "stop",
        nucleus: Nucleus = Carbon13(),
        domain: Domain | None = None,
    ) -> None:
        if on_error not in ("stop", "skip"):
            raise ConfigError(f"data.on_error={on_error}: stop or skip")
        if path is None:
            raise ConfigError("data=nmrshiftdb2 reads an SDF: give data.path=/path/to/file.sdf")
        self.path: str | None = path
        self.elements = frozenset(elements)
        self.max_carbons, self.on_error, self.nucleus = max_carbons, on_error, nucleus
        self.domain = domain

    def read(self) -> SourceData:
        """Read every spectrum of every record.

        Raises:
            DataError: If the file cannot be read, holds nothing usable, or has a defective
                record and ``on_error`` is ``stop``.
        """
        if self.domain is not None:
            return AssignedShifts(self.path, nucleus=self.nucleus, domain=self.domain).read()
        records: list[Record] = []
        n_excluded: Counter[str] = Counter()
        defects: list[str] = []
        assert self.path is not None
        for record in read_records(self.path, EXPECTED, is_setting=True):
            where = f"record {record.number} (from line {record.line}, id {record.identifier})"
            try:
                molfile, spectra = parse_record(record, self.nucleus)
                if reason := self._reason_to_leave_out(molfile, spectra):
                    n_excluded[reason] += 1
                    continue
                structure = molfile.structure()
                numbers = positions(molfile.elements, structure)
            except NmrflowError as error:
                defects.append(f"{where}: {error}")
                n_excluded["defective record"] += 1
                continue
            records += [
                Record(
                    record.identifier,
                    f"{record.identifier}/{k}",
                    structure,
                    renumbered(peaks, numbers),
                    f"{self.path}:{record.line}",
                )
                for k, peaks in spectra.items()
            ]
        if defects and self.on_error == "stop":
            advice = "correct them, or leave them out with data.on_error=skip"
            raise report_defects(self.path, defects, "record", advice)
        if not records:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in n_excluded.items())
            raise DataError(
                f"{self.path}: no usable {self.nucleus.name} spectrum among "
                f"{n_excluded.total():,} records ({reasons})"
            )
        return SourceData(tuple(records), n_excluded, tuple(defects))

    def digest(self) -> str:
        """As of :class:`nmrflow.data.records.Source`."""
        return contents_digest([self.path], EXPECTED)

    def _reason_to_leave_out(self, molfile: Molfile, spectra: dict[int, PeakList]) -> str | None:
        n_carbons = molfile.elements.count("C")
        if not spectra:
            return f"no {self.nucleus.name} spectrum"
        if not set(molfile.elements) <= self.elements:
            return f"elements other than {', '.join(sorted(self.elements))}"
        if n_carbons > self.max_carbons:
            return f"more than {self.max_carbons} carbons"
        if n_carbons < 2:
            return "fewer than 2 carbons, which the bond tensor cannot hold"
        return None
