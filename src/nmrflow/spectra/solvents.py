"""Lines of solvents and of the shift reference, which are no peaks of the compound."""

import re
from typing import NamedTuple

from nmrflow.spectra.peak_list import Peak, PeakList

LINES_PPM: dict[str, tuple[float, ...]] = {
    "TMS": (0.0,),
    "CDCl3": (77.16,),
    "DMSO-d6": (39.52,),
    "CD3OD": (49.0,),
    "acetone-d6": (29.84, 206.26),
    "CD3CN": (1.32, 118.26),
    "C6D6": (128.06,),
    "CD2Cl2": (53.84,),
    "THF-d8": (25.31, 67.21),
    "toluene-d8": (20.43, 125.13, 127.96, 128.87, 137.48),
    "D2O": (),
}
"""Centre of each line.

Fulmer et al., Organometallics 29, 2176 (2010), doi:10.1021/om100106e.
"""

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
"""How far a line of the solvent that the list names may lie from :data:`LINES_PPM`.

References differ by this much: many lists have CDCl3 at 77.0.
"""

MULTIPLET_PPM = 0.9
"""Lines split by deuterium that are listed one by one lie this close to their centre.

A septet of 21 Hz (DMSO-d6, CD3OD) is 126 Hz wide: 1.7 ppm at 75 MHz.
"""

UNTOLD_PPM = 0.005
"""The same where the list names no solvent: only the published value itself is recognised."""

_NOT_TOLD = ("unreported", "unknown", "na", "none")
_UNTOLD = ("TMS", "CDCl3", "DMSO-d6", "CD3OD")


class ForeignLine(NamedTuple):
    """A peak that is the solvent's or the reference's.

    Args:
        peak: As it stands in the list.
        name: Of the solvent or reference, a key of :data:`LINES_PPM`.
    """

    peak: Peak
    name: str

    def __str__(self) -> str:
        return f"{self.peak.shift_ppm:g} ppm ({self.name})"


def find_solvent(text: str) -> str | None:
    """The key of :data:`LINES_PPM` that a solvent's name in a peak list means, None if unknown.

    Example:
        >>> find_solvent("Chloroform-D1 (CDCl3)"), find_solvent("dmso-d6"), find_solvent("petrol")
        ('CDCl3', 'DMSO-d6', None)
    """
    parts = re.split(r"[/+,;]", text)
    for name in (text, re.sub(r"\(.*", "", text), *re.findall(r"\(([^()]*)\)", text), *parts):
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        turned = re.sub(r"^(d[1-9])(.+)$", r"\2\1", plain)  # d6-acetone is acetone-d6
        for known in (plain, turned):
            if known in _NAMES:
                return _NAMES[known]
    return None


def split_foreign_lines(peaks: PeakList) -> tuple[tuple[Peak, ...], tuple[ForeignLine, ...]]:
    """The peaks of the compound, and those of the solvent or the reference, in their order.

    Of the solvent that the metadata name, a line within :data:`TOLD_PPM` of its published
    place; three or more peaks within :data:`MULTIPLET_PPM` around such a line are its
    multiplet. Where no solvent is named, the published values of the four commonest lines,
    met to :data:`UNTOLD_PPM`. A peak with a multiplicity or a number of carbons is the
    compound's.
    """
    told = peaks.metadata.get("solvent", "")
    if re.sub(r"[^a-z]", "", told.lower()) in _NOT_TOLD:
        told = ""
    solvent = find_solvent(told)
    reach = {name: UNTOLD_PPM for name in (_UNTOLD if not told else ("TMS",))}
    reach |= {solvent: TOLD_PPM} if solvent else {}
    away = {
        k: peak.shift_ppm
        for k, peak in enumerate(peaks.peaks)
        if peak.multiplicity is None and peak.n_carbons is None
    }
    foreign: dict[int, str] = {}
    for name, tolerance in reach.items():
        for centre in LINES_PPM[name]:
            near = [k for k, shift in away.items() if abs(shift - centre) <= tolerance + 1e-9]
            around = [k for k, shift in away.items() if abs(shift - centre) <= MULTIPLET_PPM]
            is_multiplet = name == solvent and near and len(around) >= 3
            foreign |= dict.fromkeys(around if is_multiplet else near, name)
    return (
        tuple(peak for k, peak in enumerate(peaks.peaks) if k not in foreign),
        tuple(ForeignLine(peaks.peaks[k], foreign[k]) for k in sorted(foreign)),
    )
