"""The tags of an SDF record in which nmrshiftdb2 has assigned 13C shifts, read and written.

Atoms are numbered from 0 here, and each has its own entry: ``25.1;0.0Q;0|25.1;0.0Q;3|``. What is
said of a spectrum by other tags has the spectrum's number before it: ``0:CDCl3``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from nmrflow.chem.molfile import Molfile, parse_molfile
from nmrflow.chem.notation import on_one_line
from nmrflow.errors import DataError
from nmrflow.formats.sdf import SdfRecord
from nmrflow.formats.signals import Carbon, Signal, Spectrum, fixed
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import MULTIPLICITIES

_SOLVENT = "Solvent"
_SPECTRUM = re.compile(r"Spectrum 13C (\d+)")
_INTENSITY = re.compile(r"\s*([0-9]{0,20}\.?[0-9]{0,20})\s*([A-Za-z]?)")


class Peak(NamedTuple):
    """One shift in ppm and the carbon it is assigned to, 0-based in file order."""

    shift_ppm: float
    atom: int


def read_nmrshiftdb2(tags: Mapping[str, str]) -> dict[int, Spectrum]:
    """The spectra of a record's tags, by their numbers.

    Args:
        tags: Names and texts, of which
            :func:`nmrflow.formats.nmrshiftdb2.parse_record` found that they are good.
    """
    texts = {int(m[1]): text for name, text in tags.items() if (m := _SPECTRUM.fullmatch(name))}
    solvents = _by_number(tags.get(_SOLVENT, ""), texts)
    spectra = {}
    for k, text in sorted(texts.items()):
        entries = filter(str.strip, text.replace("\n", "").split("|"))
        metadata = {"solvent": solvents[k]} if k in solvents else {}
        spectra[k] = Spectrum(tuple(map(_signal, entries)), metadata)
    return spectra


def nmrshiftdb2_tags(carbons: Sequence[Carbon], solvent: str | None) -> dict[str, str]:
    """The tags of one spectrum, shifts with 2 decimals; no tags without carbons."""
    if not carbons:
        return {}
    letters = dict(enumerate(MULTIPLICITIES))
    entries = [
        f"{fixed(c.shift_ppm, 2)};0.0{letters.get(c.n_hydrogens, '')};{c.atom}|" for c in carbons
    ]
    tags = {"Spectrum 13C 0": "".join(entries)}
    return tags | ({_SOLVENT: f"0:{on_one_line(solvent)}"} if solvent else {})


def _by_number(text: str, numbers: Iterable[int]) -> dict[int, str]:
    """What a tag says of each spectrum.

    Only numbers of spectra count: in ``0:CDCl3/CD3OD 9:1`` the 9 is part of a mixture's name.
    """
    marks = "|".join(map(str, numbers))
    parts = re.split(rf"(?:^|\s)({marks}):", on_one_line(text))
    said = zip(map(int, parts[1::2]), map(str.strip, parts[2::2]), strict=True)
    return {k: text for k, text in said if text and text.lower() != "unreported"}


def _signal(entry: str) -> Signal:
    shift, middle, atom = entry.split(";")
    match = _INTENSITY.match(middle)
    assert match  # every part may be empty
    letter = match[2].upper()
    # 0.0 stands for an intensity that is not told.
    intensity = float(match[1]) if match[1].strip(".0") else None
    return Signal(
        float(shift),
        (int(atom),),
        letter if letter in MULTIPLICITIES else None,
        intensity=intensity,
    )


def parse_record(
    record: SdfRecord, axis: ShiftAxis
) -> tuple[Molfile, dict[int, tuple[Peak, ...]]]:
    """The molfile and, by k, the peaks of each 13C spectrum.

    Raises:
        NmrflowError: On any defect of the record.
    """
    if not record.is_complete:
        raise DataError("the file ends inside this record (no closing $$$$ line)")
    molfile = parse_molfile(record.molblock)
    spectra: dict[int, tuple[Peak, ...]] = {}
    for name, text in record.properties:
        match = _SPECTRUM.fullmatch(name)
        if match:
            if int(match[1]) in spectra:
                raise DataError(f"{name} is given twice")
            spectra[int(match[1])] = _parse_peaks(name, text, molfile.elements, axis)
    return molfile, dict(sorted(spectra.items()))


def _parse_peaks(
    name: str, text: str, elements: Sequence[str], axis: ShiftAxis
) -> tuple[Peak, ...]:
    peaks = []
    for entry in filter(None, (part.strip() for part in text.replace("\n", "").split("|"))):
        fields = entry.split(";")
        try:
            shift_text, _, atom_text = fields
            shift, atom = float(shift_text), int(atom_text)
        except ValueError:
            raise DataError(f"{name}: {entry!r} is not shift;intensity;atom") from None
        if not 0 <= atom < len(elements):
            raise DataError(
                f"{name}: {entry!r} names atom {atom}; the molecule has 0 to {len(elements) - 1}"
            )
        if elements[atom] != "C":
            raise DataError(f"{name}: {entry!r} names atom {atom}, a {elements[atom]}, not a C")
        axis.check_shift(shift)
        peaks.append(Peak(shift, atom))
    if not peaks:
        raise DataError(f"{name}: no peaks")
    return tuple(peaks)
