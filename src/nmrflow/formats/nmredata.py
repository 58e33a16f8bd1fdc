r"""The NMReDATA 1.x tags of an SDF record: assigned shifts, read and written.

Atoms are numbered from 1 here. Lines end with ``\``, and line ends themselves mean nothing;
in files of version 1.0, which have no ``\``, they do. ``;`` begins a comment.

References:
    Pupier et al., *NMReDATA, a standard to report the NMR assignment and parameters of organic
    compounds*, Magnetic Resonance in Chemistry 56, 703-715, 2018.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from nmrflow.chem.notation import on_one_line
from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.formats.signals import fixed
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import Peak, PeakList

_ASSIGNMENT = "NMREDATA_ASSIGNMENT"
_SOLVENT = "NMREDATA_SOLVENT"
_UNKNOWN_SHIFT_PPM = 777.777  # what the format has for a signal that was not seen

_NUMBER = r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})"
_SHIFT = re.compile(rf"({_NUMBER})(?:\s*-\s*({_NUMBER}))?")
_ATOM = re.compile(r"[0-9]{1,6}")
_HYDROGEN = re.compile(r"H[0-9]{1,6}")
# A comma within <"..."> belongs to a label.
_FIELD = re.compile(r'(?:^|,)((?:<"[^"]*">|[^,])*)')


def read_nmredata(
    tags: Mapping[str, str], elements: Sequence[str], nucleus: Nucleus
) -> list[PeakList]:
    """The spectra of a record; of one without any the assigned atoms, if there are some.

    The multiplicity that the format has (``S=``) is that of the line in its spectrum, which is
    a singlet of every carbon once hydrogens are decoupled; it is kept as a note. Atoms of peaks
    are 0-based numbers in file order.

    Args:
        tags: Names and texts of the record's tags.
        elements: Symbols of the record's atoms, in file order.
        nucleus: Whose spectra they are.

    Raises:
        DataError: If a line is no signal, or names an atom of another element.
        SpectrumError: If a number is no shift of the nucleus.
    """
    solvent = next(_items(tags.get(_SOLVENT, "")), "")
    shared = {"solvent": solvent} if solvent else {}
    assigned = _Assigned(_assignment_lines(tags.get(_ASSIGNMENT, "")), elements, nucleus)
    own = spectrum_tag(nucleus)
    spectra = []
    for name in sorted(tags):
        if name == own or name.startswith(f"{own}#"):
            peaks, frequency = _read_spectrum(name, tags[name], assigned)
            metadata = shared | ({"frequency_mhz": frequency} if frequency else {})
            spectra.append(PeakList(tuple(peaks), metadata))
    if not spectra and (peaks_alone := tuple(_own_peaks(assigned))):
        spectra.append(PeakList(peaks_alone, shared))
    for spectrum in spectra:
        for shift_ppm in spectrum.shifts_ppm:
            nucleus.check_shift(shift_ppm)
    return spectra


def spectrum_tag(nucleus: Nucleus) -> str:
    """The tag of a nucleus's spectra."""
    return f"NMREDATA_1D_{nucleus.name}"


def nmredata_tags(
    structure: Structure,
    shifts_ppm: Mapping[int, float],
    solvent: str | None,
    frequency_mhz: float | None,
    nucleus: Nucleus,
) -> dict[str, str]:
    """The tags of one spectrum, shifts by atom, with 4 decimals; no tags without any.

    Atoms that are equivalent and have one shift share a label.
    """
    if not shifts_ppm:
        return {}
    atoms_of: dict[tuple[int, str], list[str]] = {}
    for atom, shift_ppm in shifts_ppm.items():
        key = (structure.symmetry_classes[atom], fixed(shift_ppm, 4))
        atoms_of.setdefault(key, []).append(str(atom + 1))
    assignment, spectrum = [], []
    if frequency_mhz is not None:
        spectrum.append(f"Larmor={frequency_mhz:.6g}")
    for k, ((_, shift), alike) in enumerate(atoms_of.items()):
        assignment.append(", ".join([f"s{k}", shift, *alike]))
        spectrum.append(f"{shift}, L=s{k}")
    tags = {"NMREDATA_VERSION": ["1.1"], "NMREDATA_LEVEL": ["0"]}
    if solvent:
        tags[_SOLVENT] = [on_one_line(re.sub(r"[\\;]", " ", solvent))]
    tags |= {_ASSIGNMENT: assignment, spectrum_tag(nucleus): spectrum}
    return {name: "".join(f"{line}\\\n" for line in lines) for name, lines in tags.items()}


class _Assigned(NamedTuple):
    """What a record's assignment says: shift and atoms of each label, as written."""

    lines: Mapping[str, Sequence[str]]
    elements: Sequence[str]
    nucleus: Nucleus


def _items(text: str) -> Iterator[str]:
    """The lines of a tag without comments; those that are empty are left out."""
    lines = text.replace("\n", "").split("\\") if "\\" in text else text.split("\n")
    return filter(None, (line.partition(";")[0].strip() for line in lines))


def _fields(item: str) -> list[str]:
    return [field.strip() for field in _FIELD.findall(item)]


def _assignment_lines(text: str) -> dict[str, list[str]]:
    """For each label its shift and its atoms, as written."""
    lines: dict[str, list[str]] = {}
    for item in _items(text):
        label, *rest = _fields(item)
        if re.match(r"(?:Interchangeable|Equivalent)\s*=", label, re.IGNORECASE):
            continue
        if label in lines:
            raise DataError(f"{_ASSIGNMENT}: the label {label[:30]!r} is given twice")
        lines[label] = rest
    return lines


def _read_spectrum(name: str, text: str, assigned: _Assigned) -> tuple[list[Peak], str]:
    """The peaks of a spectrum, and its frequency in MHz as written."""
    peaks, frequency = [], ""
    for item in _items(text):
        first, *rest = _fields(item)
        if "=" in first:
            key, _, value = (part.strip() for part in first.partition("="))
            if key.lower() == "larmor" and re.fullmatch(_NUMBER, value):
                frequency = value
            continue
        attributes = _attributes(rest)
        atoms = _atoms_of(attributes.get("L", ""), assigned)
        peaks.append(_peak(name, first, attributes, atoms))
    if not peaks:
        raise DataError(f"{name}: no signals")
    return peaks, frequency


def _attributes(fields: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    key = ""
    for text in fields:
        if "=" in text:
            key, _, value = (part.strip() for part in text.partition("="))
            found[key] = value
        elif key:  # couplings: J=9.30, 4.81
            found[key] += f", {text}"
    return found


def _peak(name: str, shift: str, attributes: Mapping[str, str], atoms: Sequence[int]) -> Peak:
    match = _SHIFT.fullmatch(shift)
    if not match:
        raise DataError(f"{name}: {shift[:30]!r} is not a shift in ppm")
    ends = [float(end) for end in match.groups() if end]
    intensity, number = attributes.get("I", ""), attributes.get("N", "")
    return Peak(
        ends[0] if len(ends) == 1 else round(sum(ends) / 2, 6),
        n_carbons=int(number) if re.fullmatch("[1-9][0-9]{0,2}", number) else None,
        intensity=float(intensity) if re.fullmatch(_NUMBER, intensity) else None,
        half_width_ppm=round(abs(ends[0] - ends[-1]) / 2, 6),
        atoms=tuple(map(str, atoms)),
        note=", ".join(f"{key}={attributes[key]}" for key in ("S", "J") if attributes.get(key)),
    )


def _atoms_of(label: str, assigned: _Assigned) -> tuple[int, ...]:
    """The atoms behind the labels of a signal; none where nothing is assigned."""
    lines, elements, nucleus = assigned
    if not lines or label in ("", "<>") or ("|" in label and label not in lines):
        return ()  # a bar stands between labels of which one is meant
    labels = [label] if label in lines else re.split("[&/]", label.strip("()"))
    atoms: list[int] = []
    for one in map(str.strip, labels):
        if one not in lines:
            raise DataError(f"{_ASSIGNMENT} has no line for the label {one[:30]!r}")
        numbers = _atom_numbers(one, lines[one][1:], len(elements))
        foreign = next((atom for atom in numbers or () if elements[atom] != nucleus.element), None)
        if numbers is None or foreign is not None:
            atom = "" if foreign is None else f"atom {foreign + 1}, a {elements[foreign]}"
            what = atom or "a hydrogen"
            raise DataError(
                f"{_ASSIGNMENT}: the {nucleus.name} signal {one[:30]!r} names {what}, not a "
                f"{nucleus.element}"
            )
        atoms += numbers
    return tuple(dict.fromkeys(atoms))


def _atom_numbers(label: str, texts: Sequence[str], n_atoms: int) -> tuple[int, ...] | None:
    """Atoms of a line, 0-based; None if it is one of implicit hydrogens (``H3``)."""
    if any(_HYDROGEN.fullmatch(text) for text in texts):
        return None
    for text in texts:
        if not _ATOM.fullmatch(text) or not 1 <= int(text) <= n_atoms:
            raise DataError(
                f"{_ASSIGNMENT}: the label {label[:30]!r} names atom {text[:30]!r}; the molecule "
                f"has 1 to {n_atoms}"
            )
    return tuple(int(text) - 1 for text in texts)


def _own_peaks(assigned: _Assigned) -> Iterator[Peak]:
    """Peaks of the lines that assign the nucleus, for a record that lists no spectrum of it."""
    lines, elements, nucleus = assigned
    for label, (shift, *texts) in ((label, line) for label, line in lines.items() if line):
        atoms = _atom_numbers(label, texts, len(elements))
        if atoms and all(elements[atom] == nucleus.element for atom in atoms):
            peak = _peak(_ASSIGNMENT, shift, {}, atoms)
            if peak.shift_ppm != _UNKNOWN_SHIFT_PPM:
                yield peak
