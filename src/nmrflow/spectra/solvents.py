"""Lines of solvents and of the shift reference, which are no peaks of the compound."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import Peak, PeakList

_NAMES = {
    "chloroform": "CDCl3", "chloroformd": "CDCl3", "chloroformd1": "CDCl3", "cdcl3": "CDCl3",
    "dmso": "DMSO-d6", "dmsod6": "DMSO-d6", "dimethylsulfoxided6": "DMSO-d6",
    "dimethylsulphoxided6": "DMSO-d6", "d6dmso": "DMSO-d6", "cd32so": "DMSO-d6",
    "cd3od": "CD3OD", "methanol": "CD3OD", "methanold4": "CD3OD", "meod": "CD3OD",
    "acetone": "acetone-d6", "acetoned6": "acetone-d6", "cd32co": "acetone-d6",
    "cd3cn": "CD3CN", "acetonitrile": "CD3CN", "acetonitriled3": "CD3CN", "mecnd3": "CD3CN",
    "c6d6": "C6D6", "benzene": "C6D6", "benzened6": "C6D6",
    "cd2cl2": "CD2Cl2", "dichloromethane": "CD2Cl2", "dichloromethaned2": "CD2Cl2",
    "methylenechlorided2": "CD2Cl2",
    "thf": "THF-d8", "thfd8": "THF-d8", "tetrahydrofurand8": "THF-d8",
    "toluene": "toluene-d8", "toluened8": "toluene-d8",
    "meohd4": "CD3OD", "c4d8o": "THF-d8", "c7d8": "toluene-d8", "dcmd2": "CD2Cl2",
    "dcm": "CD2Cl2", "deuterochloroform": "CDCl3",
    "d2o": "D2O", "water": "D2O", "deuteriumoxide": "D2O",
}  # fmt: skip

TOLD_PPM = 0.2
"""How far a line of the solvent that the list names may lie from the published place.

References differ by this much: many lists have CDCl3 at 77.0.
"""

MULTIPLET_PPM = 0.9
"""Lines split by deuterium that are listed one by one lie this close to their centre.

A septet of 21 Hz (DMSO-d6, CD3OD) is 126 Hz wide: 1.7 ppm at 75 MHz.
"""

UNEVEN_PPM = 0.05
"""Gaps between the lines of a multiplet differ by no more: shifts are given to 0.01 or 0.1 ppm."""

UNTOLD_PPM = 0.005
"""The same for a single line where the list names no solvent: only the published value itself."""

_ROUNDING = 1e-9
_REFERENCE = "TMS"
_NOT_TOLD = ("unreported", "unknown", "na", "none")
_MULTIPLETS = (7, 5, 3)


class ForeignLine(NamedTuple):
    """A peak, as it stands in the list, and the solvent or reference whose it is."""

    peak: Peak
    name: str

    def __str__(self) -> str:
        return f"{self.peak.shift_ppm:g} ppm ({self.name})"


def find_solvents(text: str) -> tuple[str, ...]:
    """The solvents that a peak list names, as chemists write them; unknown ones are left out.

    Example:
        >>> find_solvents("Chloroform-D1 (CDCl3)"), find_solvents("CDCl3/d6-DMSO + petrol")
        (('CDCl3',), ('CDCl3', 'DMSO-d6'))
    """
    found: dict[str, None] = {}
    for part in (text, *re.split(r"[/+,;]", text)):
        for name in (part, re.sub(r"\(.*", "", part), *re.findall(r"\(([^()]*)\)", part)):
            plain = re.sub(r"[^a-z0-9]", "", name.lower())
            turned = re.sub(r"^(d[1-9])(.+)$", r"\2\1", plain)  # d6-acetone is acetone-d6
            found |= {_NAMES[known]: None for known in (plain, turned) if known in _NAMES}
    return tuple(found)


def split_foreign_lines(
    peaks: PeakList, nucleus: Nucleus = Carbon13()
) -> tuple[tuple[Peak, ...], tuple[ForeignLine, ...]]:
    """The peaks of the compound, and those of the solvent or the reference, in their order.

    Of the solvents that the metadata name, for each of their lines a multiplet (three, five or
    seven evenly spaced peaks), or else the one peak that is nearest, its middle within
    :data:`TOLD_PPM` of the published place. Where no solvent is named, the triplet of CDCl3 and
    the septets of DMSO-d6 and CD3OD, or else peaks at their published values and at TMS's, met
    to :data:`UNTOLD_PPM`. A peak whose note names a solvent or TMS is foreign wherever it lies;
    one with atoms, a number of carbons or a multiplicity is the compound's, but for a ``t``
    where the line of the named solvent is one.
    """
    told = peaks.metadata.get("solvent", "")
    if re.sub(r"[^a-z]", "", told.lower()) in _NOT_TOLD:
        told = ""
    free = {
        k: peak for k, peak in enumerate(peaks.peaks) if peak.n_carbons is None and not peak.atoms
    }
    away = {k: peak.shift_ppm for k, peak in free.items() if peak.multiplicity is None}
    foreign = {k: name for k, peak in free.items() if (name := _name_in(peak.note))}
    known = {solvent.name: solvent for solvent in nucleus.solvents}
    for name in filter(known.__contains__, find_solvents(told)):
        triplets = {k: p.shift_ppm for k, p in free.items() if p.multiplicity == "T"}
        own = away | triplets if known[name].is_triplet else away
        for centre in known[name].lines_ppm:
            foreign |= dict.fromkeys(_lines_at(centre, own, _MULTIPLETS, TOLD_PPM), name)
    for name, centres, untold, _ in nucleus.solvents:
        if untold is not None and (name == _REFERENCE or not told):
            for centre in centres:
                foreign |= dict.fromkeys(_lines_at(centre, away, untold, UNTOLD_PPM), name)
    return (
        tuple(peak for k, peak in enumerate(peaks.peaks) if k not in foreign),
        tuple(ForeignLine(peaks.peaks[k], foreign[k]) for k in sorted(foreign)),
    )


def _name_in(note: str) -> str | None:
    """The solvent or reference that the note of a peak names."""
    if re.search(r"\bTMS\b|tetramethylsilane", note, re.IGNORECASE):
        return _REFERENCE
    return next(iter(find_solvents(note)), None)


def _lines_at(
    centre: float, away: Mapping[int, float], multiplets: Sequence[int], alone_ppm: float
) -> list[int]:
    """The peaks of a solvent's line: its multiplet, or the nearest, or none."""
    near = sorted((shift, k) for k, shift in away.items() if abs(shift - centre) <= MULTIPLET_PPM)
    for n in multiplets:
        for first in range(len(near) - n + 1):
            shifts = [shift for shift, _ in near[first : first + n]]
            gaps = np.diff(shifts)
            is_at_centre = abs(shifts[n // 2] - centre) <= TOLD_PPM + _ROUNDING
            if is_at_centre and gaps.min() > 0 and np.ptp(gaps) <= UNEVEN_PPM + _ROUNDING:
                return [k for _, k in near[first : first + n]]
    within = [(abs(s - centre), k) for s, k in near if abs(s - centre) <= alone_ppm + _ROUNDING]
    return [min(within)[1]] if within else []
