"""One spectrum of a file, or why it cannot be read."""

from dataclasses import dataclass

from nmrflow.chem.structure import Structure
from nmrflow.spectra.peaks import PeakList


@dataclass(frozen=True)
class SpectrumRow:
    """One spectrum of a source, or why it cannot be read.

    Args:
        number: Its place in the source, from 1.
        where: File and line where it starts, or that it was typed.
        name: What the source calls it, or nothing.
        peaks: The spectrum, or None.
        reason: Why there are no peaks (from an SDF alone: or no structure), in one sentence.
        structure: The molecule, where the file tells it.
    """

    number: int
    where: str
    name: str
    peaks: PeakList | None
    reason: str | None
    structure: Structure | None = None
