"""Molecules whose shifts are assigned to their atoms: what shift networks start from."""

import csv
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from nmrflow.chem.domain import Domain
from nmrflow.chem.molfile import Molfile
from nmrflow.chem.structure import Structure
from nmrflow.data.records import Record, SourceData
from nmrflow.data.sources.shift_lines import OTHER_ELEMENTS, OTHER_KINDS
from nmrflow.errors import ConfigError, DataError, NmrflowError, StructureError
from nmrflow.files.reading import contents_digest, open_text
from nmrflow.formats.nmrshiftdb2 import parse_record
from nmrflow.formats.sdf import read_records
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import Peak, PeakList

ELEMENTS = ("C", "H", "N", "O", "S", "P", "F", "Cl", "Br", "I", "Si")

EXPECTED = "an SDF as nmrshiftdb2 exports it"
"""What its files are, in messages."""

NO_STRUCTURE = "no neutral molecule in one piece without radicals or isotopes"
DEFECTIVE = "defective record"

_COLUMNS = ("mol_id", "atom_index", "Shift", "atom_type")

Table = dict[str, dict[int, float]]
_Told = TypeVar("_Told")


class AssignedShifts:
    """Reader of nmrshiftdb2's SDF export, with or without a table of checked shifts.

    A molecule is one record, with a peak for each atom that has a shift: where several spectra
    assign it, their median. Where the table has a molecule, the table's shifts replace the
    record's, unless its atom numbers are those of another file: it names an atom that is no
    carbon, or the record writes hydrogens out as atoms. Multiplicity, intensity and solvent are
    kept where no two spectra differ in them. What cannot be used is left out and counted.

    Args:
        path: The SDF, plain or ``.gz``; None: no records.
        table_path: The table, plain or ``.gz``: columns ``mol_id`` (the record's ID),
            ``atom_index`` (0-based, in file order), ``Shift`` in ppm, ``atom_type``.
        elements: Elements a molecule may hold; others are left out.
        nucleus: Whose shifts are read.
        domain: Which molecules are kept instead, those with charges too; None: by elements.

    Raises:
        ConfigError: If a table is given without what it belongs to.
    """

    name = "assigned"

    def __init__(
        self,
        path: str | None,
        table_path: str | None = None,
        elements: Sequence[str] = ELEMENTS,
        nucleus: Nucleus = Carbon13(),
        domain: Domain | None = None,
    ) -> None:
        if table_path and not path:
            raise ConfigError(f"table_path={table_path}: of no use without path")
        self.path, self.table_path, self.nucleus = path, table_path, nucleus
        self.elements = frozenset(elements if domain is None else (*domain.elements, "H"))
        self.domain = domain

    def read(self) -> SourceData:
        """Every usable molecule, in file order.

        Raises:
            DataError: If a file cannot be read, the table is no such table, or the SDF holds
                nothing usable.
        """
        if self.path is None:
            return SourceData(())
        table = {} if self.table_path is None else _read_table(self.table_path, self.nucleus)
        records: list[Record] = []
        n_excluded: Counter[str] = Counter()
        n_other_numbering = 0
        for record in read_records(self.path, EXPECTED, is_setting=True):
            try:
                molfile, spectra = parse_record(record, self.nucleus)
            except NmrflowError:
                n_excluded[DEFECTIVE] += 1
                continue
            checked = table.get(record.identifier)
            if checked is not None and not self._is_numbered_alike(checked, molfile):
                checked = None
                n_other_numbering += 1
            found = self._assigned(molfile, spectra.values(), checked)
            if isinstance(found, str):
                n_excluded[found] += 1
            else:
                where = f"{self.path}:{record.line}"
                records.append(Record(record.identifier, record.identifier, *found, where))
        if not records:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in n_excluded.items())
            raise DataError(
                f"{self.path}: no usable molecule with assigned {self.nucleus.name} shifts among "
                f"{n_excluded.total():,} records ({reasons}); {EXPECTED} is needed"
            )
        numbered = f"{n_other_numbering:,} molecules are numbered otherwise in {self.table_path}"
        notes = (f"{numbered}: its shifts are not taken",) if n_other_numbering else ()
        return SourceData(tuple(records), n_excluded, notes=notes)

    def digest(self) -> str:
        """As of :class:`nmrflow.data.records.Source`, of both files."""
        return contents_digest([self.path, self.table_path], "assigned shifts")

    def _is_numbered_alike(self, checked: Iterable[int], molfile: Molfile) -> bool:
        """Whether a table's atoms are those of the record, which has no hydrogens to count."""
        elements, own = dict(enumerate(molfile.elements)), self.nucleus.element
        return "H" not in molfile.elements and all(elements.get(atom) == own for atom in checked)

    def _assigned(
        self,
        molfile: Molfile,
        spectra: Collection[PeakList],
        checked: Mapping[int, float] | None,
    ) -> tuple[Structure, PeakList] | str:
        """The structure and its shifts, or the reason to leave the record out."""
        heavy = [a for a, element in enumerate(molfile.elements) if element != "H"]
        told: dict[int, list[Peak]] = {}
        for peak in (peak for spectrum in spectra for peak in spectrum.peaks):
            for name in peak.atoms:
                told.setdefault(int(name), []).append(peak)
        shifts = checked
        if checked is None:
            shifts = {a: statistics.median(p.shift_ppm for p in own) for a, own in told.items()}
        if not shifts:
            return f"no assigned {self.nucleus.name} shifts"
        if not set(molfile.elements) <= self.elements:
            return OTHER_ELEMENTS
        try:
            structure = molfile.structure()
        except StructureError:
            return NO_STRUCTURE
        # RDKit keeps some explicit hydrogens, as of H-H.
        if structure.n_atoms != len(heavy):
            return NO_STRUCTURE
        # Without a domain nothing says that atoms' features tell charges.
        if structure.charges if self.domain is None else self.domain.refusal(structure):
            return NO_STRUCTURE if self.domain is None else OTHER_KINDS
        position = {a: k for k, a in enumerate(heavy)}
        peaks = tuple(
            Peak(
                shift,
                _agreed(peak.multiplicity for peak in told.get(atom, ())),
                intensity=_agreed(peak.intensity for peak in told.get(atom, ())),
                atoms=(str(position[atom]),),
            )
            for atom, shift in sorted(shifts.items())
        )
        solvent = _agreed(spectrum.metadata.get("solvent") for spectrum in spectra)
        return structure, PeakList(peaks, {"solvent": solvent} if solvent else {})


def _agreed(told: Iterable[_Told | None]) -> _Told | None:
    """What is told, if there are not several."""
    values = {value for value in told if value is not None}
    return values.pop() if len(values) == 1 else None


def _read_table(path: str, nucleus: Nucleus) -> Table:
    """Shifts in ppm by molecule and atom."""
    table: Table = {}
    with open_text(path, "a table of checked shifts") as stream:
        rows = csv.DictReader(stream)
        if missing := [name for name in _COLUMNS if name not in (rows.fieldnames or ())]:
            needed = f"a table with the columns {', '.join(_COLUMNS)} is needed"
            raise DataError(f"{path}: no column {', '.join(missing)}; {needed}")
        for row in rows:
            if row["atom_type"] != str(nucleus.atomic_number):
                continue
            try:
                atom, shift = int(row["atom_index"]), float(row["Shift"])
                nucleus.check_shift(shift)
            except (TypeError, ValueError) as error:
                where = f"{path}: line {rows.line_num}"
                raise DataError(f"{where}: {error}; correct or remove the row") from error
            table.setdefault(row["mol_id"], {})[atom] = shift
    return table
