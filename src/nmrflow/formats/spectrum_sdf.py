"""Spectra inside SDF records: the tags of nmrshiftdb2 and of NMReDATA, read and written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from nmrflow.chem.molfile import parse_molfile
from nmrflow.chem.notation import on_one_line, plain_reason, write_molblock
from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.formats import nmredata, nmrshiftdb2
from nmrflow.formats.sdf import SdfRecord, name_of, read_records, write_tags
from nmrflow.formats.signals import merged, positions, renumbered
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import PeakList

_BOTH = ("nmrshiftdb2", "nmredata")


@dataclass(frozen=True)
class SpectrumRow:
    """One spectrum of a source, or why it cannot be read.

    Args:
        number: Its place in the source, from 1.
        where: File and line where it starts, or that it was typed.
        name: What the source calls it, or nothing.
        peaks: The spectrum, or None.
        reason: Why there are no peaks (from an SDF alone: or no structure), in one sentence.
        structure: The molecule, where the file tells it.
    """

    number: int
    where: str
    name: str
    peaks: PeakList | None
    reason: str | None
    structure: Structure | None = None


def read_sdf_spectra(path: str | Path, axis: ShiftAxis = ShiftAxis()) -> Iterator[SpectrumRow]:
    """Go through the spectra of an SDF, record by record.

    Where a record carries the tags of both forms, nmrshiftdb2's are read, which tell
    multiplicities and may hold several spectra.

    Args:
        path: The file, plain or ``.gz``.
        axis: Says of which nucleus the shifts are.

    Returns:
        One row for every spectrum, and one for every record without any; its name is the
        record's title or ID, with ``/k`` behind it in a record of several spectra. There is one
        peak for each shift and multiplicity; its atoms are 0-based numbers of the structure's
        atoms (where hydrogens are atoms of the file, they do not count).

    Raises:
        DataError: If the file cannot be read.
    """
    nucleus = axis.nucleus
    number = 0
    for record in read_records(path, f"an SDF with {nucleus.name} spectra"):
        structure, spectra, reasons = _read_record(record, nucleus)
        where, name = f"{path}:{record.line}", on_one_line(name_of(record))
        reason = "; ".join(reasons) or None
        for k, peaks in spectra.items() or [(0, None)]:
            number += 1
            own = f"{name}/{k}" if len(spectra) > 1 else name
            yield SpectrumRow(number, where, own, peaks, reason, structure)


def write_record(  # noqa: PLR0913 - each by name
    structure: Structure | None,
    shifts_ppm: Sequence[float | None],
    *,
    name: str = "",
    solvent: str | None = None,
    properties: Mapping[str, str] | None = None,
    frequency_mhz: float | None = None,
    nucleus: Nucleus = Carbon13(),
    forms: Sequence[str] = _BOTH,
) -> str:
    """Write an SDF record with the tags of nmrshiftdb2 and of NMReDATA 1.1, or of one of them.

    Shifts have 2 decimals in those of nmrshiftdb2, 4 in those of NMReDATA, where atoms that are
    equivalent and have equal shifts share a label.

    Args:
        structure: The molecule; the record keeps its atom order. None: a record without atoms.
        shifts_ppm: The shift of every atom; None for those without one, as all of other elements.
            Where no atom has one, the record has no spectrum.
        name: The record's title.
        solvent: The solvent's name.
        properties: More tags, names and texts.
        frequency_mhz: The nucleus's Larmor frequency, which NMReDATA has; None, as for predicted
            shifts: the record tells none.
        nucleus: Whose shifts they are.
        forms: ``nmrshiftdb2``, ``nmredata`` or both.

    Returns:
        The record, which ends with a ``$$$$`` line.

    Raises:
        DataError: If the shifts are not those of the nucleus's atoms, or a tag of
            ``properties`` is written already or has a name that an SDF cannot hold.
        SpectrumError: If a number is no shift of the nucleus.
    """
    shifts = _own_shifts(structure, shifts_ppm, nucleus)
    tags: dict[str, str] = {}
    if structure is not None and "nmrshiftdb2" in forms:
        tags |= nmrshiftdb2.nmrshiftdb2_tags(structure, shifts, solvent, nucleus)
    if structure is not None and "nmredata" in forms:
        tags |= nmredata.nmredata_tags(structure, shifts, solvent, frequency_mhz, nucleus)
    spectrum, signals = nmrshiftdb2.spectrum_tag(nucleus), nmredata.spectrum_tag(nucleus)
    is_read = re.compile(rf"{spectrum} [0-9]|(?:NMREDATA_ASSIGNMENT|{signals})\b")
    for tag in properties or ():
        if tag.strip() in tags or is_read.match(tag.strip()):
            raise DataError(
                f"the SDF tag {tag!r} says where the shifts are; give the property another name"
            )
    return write_molblock(structure, name) + write_tags({**tags, **(properties or {})})


write_nmrshiftdb2_record = partial(write_record, forms=("nmrshiftdb2",))
write_nmredata_record = partial(write_record, forms=("nmredata",))


def _own_shifts(
    structure: Structure | None, shifts_ppm: Sequence[float | None], nucleus: Nucleus
) -> dict[int, float]:
    """The shifts of the atoms that have one."""
    elements = () if structure is None else structure.elements
    if len(shifts_ppm) != len(elements):
        raise DataError(
            f"{len(shifts_ppm)} shifts for {len(elements)} atoms; give one for each atom, None "
            "where there is none"
        )
    shifts = {atom: float(shift) for atom, shift in enumerate(shifts_ppm) if shift is not None}
    for atom, shift_ppm in shifts.items():
        nucleus.check_shift(shift_ppm)
        if elements[atom] != nucleus.element:
            raise DataError(
                f"a {nucleus.name} shift ({shift_ppm:g} ppm) for atom {atom}, a "
                f"{elements[atom]}; give None for atoms that are no {nucleus.noun}"
            )
    return shifts


def _read_record(
    record: SdfRecord, nucleus: Nucleus
) -> tuple[Structure | None, dict[int, PeakList], list[str]]:
    """Structure and spectra of a record, and why there are none of either."""
    reasons = list[str]()
    try:
        nmrshiftdb2.check_complete(record)
    except DataError as error:
        return None, {}, [plain_reason(error)]
    atoms = _read_atoms(record.molblock, reasons)
    try:
        found, empty = nmrshiftdb2.read_tags(record.properties, atoms.elements, nucleus)
        remarks = [*atoms.remarks, *(f"{tag} is empty, and was passed over" for tag in empty)]
        if not found:
            spectra = nmredata.read_nmredata(
                record.properties, atoms.elements, nucleus, atoms.n_hydrogens()
            )
            found = dict(enumerate(spectra))
    except (ValueError, RuntimeError) as error:
        # What one spectrum of a record says wrongly makes the others doubtful: none is kept.
        return atoms.structure, {}, [*reasons, plain_reason(error)]
    if not found:
        reasons.append(f"the record holds no {nucleus.name} spectrum")
    for k, peaks in found.items():
        if atoms.numbers is not None:
            peaks = renumbered(peaks, atoms.numbers)
        found[k] = replace(merged(peaks), remarks=(*remarks, *peaks.remarks))
    return atoms.structure, found, reasons


class _Atoms(NamedTuple):
    """What a record's molfile says; nothing where it cannot be read, which costs no peaks.

    Args:
        structure: The molecule.
        elements: Symbols of the atoms in file order.
        numbers: Of each atom of the file its number in the structure.
        remarks: What of the format it breaks.
    """

    structure: Structure | None = None
    elements: Sequence[str] | None = None
    numbers: Sequence[int] | None = None
    remarks: tuple[str, ...] = ()

    def n_hydrogens(self) -> list[int] | None:
        """Of each atom of the file, where the structure tells them."""
        if self.structure is None or self.elements is None or self.numbers is None:
            return None
        own = self.structure.n_hydrogens
        heavy = zip(self.elements, self.numbers, strict=True)
        return [0 if element == "H" else own[k] for element, k in heavy]


def _read_atoms(molblock: str, reasons: list[str]) -> _Atoms:
    """The atoms of a molfile; what is wrong with it is added to the reasons."""
    atoms = _Atoms()
    try:
        molfile = parse_molfile(molblock, is_lenient=True)
        remarks = () if molfile.remark is None else (molfile.remark,)
        numbers = positions(molfile.elements, None)
        atoms = _Atoms(None, molfile.elements, numbers, remarks)
        structure = molfile.structure()
        numbers = positions(molfile.elements, structure)
    except (ValueError, RuntimeError) as error:
        reasons.append(plain_reason(error))
        return atoms
    return _Atoms(structure, molfile.elements, numbers, remarks)
