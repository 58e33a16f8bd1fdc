"""The spectrum of an answer as a peak list, as papers and other programs take it."""

from dataclasses import replace

from nmrflow.answers.prediction import CarbonGroup
from nmrflow.formats.jcamp import write_jcamp
from nmrflow.formats.text_writer import write_peaks
from nmrflow.output.marks import Drawable, fit_of, marks_of, nucleus_of
from nmrflow.spectra.peaks import Peak, PeakList

_OF_PAPERS = ("frequency_mhz", "solvent", "conditions")


def peaks_of(answer: Drawable) -> PeakList:
    """Measured peaks with the carbons that they are assigned to, or else the predicted ones.

    Atoms are counted from 1. A peak that unlike carbons share tells no multiplicity.
    """
    found = fit_of(answer)
    if found is None:
        return PeakList(
            tuple(_told(Peak(round(m.shift_ppm, 2)), [m.group]) for m in marks_of(answer))
        )
    groups: dict[int, list[CarbonGroup]] = {}
    for mark in marks_of(answer):
        if mark.peak is not None and mark.is_near:
            groups.setdefault(mark.peak, []).append(mark.group)
    peaks = [
        _told(replace(peak, atoms=()), groups.get(k, []))
        for k, peak in enumerate(found.peaks.peaks)
    ]
    peaks.sort(key=lambda peak: -peak.shift_ppm)
    return replace(found.peaks, peaks=tuple(peaks), remarks=())


def as_published(answer: Drawable) -> str:
    """As a paper prints it: ``13C NMR (101 MHz, CDCl3) δ 137.9 (C), 129.1 (CH, 2C), …``."""
    listed = peaks_of(answer)
    plain = tuple(replace(peak, atoms=(), intensity=None) for peak in listed.peaks)
    metadata = {key: listed.metadata[key] for key in _OF_PAPERS if key in listed.metadata}
    return write_peaks(PeakList(plain, metadata), "publication", nucleus_of(answer))


def as_jcamp(answer: Drawable, title: str) -> str:
    """As a JCAMP-DX peak table with assignments."""
    return write_jcamp(peaks_of(answer), title, nucleus_of(answer))


def _told(peak: Peak, groups: list[CarbonGroup]) -> Peak:
    if not groups:
        return peak
    atoms = sorted(atom for group in groups for atom in group.atoms)
    letters = {group.multiplicity for group in groups}
    return replace(
        peak,
        multiplicity=letters.pop() if len(letters) == 1 else None,
        n_carbons=len(atoms) if len(atoms) > 1 else peak.n_carbons,
        atoms=tuple(str(atom + 1) for atom in atoms),
    )
