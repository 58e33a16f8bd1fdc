"""13C spectra inside SDF records: the tags of nmrshiftdb2 and of NMReDATA, read and written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nmrflow.chem.notation import on_one_line, plain_reason, write_molblock
from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.formats.nmredata import nmredata_tags, read_nmredata
from nmrflow.formats.nmrshiftdb2 import nmrshiftdb2_tags, parse_record
from nmrflow.formats.sdf import SdfRecord, name_of, read_records, write_tags
from nmrflow.formats.signals import Carbon, merged, positions, to_peak_list
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import PeakList

Form = Literal["nmrshiftdb2", "NMReDATA"]

_AXIS = ShiftAxis()
_READ_TAG = re.compile(r"Spectrum 13C [0-9]|NMREDATA_(?:ASSIGNMENT|1D_13C)\b")


@dataclass(frozen=True)
class SdfSpectrum:
    """One 13C spectrum of an SDF, or a record that has none.

    Args:
        number: Its place among all that the file gives, from 1.
        where: File and line where its record starts.
        name: The record's title or ID, with ``/k`` behind it in a record of several spectra.
        structure: The record's molecule, or None.
        reason: Why there is no structure or there are no peaks, in one sentence, or None.
        peaks: One peak for each shift and multiplicity; its atoms are 0-based numbers of the
            structure's atoms (where hydrogens are atoms of the file, they do not count).
        form: Whose tags were read.
    """

    number: int
    where: str
    name: str
    structure: Structure | None
    reason: str | None
    peaks: PeakList | None
    form: Form | None


@dataclass
class _Content:
    """What a record was found to hold."""

    structure: Structure | None = None
    reasons: list[str] = field(default_factory=list)
    spectra: list[tuple[int, PeakList]] = field(default_factory=list)
    form: Form | None = None


def read_sdf_spectra(path: str | Path, axis: ShiftAxis = _AXIS) -> Iterator[SdfSpectrum]:
    """Go through the 13C spectra of an SDF, record by record.

    Where a record carries the tags of both forms, nmrshiftdb2's are read, which tell
    multiplicities and may hold several spectra.

    Args:
        path: The file, plain or ``.gz``.
        axis: Says which numbers are 13C shifts.

    Returns:
        One :class:`SdfSpectrum` for every spectrum, and one for every record without any.

    Raises:
        DataError: If the file cannot be read.
    """
    number = 0
    for record in read_records(path, "an SDF with 13C spectra"):
        content = _read_record(record, axis)
        name = on_one_line(name_of(record))
        reason = "; ".join(content.reasons) or None
        spectra: Sequence[tuple[int, PeakList | None]] = content.spectra or [(0, None)]
        for k, peaks in spectra:
            number += 1
            yield SdfSpectrum(
                number,
                f"{path}:{record.line}",
                f"{name}/{k}" if len(spectra) > 1 else name,
                content.structure,
                reason,
                peaks,
                content.form,
            )


def write_nmrshiftdb2_record(
    structure: Structure | None,
    shifts_ppm: Sequence[float | None],
    *,
    name: str = "",
    solvent: str | None = None,
    properties: Mapping[str, str] | None = None,
) -> str:
    """Write an SDF record with the tags of nmrshiftdb2, its shifts with 2 decimals.

    Args:
        structure: The molecule; the record keeps its atom order. None: a record without atoms.
        shifts_ppm: The shift of every atom; None for those without one, as all that are no carbon.
            Where no atom has one, the record has no spectrum.
        name: The record's title.
        solvent: The solvent's name.
        properties: More tags, names and texts.

    Returns:
        The record, which ends with a ``$$$$`` line.

    Raises:
        DataError: If the shifts are not those of the structure's carbons, or a tag of
            ``properties`` is written already or has a name that an SDF cannot hold.
        SpectrumError: If a shift is no 13C shift.
    """
    tags = nmrshiftdb2_tags(_carbons(structure, shifts_ppm), solvent)
    return _write(structure, name, tags, properties or {})


def write_nmredata_record(
    structure: Structure | None,
    shifts_ppm: Sequence[float | None],
    *,
    name: str = "",
    solvent: str | None = None,
    properties: Mapping[str, str] | None = None,
    frequency_mhz: float | None = None,
) -> str:
    """Write an SDF record with the tags of NMReDATA 1.1, its shifts with 4 decimals.

    Carbons that are equivalent and have equal shifts share a label. ``frequency_mhz`` is the
    carbons' Larmor frequency; without one the record has none, as for predicted shifts. All else
    is as in :func:`write_nmrshiftdb2_record`.
    """
    tags = nmredata_tags(_carbons(structure, shifts_ppm), solvent, frequency_mhz)
    return _write(structure, name, tags, properties or {})


def write_record(
    structure: Structure | None,
    shifts_ppm: Sequence[float | None],
    *,
    name: str = "",
    solvent: str | None = None,
    properties: Mapping[str, str] | None = None,
    frequency_mhz: float | None = None,
) -> str:
    """Write an SDF record with the tags of both nmrshiftdb2 and NMReDATA.

    Arguments and errors are as in :func:`write_nmredata_record`.
    """
    carbons = _carbons(structure, shifts_ppm)
    tags = nmrshiftdb2_tags(carbons, solvent) | nmredata_tags(carbons, solvent, frequency_mhz)
    return _write(structure, name, tags, properties or {})


def _write(
    structure: Structure | None, name: str, tags: Mapping[str, str], properties: Mapping[str, str]
) -> str:
    for tag in properties:
        if tag.strip() in tags or _READ_TAG.match(tag.strip()):
            raise DataError(
                f"the SDF tag {tag!r} says where the shifts are; give the property another name"
            )
    return write_molblock(structure, name) + write_tags({**tags, **properties})


def _carbons(structure: Structure | None, shifts_ppm: Sequence[float | None]) -> list[Carbon]:
    """The carbons that have a shift."""
    n_atoms = 0 if structure is None else structure.n_atoms
    if len(shifts_ppm) != n_atoms:
        raise DataError(
            f"{len(shifts_ppm)} shifts for {n_atoms} atoms; give one for each atom, None where "
            "there is none"
        )
    carbons = []
    for atom, shift_ppm in enumerate(shifts_ppm):
        if structure is None or shift_ppm is None:
            continue
        _AXIS.check_shift(shift_ppm)
        if structure.elements[atom] != "C":
            raise DataError(
                f"a 13C shift ({shift_ppm:g} ppm) for atom {atom}, a {structure.elements[atom]}; "
                "give None for atoms that are no carbon"
            )
        n_hydrogens, symmetry_class = structure.n_hydrogens[atom], structure.symmetry_classes[atom]
        carbons.append(Carbon(atom, float(shift_ppm), n_hydrogens, symmetry_class))
    return carbons


def _read_record(record: SdfRecord, axis: ShiftAxis) -> _Content:
    content = _Content(form=_form_of(record))
    try:
        molfile, found = parse_record(record, axis.nucleus)
        try:
            content.structure = molfile.structure()
        except (ValueError, RuntimeError) as error:
            content.reasons.append(plain_reason(error))
        if not found:
            tags = dict(record.properties)
            found = dict(enumerate(read_nmredata(tags, molfile.elements, axis)))
        numbers = positions(molfile.elements, content.structure)
        content.spectra = [(k, merged(to_peak_list(s, numbers))) for k, s in found.items()]
        if not found:
            content.reasons.append("the record holds no 13C spectrum")
    except (ValueError, RuntimeError) as error:
        # What one spectrum of a record says wrongly makes the others doubtful: none is kept.
        content.reasons.append(plain_reason(error))
    return content


def _form_of(record: SdfRecord) -> Form | None:
    names = [match[0] for name, _ in record.properties if (match := _READ_TAG.match(name))]
    if any(name.startswith("Spectrum") for name in names):
        return "nmrshiftdb2"
    return "NMReDATA" if names else None
