"""Which spectra of a record show all atoms: those of DEPT, APT, HSQC and others do not."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from nmrflow.spectra.peaks import Peak

_EDITED = re.compile(
    r"dept|(?<![a-z])apt|jmod|inept|hsqc|hmqc|hmbc|cosy|tocsy|noesy|roesy|inadequate|seft|pendant"
    r"|attached",
    re.IGNORECASE,
)
_PHASED = re.compile(r"(?<![a-z])apt|jmod|attached|seft|pendant", re.IGNORECASE)
"""Of those, the ones that show all carbons, with signs by their hydrogens."""
_DEPT_135 = re.compile(r"dept\D{0,6}135", re.IGNORECASE)
_SAME_PPM = 0.1
_CH2 = "T"


class MeasuredSpectrum(NamedTuple):
    """One tag: its peaks, its frequency in MHz and its experiment as written, and remarks."""

    tag: str
    peaks: tuple[Peak, ...]
    frequency: str
    experiment: str
    remarks: tuple[str, ...]


def choose_whole(
    listed: Sequence[MeasuredSpectrum],
) -> tuple[list[MeasuredSpectrum], tuple[str, ...]]:
    """The spectra that show all atoms, and what is to be said of the others.

    One whose signs tell the hydrogens (APT) is taken where there is no plain one. A DEPT-135
    tells the CH2 of the spectra that are taken by its negative peaks.
    """
    remarks: list[str] = []
    whole: list[MeasuredSpectrum] = []
    phased: list[MeasuredSpectrum] = []
    edited: list[MeasuredSpectrum] = []
    for spectrum in listed:
        if not spectrum.peaks:
            remarks.append(f"{spectrum.tag} has no signals, and was passed over")
        elif not _EDITED.search(spectrum.experiment):
            whole.append(spectrum)
        elif _PHASED.search(spectrum.experiment):
            phased.append(spectrum)
        else:
            edited.append(spectrum)
    if not whole:
        whole, phased = phased[:1], phased[1:]
    for spectrum in (*phased, *edited):
        what = f"is a {spectrum.experiment}, no spectrum of all atoms"
        remarks.append(f"{spectrum.tag} {what}, and was passed over")
    dept = next((one for one in edited if _DEPT_135.search(one.experiment)), None)
    if dept is not None and whole:
        whole = [_with_signs(spectrum, dept) for spectrum in whole]
    return whole, tuple(remarks)


def _with_signs(spectrum: MeasuredSpectrum, dept: MeasuredSpectrum) -> MeasuredSpectrum:
    """A spectrum whose peaks are CH2 where those of a DEPT-135 are negative."""
    told = [(p.shift_ppm, p.intensity) for p in dept.peaks if p.intensity is not None]
    if not any(i > 0 for _, i in told) or not any(i < 0 for _, i in told):
        return spectrum  # of one sign alone it is not known which way up it was phased
    peaks, n = [], 0
    for peak in spectrum.peaks:
        distance, intensity = min((abs(shift - peak.shift_ppm), i) for shift, i in told)
        is_told = peak.multiplicity is None and distance <= _SAME_PPM and intensity < 0
        peaks.append(replace(peak, multiplicity=_CH2) if is_told else peak)
        n += is_told
    remark = f"{n} peaks are CH2 by the signs of {dept.tag} ({dept.experiment})"
    return spectrum._replace(peaks=tuple(peaks), remarks=(*spectrum.remarks, remark))
