"""Lines of solvents and of the shift reference, which are no peaks of the compound."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from nmrflow.spectra.nucleus import Carbon13, Nucleus, SolventLine
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
    "mecn": "CD3CN", "dmsod": "DMSO-d6", "cd3cocd3": "acetone-d6", "cd3socd3": "DMSO-d6",
    "meodd4": "CD3OD", "acetond6": "acetone-d6", "dichlormethand2": "CD2Cl2",
    "chlorobenzene": "C6D5Cl", "chlorobenzened5": "C6D5Cl", "c6d5cl": "C6D5Cl",
    "trifluoroethanol": "CF3CD2OD", "trifluoroethanold3": "CF3CD2OD", "tfed3": "CF3CD2OD",
    "222trifluoroethanold3": "CF3CD2OD", "cf3cd2od": "CF3CD2OD",
    "pyridine": "pyridine-d5", "pyridined5": "pyridine-d5", "pyridind5": "pyridine-d5",
    "c5d5n": "pyridine-d5", "pyd5": "pyridine-d5",
    "dmf": "DMF-d7", "dmfd7": "DMF-d7", "dimethylformamided7": "DMF-d7",
    "nndimethylformamided7": "DMF-d7", "cd32ncdo": "DMF-d7",
    "dioxane": "dioxane-d8", "dioxaned8": "dioxane-d8", "14dioxaned8": "dioxane-d8",
    "14dioxane": "dioxane-d8", "c4d8o2": "dioxane-d8",
    "cyclohexane": "C6D12", "cyclohexaned12": "C6D12", "c6d12": "C6D12",
    "tetrachloroethane": "C2D2Cl4", "tetrachloroethaned2": "C2D2Cl4", "c2d2cl4": "C2D2Cl4",
    "1122tetrachloroethaned2": "C2D2Cl4", "tced2": "C2D2Cl4", "cdcl2cdcl2": "C2D2Cl4",
    "tfa": "CF3CO2D", "tfad": "CF3CO2D", "cf3co2d": "CF3CO2D", "cf3cood": "CF3CO2D",
    "trifluoroaceticacidd": "CF3CO2D", "trifluoroaceticacidd1": "CF3CO2D",
    "aceticacidd4": "CD3CO2D", "cd3co2d": "CD3CO2D", "cd3cood": "CD3CO2D",
    "acohd4": "CD3CO2D", "aceticacid": "CD3CO2D",
    "nitromethane": "CD3NO2", "nitromethaned3": "CD3NO2", "cd3no2": "CD3NO2",
    "ethanol": "ethanol-d6", "ethanold6": "ethanol-d6", "c2d5od": "ethanol-d6",
    "cd3cd2od": "ethanol-d6", "etohd6": "ethanol-d6", "etod": "ethanol-d6",
    "nitrobenzene": "C6D5NO2", "nitrobenzened5": "C6D5NO2", "c6d5no2": "C6D5NO2",
    "odichlorobenzened4": "C6D4Cl2", "12dichlorobenzened4": "C6D4Cl2", "c6d4cl2": "C6D4Cl2",
    "dichlorobenzened4": "C6D4Cl2", "odcbd4": "C6D4Cl2",
    "cs2": "CS2", "carbondisulfide": "CS2", "carbondisulphide": "CS2",
    "ccl4": "CCl4", "carbontetrachloride": "CCl4",
}  # fmt: skip

TOLD_PPM = 0.2
"""How far a line of the solvent that the list names may lie from the published place.

References differ by this much: many lists have CDCl3 at 77.0. The middle of a multiplet may lie
further by half a step of the decimals to which shifts are given.
"""

UNEVEN_PPM = 0.025
"""Lines of a multiplet lie this close to where the coupling has them, or as close as they are
rounded."""

UNTOLD_PPM = 0.005
"""The same for a single line where the list names no solvent: only the published value itself."""

FIELDS_MHZ = (62.0, 260.0)
"""Frequencies of 13C in magnets in use: what a coupling in Hz is in ppm. Lower ones must be told.
"""

_LEAST_MHZ = 15.0
_ROUNDING = 1e-9
_REFERENCE = "TMS"
_NOT_TOLD = ("unreported", "unknown", "na", "none")
_SAID = re.compile(r"(?:solvent|impurity|artefact|artifact|grease|reference|internal standard)\b")
_N_DECIMALS = 4


class ForeignLine(NamedTuple):
    """A peak, as it stands in the list, and the solvent or reference whose it is.

    Args:
        peak: The peak.
        name: Of the solvent or the reference, or what the list calls the peak.
        may_be_own: Whether its place alone says so: a compound may have a line there too.
    """

    peak: Peak
    name: str
    may_be_own: bool = False

    def __str__(self) -> str:
        return f"{self.peak.shift_ppm:g} ppm ({self.name})"


@lru_cache(maxsize=64)
def find_solvents(text: str) -> tuple[str, ...]:
    """The solvents that a peak list names, as chemists write them; unknown ones are left out.

    Example:
        >>> find_solvents("Chloroform-D1 (CDCl3)"), find_solvents("CDCl3/d6-DMSO + petrol")
        (('CDCl3',), ('CDCl3', 'DMSO-d6'))
    """
    found: dict[str, None] = {}
    text = unicodedata.normalize("NFKC", text)
    parts = (text, *re.split(r"[/+,;:&]", text))
    # Words alone only where no name of several is known: "in CDCl3 at 298 K".
    for some in (parts, text.split()):
        for part in some:
            for name in (part, re.sub(r"\(.*", "", part), *re.findall(r"\(([^()]*)\)", part)):
                plain = re.sub(r"[^a-z0-9]", "", name.lower())
                turned = re.sub(r"^(d[1-9]?[0-9])(.+)$", r"\2\1", plain)  # d6-acetone
                found |= {_NAMES[known]: None for known in (plain, turned) if known in _NAMES}
        if found:
            break
    return tuple(found)


def split_foreign_lines(
    peaks: PeakList, nucleus: Nucleus = Carbon13()
) -> tuple[tuple[Peak, ...], tuple[ForeignLine, ...]]:
    """The peaks of the compound, and those of the solvent or the reference, in their order.

    Of the solvents that the metadata name, for each of their lines its multiplet (evenly spaced
    peaks, as many as deuterium makes or two or four fewer, as far apart as its coupling is in a
    magnet in use), or else the one peak that is nearest, its middle within :data:`TOLD_PPM` of
    the published place. Where no solvent is named, the triplet of CDCl3 and the septets of
    DMSO-d6 and CD3OD, or else peaks at their published values and at TMS's, met to
    :data:`UNTOLD_PPM`. A peak whose note names a solvent or TMS, or says that it is none of the
    compound's, is foreign wherever it lies; one with atoms, a number of carbons or a multiplicity
    is the compound's, but for a ``t`` where the line of the named solvent is one.
    """
    told = _told(peaks)
    free = {
        k: peak for k, peak in enumerate(peaks.peaks) if peak.n_carbons is None and not peak.atoms
    }
    away = {k: peak.shift_ppm for k, peak in free.items() if peak.multiplicity is None}
    noted = ((k, peak.note and _name_in(peak.note)) for k, peak in free.items())
    foreign = {k: (name, False) for k, name in noted if name}
    known = {solvent.name: solvent for solvent in nucleus.solvents}
    lowest_mhz = min(
        FIELDS_MHZ[0], max(_LEAST_MHZ, _frequency(peaks.metadata.get("frequency_mhz", "")))
    )
    for name in filter(known.__contains__, find_solvents(told)):
        triplets = {k: p.shift_ppm for k, p in free.items() if p.multiplicity == "T"}
        is_seen = False  # as a multiplet, which no compound has: its other lines are there too
        lines = sorted(known[name].lines, key=lambda line: -line.n_lines)
        for line in lines:
            own = away | triplets if line.n_lines == 3 else away
            found = _multiplet_at(line, own, lowest_mhz, fewest=3) or _nearest(line, own, TOLD_PPM)
            is_seen |= len(found) > 1 or any(k in triplets for k in found)
            is_single = not is_seen
            foreign |= {k: (name, is_single) for k in found if k not in foreign}
    for solvent in nucleus.solvents:
        if solvent.is_untold and (solvent.name == _REFERENCE or not told):
            for line in solvent.lines:
                found = _multiplet_at(line, away, lowest_mhz, fewest=line.n_lines)
                found = found or _nearest(line, away, UNTOLD_PPM)
                is_single = len(found) == 1
                foreign |= {k: (solvent.name, is_single) for k in found if k not in foreign}
    return (
        tuple(peak for k, peak in enumerate(peaks.peaks) if k not in foreign),
        tuple(ForeignLine(peaks.peaks[k], *foreign[k]) for k in sorted(foreign)),
    )


def n_solvent_lines(peaks: PeakList, nucleus: Nucleus = Carbon13()) -> int:
    """How many peaks without a note :func:`split_foreign_lines` takes for foreign, at most."""
    told = _told(peaks)
    named = find_solvents(told)
    return sum(
        line.n_lines
        for solvent in nucleus.solvents
        if solvent.name in named or (solvent.is_untold and not told) or solvent.name == _REFERENCE
        for line in solvent.lines
    )


def _told(peaks: PeakList) -> str:
    """What the metadata call the solvent; empty where that is a word for not knowing it."""
    told = peaks.metadata.get("solvent", "")
    return "" if re.sub(r"[^a-z]", "", told.lower()) in _NOT_TOLD else told


def _name_in(note: str) -> str | None:
    """The solvent or reference that the note of a peak names, or what it calls the peak."""
    if re.search(r"\bTMS\b|tetramethylsilane", note, re.IGNORECASE):
        return _REFERENCE
    named = next(iter(find_solvents(note)), None)
    return named or (note if _SAID.match(note.lower()) else None)


def _frequency(text: str) -> float:
    """A frequency in MHz; infinite where none is told."""
    try:
        told = float(text)
    except ValueError:
        return math.inf
    return told if told > 0 else math.inf


def _decimals(shifts: Sequence[float]) -> int:
    """To how many decimals shifts are given, at most."""
    return max(len(f"{shift:.{_N_DECIMALS}f}".rstrip("0").partition(".")[2]) for shift in shifts)


def _multiplet_at(
    line: SolventLine, away: Mapping[int, float], lowest_mhz: float, *, fewest: int
) -> list[int]:
    """The peaks of a solvent's multiplet, of which the outer ones may be missing; or none."""
    centre = line.shift_ppm
    reach = line.n_lines // 2 * line.coupling_hz / lowest_mhz + 2 * TOLD_PPM
    near = sorted((shift, k) for k, shift in away.items() if abs(shift - centre) <= reach)
    if line.n_lines < 3 or len(near) < 3:
        return []
    step = 10.0 ** -_decimals([shift for shift, _ in near])
    slack = max(UNEVEN_PPM, step) + _ROUNDING
    low, high = line.coupling_hz / FIELDS_MHZ[1], line.coupling_hz / lowest_mhz
    for n in range(line.n_lines, max(fewest, 3) - 1, -2):
        for first in range(len(near) - n + 1):
            shifts = [shift for shift, _ in near[first : first + n]]
            gaps = np.diff(shifts)
            mean = (shifts[-1] - shifts[0]) / (n - 1)
            room = slack / (n - 1)
            least = max(low, mean - room, gaps.max() - slack)
            most = min(high, mean + room, gaps.min() + slack)
            is_at_centre = abs(shifts[n // 2] - centre) <= TOLD_PPM + step / 2 + _ROUNDING
            if is_at_centre and gaps.min() > 0 and least <= most:
                return [k for _, k in near[first : first + n]]
    return []


def _nearest(line: SolventLine, away: Mapping[int, float], within_ppm: float) -> list[int]:
    """The peak nearest to a solvent's line, if it is near enough."""
    distances = [(abs(shift - line.shift_ppm), k) for k, shift in away.items()]
    within = [(d, k) for d, k in distances if d <= within_ppm + _ROUNDING]
    return [min(within)[1]] if within else []
