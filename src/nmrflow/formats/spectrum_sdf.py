"""Spectra inside SDF records: the tags of nmrshiftdb2 and of NMReDATA, read and written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nmrflow.chem.notation import on_one_line, plain_reason, write_molblock
from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.formats import nmredata, nmrshiftdb2
from nmrflow.formats.sdf import SdfRecord, name_of, read_records, write_tags
from nmrflow.formats.signals import ShiftedAtom, merged, positions, to_peak_list
from nmrflow.formats.spectrum_row import SpectrumRow
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import PeakList

_AXIS = ShiftAxis()


def read_sdf_spectra(path: str | Path, axis: ShiftAxis = _AXIS) -> Iterator[SpectrumRow]:
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


def write_nmrshiftdb2_record(
    structure: Structure | None,
    shifts_ppm: Sequence[float | None],
    *,
    name: str = "",
    solvent: str | None = None,
    properties: Mapping[str, str] | None = None,
    nucleus: Nucleus = Carbon13(),
) -> str:
    """Write an SDF record with the tags of nmrshiftdb2, its shifts with 2 decimals.

    Args:
        structure: The molecule; the record keeps its atom order. None: a record without atoms.
        shifts_ppm: The shift of every atom; None for those without one, as all of other elements.
            Where no atom has one, the record has no spectrum.
        name: The record's title.
        solvent: The solvent's name.
        properties: More tags, names and texts.
        nucleus: Whose shifts they are.

    Returns:
        The record, which ends with a ``$$$$`` line.

    Raises:
        DataError: If the shifts are not those of the nucleus's atoms, or a tag of
            ``properties`` is written already or has a name that an SDF cannot hold.
        SpectrumError: If a number is no shift of the nucleus.
    """
    tags = nmrshiftdb2.nmrshiftdb2_tags(
        _own_atoms(structure, shifts_ppm, nucleus), solvent, nucleus
    )
    return _write(structure, name, tags, properties or {}, nucleus)


def write_nmredata_record(  # noqa: PLR0913 - each by name
    structure: Structure | None,
    shifts_ppm: Sequence[float | None],
    *,
    name: str = "",
    solvent: str | None = None,
    properties: Mapping[str, str] | None = None,
    frequency_mhz: float | None = None,
    nucleus: Nucleus = Carbon13(),
) -> str:
    """Write an SDF record with the tags of NMReDATA 1.1, its shifts with 4 decimals.

    Atoms that are equivalent and have equal shifts share a label. ``frequency_mhz`` is the
    nucleus's Larmor frequency; without one the record has none, as for predicted shifts. All else
    is as in :func:`write_nmrshiftdb2_record`.
    """
    tags = nmredata.nmredata_tags(
        _own_atoms(structure, shifts_ppm, nucleus), solvent, frequency_mhz, nucleus
    )
    return _write(structure, name, tags, properties or {}, nucleus)


def write_record(  # noqa: PLR0913 - each by name
    structure: Structure | None,
    shifts_ppm: Sequence[float | None],
    *,
    name: str = "",
    solvent: str | None = None,
    properties: Mapping[str, str] | None = None,
    frequency_mhz: float | None = None,
    nucleus: Nucleus = Carbon13(),
) -> str:
    """Write an SDF record with the tags of both nmrshiftdb2 and NMReDATA.

    Arguments and errors are as in :func:`write_nmredata_record`.
    """
    atoms = _own_atoms(structure, shifts_ppm, nucleus)
    tags = nmrshiftdb2.nmrshiftdb2_tags(atoms, solvent, nucleus)
    tags |= nmredata.nmredata_tags(atoms, solvent, frequency_mhz, nucleus)
    return _write(structure, name, tags, properties or {}, nucleus)


def _write(
    structure: Structure | None,
    name: str,
    tags: Mapping[str, str],
    properties: Mapping[str, str],
    nucleus: Nucleus,
) -> str:
    spectrum, signals = nmrshiftdb2.spectrum_tag(nucleus), nmredata.spectrum_tag(nucleus)
    is_read = re.compile(rf"{spectrum} [0-9]|(?:NMREDATA_ASSIGNMENT|{signals})\b")
    for tag in properties:
        if tag.strip() in tags or is_read.match(tag.strip()):
            raise DataError(
                f"the SDF tag {tag!r} says where the shifts are; give the property another name"
            )
    return write_molblock(structure, name) + write_tags({**tags, **properties})


def _own_atoms(
    structure: Structure | None, shifts_ppm: Sequence[float | None], nucleus: Nucleus
) -> list[ShiftedAtom]:
    """The atoms that have a shift."""
    n_atoms = 0 if structure is None else structure.n_atoms
    if len(shifts_ppm) != n_atoms:
        raise DataError(
            f"{len(shifts_ppm)} shifts for {n_atoms} atoms; give one for each atom, None where "
            "there is none"
        )
    found = []
    for atom, shift_ppm in enumerate(shifts_ppm):
        if structure is None or shift_ppm is None:
            continue
        nucleus.check_shift(shift_ppm)
        if structure.elements[atom] != nucleus.element:
            raise DataError(
                f"a {nucleus.name} shift ({shift_ppm:g} ppm) for atom {atom}, a "
                f"{structure.elements[atom]}; give None for atoms that are no {nucleus.noun}"
            )
        n_hydrogens, symmetry_class = structure.n_hydrogens[atom], structure.symmetry_classes[atom]
        found.append(ShiftedAtom(atom, float(shift_ppm), n_hydrogens, symmetry_class))
    return found


def _read_record(
    record: SdfRecord, nucleus: Nucleus
) -> tuple[Structure | None, dict[int, PeakList], list[str]]:
    """Structure and spectra of a record, and why there are none of either."""
    structure, spectra, reasons = None, dict[int, PeakList](), list[str]()
    try:
        molfile, found = nmrshiftdb2.parse_record(record, nucleus)
        try:
            structure = molfile.structure()
        except (ValueError, RuntimeError) as error:
            reasons.append(plain_reason(error))
        if not found:
            tags = dict(record.properties)
            found = dict(enumerate(nmredata.read_nmredata(tags, molfile.elements, nucleus)))
        numbers = positions(molfile.elements, structure)
        spectra = {k: merged(to_peak_list(spectrum, numbers)) for k, spectrum in found.items()}
        if not found:
            reasons.append(f"the record holds no {nucleus.name} spectrum")
    except (ValueError, RuntimeError) as error:
        # What one spectrum of a record says wrongly makes the others doubtful: none is kept.
        reasons.append(plain_reason(error))
    return structure, spectra, reasons
