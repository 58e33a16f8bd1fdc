r"""The NMReDATA 1.x tags of an SDF record: assigned shifts, read and written.

Atoms are numbered from 1 here. Lines end with ``\``, and line ends themselves mean nothing;
in files of version 1.0, which have no ``\``, they do. ``;`` begins a comment.

References:
    Pupier et al., *NMReDATA, a standard to report the NMR assignment and parameters of organic
    compounds*, Magnetic Resonance in Chemistry 56, 703-715, 2018.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from nmrflow.chem.notation import on_one_line
from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.formats.experiments import MeasuredSpectrum, choose_whole
from nmrflow.formats.signals import fixed
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import Peak, PeakList, counted

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
    tags: Sequence[tuple[str, str]],
    elements: Sequence[str] | None,
    nucleus: Nucleus,
    n_hydrogens: Sequence[int] | None = None,
) -> list[PeakList]:
    """The spectra of a record; of one without any the assigned atoms, if there are some.

    The number that the format has (``N=``) is, in spectra of carbon, that of the hydrogens of
    each: a multiplicity, unless it is not that of the assigned atoms, or the same for every line
    and no atoms are assigned.
    In spectra of nuclei without multiplicities it counts atoms. The format's own multiplicity
    (``S=``) is that of the line in its spectrum, a singlet of every carbon once hydrogens are
    decoupled; it is kept as a note. Atoms of peaks are 0-based numbers in file order.

    Spectra without signals, and those of an experiment that does not show all carbons, are
    passed over, which the others remark; a DEPT-135 tells the CH2 among them by its signs.

    Args:
        tags: Names and texts of the record's tags.
        elements: Symbols of the record's atoms, in file order; None where its molfile cannot be
            read, and numbers of atoms cannot be checked.
        nucleus: Whose spectra they are.
        n_hydrogens: Of the record's atoms, where they are known.

    Raises:
        DataError: If a line is no signal, or names an atom of another element; or if there are
            spectra, and all are passed over.
        SpectrumError: If a number is no shift of the nucleus.
    """
    solvent = next(_items(_text_of(tags, _SOLVENT)), "")
    shared = {"solvent": solvent} if solvent else {}
    assigned = _Assigned(
        _assignment_lines(_text_of(tags, _ASSIGNMENT)), elements, nucleus, n_hydrogens
    )
    own = spectrum_tag(nucleus)
    listed = [
        _read_spectrum(name, text, assigned)
        for name, text in sorted(tags, key=lambda tag: tag[0])
        if name == own or name.startswith(f"{own}#")
    ]
    chosen, remarks = choose_whole(listed)
    spectra = []
    for spectrum in chosen:
        frequency = {"frequency_mhz": spectrum.frequency} if spectrum.frequency else {}
        spectra.append(PeakList(spectrum.peaks, shared | frequency, (*remarks, *spectrum.remarks)))
    if not spectra and (peaks_alone := tuple(counted(_own_peaks(assigned)))):
        spectra.append(PeakList(peaks_alone, shared, remarks))
    if listed and not spectra:
        raise DataError(f"{'; '.join(remarks)}; no other {nucleus.name} spectrum is there")
    for one in spectra:
        for shift_ppm in one.shifts_ppm:
            nucleus.check_shift(shift_ppm)
    return spectra


def _text_of(tags: Sequence[tuple[str, str]], name: str) -> str:
    """The text of a tag that a record has once."""
    texts = {text for tag, text in tags if tag == name}
    if len(texts) > 1:
        raise DataError(f"{name} is given twice, with different texts")
    return texts.pop() if texts else ""


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
        n_hydrogens = structure.n_hydrogens[int(alike[0]) - 1]
        is_told = nucleus.letter(n_hydrogens) is not None
        spectrum.append(f"{shift}, {f'N={n_hydrogens}, ' if is_told else ''}L=s{k}")
    tags = {"NMREDATA_VERSION": ["1.1"], "NMREDATA_LEVEL": ["0"]}
    if solvent:
        tags[_SOLVENT] = [on_one_line(re.sub(r"[\\;]", " ", solvent))]
    tags |= {_ASSIGNMENT: assignment, spectrum_tag(nucleus): spectrum}
    return {name: "".join(f"{line}\\\n" for line in lines) for name, lines in tags.items()}


class _Assigned(NamedTuple):
    """What a record's assignment says: shift and atoms of each label, as written."""

    lines: Mapping[str, Sequence[str]]
    elements: Sequence[str] | None
    nucleus: Nucleus
    n_hydrogens: Sequence[int] | None = None


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


def _read_spectrum(name: str, text: str, assigned: _Assigned) -> MeasuredSpectrum:
    """The peaks of a spectrum, and what is said of all of them."""
    peaks, numbers, told = list[Peak](), list[str](), dict[str, str]()

    def signals() -> Iterator[list[str]]:
        for first, *rest in map(_fields, _items(text)):
            if "=" in first:
                key, _, value = (part.strip() for part in first.partition("="))
                told.setdefault(key.lower(), value)
            else:
                yield [first, *rest]

    for first, *rest in counted(signals()):
        attributes = _attributes(rest)
        atoms = _atoms_of(attributes.get("L", ""), assigned)
        peaks.append(_peak(name, first, attributes, atoms))
        numbers.append(attributes.get("N", ""))
    frequency = told.get("larmor", "")
    experiment = " ".join(filter(None, (told.get("sequence"), told.get("pulseprogram"))))
    peaks, remarks = _with_numbers(name, peaks, numbers, assigned)
    frequency = frequency if re.fullmatch(_NUMBER, frequency) else ""
    return MeasuredSpectrum(name, tuple(peaks), frequency, experiment, remarks)


def _with_numbers(
    name: str, peaks: list[Peak], numbers: Sequence[str], assigned: _Assigned
) -> tuple[list[Peak], tuple[str, ...]]:
    """Peaks with what ``N=`` tells of them, and what is to be said of it."""
    nucleus, n_hydrogens = assigned.nucleus, assigned.n_hydrogens
    if not nucleus.multiplicities:
        counts = [int(n) if re.fullmatch("[1-9][0-9]{0,2}", n) else None for n in numbers]
        pairs = zip(peaks, counts, strict=True)
        return [replace(peak, n_carbons=n) for peak, n in pairs], ()
    why, is_checked = "", n_hydrogens is not None and all(peak.atoms for peak in peaks)
    if not is_checked and len(numbers) > 1 and len(set(numbers)) == 1 and numbers[0]:
        why = "is the same for every line"
    elif n_hydrogens is not None and any(
        n and any(n != str(n_hydrogens[int(atom)]) for atom in peak.atoms)
        for peak, n in zip(peaks, numbers, strict=True)
    ):
        why = f"is not the number of hydrogens of the assigned {nucleus.noun}s"
    found = []
    for peak, n in zip(peaks, numbers, strict=True):
        letter = nucleus.letter(int(n)) if re.fullmatch("[0-9]", n) and not why else None
        note = ", ".join(filter(None, (f"N={n}" if n and not letter else "", peak.note)))
        found.append(replace(peak, multiplicity=letter, note=note))
    return found, ((f"{name}: N= {why}, and was not taken as a multiplicity",) if why else ())


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
    intensity = attributes.get("I", "")
    return Peak(
        ends[0] if len(ends) == 1 else round(sum(ends) / 2, 6),
        intensity=float(intensity) if re.fullmatch(_NUMBER, intensity) else None,
        half_width_ppm=round(abs(ends[0] - ends[-1]) / 2, 6),
        atoms=tuple(map(str, atoms)),
        note=", ".join(f"{key}={attributes[key]}" for key in ("S", "J") if attributes.get(key)),
    )


def _atoms_of(label: str, assigned: _Assigned) -> tuple[int, ...]:
    """The atoms behind the labels of a signal; none where nothing is assigned."""
    lines, elements, nucleus, _ = assigned
    if not lines or label in ("", "<>") or ("|" in label and label not in lines):
        return ()  # a bar stands between labels of which one is meant
    labels = [label] if label in lines else re.split("[&/]", label.strip("()"))
    atoms: list[int] = []
    for one in map(str.strip, labels):
        if one not in lines:
            raise DataError(f"{_ASSIGNMENT} has no line for the label {one[:30]!r}")
        numbers = _atom_numbers(one, lines[one][1:], elements)
        others = ((a, elements[a]) for a in numbers or () if elements is not None)
        foreign = next((other for other in others if other[1] != nucleus.element), None)
        if numbers is None or foreign is not None:
            atom = "" if foreign is None else f"atom {foreign[0] + 1}, a {foreign[1]}"
            what = atom or "a hydrogen"
            raise DataError(
                f"{_ASSIGNMENT}: the {nucleus.name} signal {one[:30]!r} names {what}, not a "
                f"{nucleus.element}"
            )
        atoms += numbers
    return tuple(dict.fromkeys(atoms))


def _atom_numbers(
    label: str, texts: Sequence[str], elements: Sequence[str] | None
) -> tuple[int, ...] | None:
    """Atoms of a line, 0-based; None if it is one of implicit hydrogens (``H3``)."""
    if any(_HYDROGEN.fullmatch(text) for text in texts):
        return None
    most = 999_999 if elements is None else len(elements)
    for text in texts:
        if not _ATOM.fullmatch(text) or not 1 <= int(text) <= most:
            raise DataError(
                f"{_ASSIGNMENT}: the label {label[:30]!r} names atom {text[:30]!r}; the molecule "
                f"has 1 to {most}"
            )
    return tuple(int(text) - 1 for text in texts)


def _own_peaks(assigned: _Assigned) -> Iterator[Peak]:
    """Peaks of the lines that assign the nucleus, for a record that lists no spectrum of it."""
    lines, elements, nucleus, _ = assigned
    if elements is None:
        return  # it cannot be told whose shifts they are
    for label, (shift, *texts) in ((label, line) for label, line in lines.items() if line):
        atoms = _atom_numbers(label, texts, elements)
        if atoms and all(elements[atom] == nucleus.element for atom in atoms):
            peak = _peak(_ASSIGNMENT, shift, {}, atoms)
            if peak.shift_ppm != _UNKNOWN_SHIFT_PPM:
                yield peak
