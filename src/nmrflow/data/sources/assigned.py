"""Molecules whose 13C shifts are assigned to their carbons: what shift networks start from."""

import csv
import hashlib
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from nmrflow.chem.molfile import Molfile
from nmrflow.chem.structure import Structure
from nmrflow.data.sources.nmrshiftdb2 import EXPECTED
from nmrflow.errors import DataError, NmrflowError, StructureError
from nmrflow.files import open_text
from nmrflow.formats.nmrshiftdb2 import Peak, parse_record
from nmrflow.formats.sdf import read_records
from nmrflow.spectra.axis import ShiftAxis

ELEMENTS = ("C", "H", "N", "O", "S", "P", "F", "Cl", "Br", "I", "Si")

NO_SHIFTS = "no assigned 13C shifts"
NO_STRUCTURE = "no neutral molecule in one piece without radicals or isotopes"
OTHER_ELEMENTS = "other elements"
DEFECTIVE = "defective record"

_COLUMNS = ("mol_id", "atom_index", "Shift", "atom_type")
_CARBON = "6"
_PART = 1 << 20

Table = dict[str, dict[int, float]]


class AssignedMolecule(NamedTuple):
    """One molecule and the shifts of its carbons, as far as they are known.

    Args:
        structure: The molecule, atoms in the source's order without explicit hydrogens.
        shifts: Shift in ppm of carbons by their position in the structure; at least one.
        identifier: That of the source.
    """

    structure: Structure
    shifts: dict[int, float]
    identifier: str


class AssignedShifts:
    """Reader of nmrshiftdb2's SDF export, with or without a table of checked shifts.

    Where several spectra of a record assign a carbon its shift is their median. Where the
    table has a molecule, the table's shifts replace the record's, unless its atom numbers are
    those of another file: it names an atom that is no carbon, or the record writes hydrogens
    out as atoms. What cannot be used is left out and counted by reason in :attr:`n_excluded`.

    Args:
        sdf_path: The SDF, plain or ``.gz``.
        csv_path: The table, plain or ``.gz``: columns ``mol_id`` (the record's ID),
            ``atom_index`` (0-based, in file order), ``Shift`` in ppm, ``atom_type``.
        elements: Elements a molecule may hold; others are left out.
    """

    def __init__(
        self,
        sdf_path: str,
        csv_path: str | None = None,
        elements: Sequence[str] = ELEMENTS,
    ) -> None:
        self.sdf_path = sdf_path
        self.csv_path = csv_path
        self.elements = frozenset(elements)
        self.n_excluded: Counter[str] = Counter()
        """Records that the last reading left out, by reason."""
        self.n_other_numbering = 0
        """Molecules of the table whose shifts it did not take, since the numbers do not fit."""

    def read(self) -> list[AssignedMolecule]:
        """Every usable molecule, in file order.

        Raises:
            DataError: If a file cannot be read, the table is no such table, or the SDF holds
                nothing usable.
        """
        axis = ShiftAxis()
        table = {} if self.csv_path is None else _read_table(self.csv_path, axis)
        self.n_excluded, self.n_other_numbering = Counter(), 0
        molecules = []
        for record in read_records(self.sdf_path, EXPECTED, is_setting=True):
            try:
                molfile, spectra = parse_record(record, axis)
            except NmrflowError:
                self.n_excluded[DEFECTIVE] += 1
                continue
            found = self._assigned(molfile, spectra.values(), table.get(record.identifier))
            if isinstance(found, str):
                self.n_excluded[found] += 1
            else:
                molecules.append(AssignedMolecule(*found, record.identifier))
        if not molecules:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in self.n_excluded.items())
            raise DataError(
                f"{self.sdf_path}: no usable molecule with assigned 13C shifts among "
                f"{self.n_excluded.total():,} records ({reasons}); an SDF as nmrshiftdb2 "
                "exports it is needed"
            )
        return molecules

    def digest(self) -> str:
        """What the files hold, in 64 hexadecimal digits (SHA-256), wherever they lie.

        Raises:
            DataError: If a file cannot be read.
        """
        found = hashlib.sha256()
        for path in (self.sdf_path, self.csv_path):
            found.update(b"\0")
            if path is not None:
                with open_text(path, "assigned shifts") as stream:
                    while part := stream.read(_PART):
                        found.update(part.encode())
        return found.hexdigest()

    def _assigned(
        self,
        molfile: Molfile,
        spectra: Iterable[Sequence[Peak]],
        checked: dict[int, float] | None,
    ) -> tuple[Structure, dict[int, float]] | str:
        """The structure and its shifts, or the reason to leave the record out."""
        heavy = [a for a, element in enumerate(molfile.elements) if element != "H"]
        shifts = _medians(spectra)
        if checked is not None:
            if len(heavy) == len(molfile.elements) and _all_carbon(checked, molfile):
                shifts = checked
            else:
                self.n_other_numbering += 1
        if not shifts:
            return NO_SHIFTS
        if not set(molfile.elements) <= self.elements:
            return OTHER_ELEMENTS
        try:
            structure = molfile.structure()
        except StructureError:
            return NO_STRUCTURE
        if structure.n_atoms != len(heavy):  # RDKit keeps some explicit hydrogens, as of H-H.
            return NO_STRUCTURE
        position = {a: k for k, a in enumerate(heavy)}
        return structure, {position[a]: shift for a, shift in sorted(shifts.items())}


def without(
    molecules: Iterable[AssignedMolecule], connectivities: Collection[str]
) -> list[AssignedMolecule]:
    """The molecules whose connectivity is none of those given.

    With the connectivities of a validation side: nothing measured of its molecules is left,
    whatever record or numbering it came from.
    """
    excluded = frozenset(connectivities)
    return [m for m in molecules if m.structure.connectivity not in excluded]


def _all_carbon(atoms: Iterable[int], molfile: Molfile) -> bool:
    elements = dict(enumerate(molfile.elements))
    return all(elements.get(atom) == "C" for atom in atoms)


def _medians(spectra: Iterable[Sequence[Peak]]) -> dict[int, float]:
    seen: dict[int, list[float]] = {}
    for peaks in spectra:
        for peak in peaks:
            seen.setdefault(peak.atom, []).append(peak.shift_ppm)
    return {atom: statistics.median(shifts) for atom, shifts in seen.items()}


def _read_table(path: str, axis: ShiftAxis) -> Table:
    """Shifts in ppm of carbons by molecule and atom."""
    table: Table = {}
    with open_text(path, "a table of checked shifts") as stream:
        rows = csv.DictReader(stream)
        missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise DataError(
                f"{path}: no column {', '.join(missing)}; a table with the columns "
                f"{', '.join(_COLUMNS)} is needed"
            )
        for row in rows:
            if row["atom_type"] != _CARBON:
                continue
            try:
                atom, shift = int(row["atom_index"]), float(row["Shift"])
                axis.check_shift(shift)
            except (TypeError, ValueError) as error:
                raise DataError(
                    f"{path}: line {rows.line_num}: {error}; correct or remove the row"
                ) from error
            table.setdefault(row["mol_id"], {})[atom] = shift
    return table
