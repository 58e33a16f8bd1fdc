"""The tags of an SDF record in which nmrshiftdb2 has assigned shifts, read and written.

Atoms are numbered from 0 here, and each has its own entry: ``25.1;0.0Q;0|25.1;0.0Q;3|``. What is
said of a spectrum by other tags has the spectrum's number before it: ``0:CDCl3``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from nmrflow.chem.molfile import Molfile, parse_molfile
from nmrflow.chem.notation import on_one_line
from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.formats.sdf import SdfRecord
from nmrflow.formats.signals import fixed
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import Peak, PeakList, counted

_SOLVENT = "Solvent"
_INTENSITY = re.compile(r"\s*([0-9]{0,20}\.?[0-9]{0,20})\s*([A-Za-z]?)")


def parse_record(record: SdfRecord, nucleus: Nucleus) -> tuple[Molfile, dict[int, PeakList]]:
    """The molfile of a record, and its spectra by their numbers, sorted.

    Each peak has one atom, its 0-based number in file order.

    Raises:
        NmrflowError: On any defect of the record.
    """
    check_complete(record)
    molfile = parse_molfile(record.molblock)
    spectra, empty = read_tags(record.properties, molfile.elements, nucleus)
    if empty:
        raise DataError(f"{empty[0]}: no peaks")
    return molfile, spectra


def check_complete(record: SdfRecord) -> None:
    """Refuse a record that the end of its file may have cut off."""
    if not record.is_complete:
        raise DataError("the file ends inside this record (no closing $$$$ line)")


def read_tags(
    properties: Iterable[tuple[str, str]], elements: Sequence[str] | None, nucleus: Nucleus
) -> tuple[dict[int, PeakList], list[str]]:
    """The spectra of a record by their numbers, sorted, and the tags that hold no peaks.

    Args:
        properties: Names and texts of the record's tags.
        elements: Symbols of the record's atoms, in file order; None where its molfile cannot be
            read, and numbers of atoms cannot be checked.
        nucleus: Whose spectra they are.

    Raises:
        NmrflowError: On any other defect of them.
    """
    tag = re.compile(rf"{spectrum_tag(nucleus)} (\d+)")
    found: dict[int, tuple[Peak, ...]] = {}
    empty, solvent = [], ""
    for name, text in properties:
        if name == _SOLVENT:
            solvent = text
        elif match := tag.fullmatch(name):
            if int(match[1]) in found:
                raise DataError(f"{name} is given twice")
            if peaks := _read_peaks(name, text, elements, nucleus):
                found[int(match[1])] = peaks
            else:
                empty.append(name)
    solvents = _by_number(solvent, found)
    return {
        k: PeakList(peaks, {"solvent": solvents[k]} if k in solvents else {})
        for k, peaks in sorted(found.items())
    }, empty


def spectrum_tag(nucleus: Nucleus) -> str:
    """The tag of a nucleus's spectra, but for their numbers."""
    return f"Spectrum {nucleus.name}"


def nmrshiftdb2_tags(
    structure: Structure, shifts_ppm: Mapping[int, float], solvent: str | None, nucleus: Nucleus
) -> dict[str, str]:
    """The tags of one spectrum, shifts by atom, with 2 decimals; no tags without any."""
    if not shifts_ppm:
        return {}
    entries = [
        f"{fixed(shift, 2)};0.0{nucleus.letter(structure.n_hydrogens[atom]) or ''};{atom}|"
        for atom, shift in shifts_ppm.items()
    ]
    tags = {f"{spectrum_tag(nucleus)} 0": "".join(entries)}
    return tags | ({_SOLVENT: f"0:{on_one_line(solvent)}"} if solvent else {})


def _by_number(text: str, numbers: Iterable[int]) -> dict[int, str]:
    """What a tag says of each spectrum.

    Only numbers of spectra count: in ``0:CDCl3/CD3OD 9:1`` the 9 is part of a mixture's name.
    """
    marks = "|".join(map(str, numbers))
    parts = re.split(rf"(?:^|\s)({marks}):", on_one_line(text))
    said = zip(map(int, parts[1::2]), map(str.strip, parts[2::2]), strict=True)
    return {k: text for k, text in said if text and text.lower() != "unreported"}


def _read_peaks(
    name: str, text: str, elements: Sequence[str] | None, nucleus: Nucleus
) -> tuple[Peak, ...]:
    peaks = []
    parts = (part.strip() for part in text.replace("\n", "").split("|"))
    for entry in counted(filter(None, parts)):
        try:
            shift_text, middle, atom_text = entry.split(";")
            shift, atom = float(shift_text), int(atom_text)
        except ValueError:
            raise DataError(f"{name}: {entry!r} is not shift;intensity;atom") from None
        if atom < 0 or (elements is not None and atom >= len(elements)):
            raise DataError(
                f"{name}: {entry!r} names atom {atom}; the molecule has 0 to "
                f"{len(elements or ()) - 1}"
            )
        if elements is not None and elements[atom] != nucleus.element:
            raise DataError(
                f"{name}: {entry!r} names atom {atom}, a {elements[atom]}, not a {nucleus.element}"
            )
        nucleus.check_shift(shift)
        match = _INTENSITY.match(middle)
        assert match  # every part may be empty
        letter = match[2].upper()
        # 0.0 stands for an intensity that is not told.
        intensity = float(match[1]) if match[1].strip(".0") else None
        multiplicity = letter if letter in nucleus.multiplicities else None
        peaks.append(Peak(shift, multiplicity, intensity=intensity, atoms=(str(atom),)))
    return tuple(peaks)
