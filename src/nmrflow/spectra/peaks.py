"""A peak list: what a spectrum's peaks are and what is said of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from nmrflow.errors import SpectrumError
from nmrflow.limits import MAX_PEAKS

Item = TypeVar("Item")

BRACKET = r"\((?:[^()]|\([^()]*\))*\)"
"""A bracket of a publication, in which one more may stand: a regular expression."""


def counted(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, each of which becomes a peak: too many are refused before they are read.

    Raises:
        SpectrumError: Of the one behind :data:`nmrflow.limits.MAX_PEAKS`.
    """
    for n, item in enumerate(items):
        if n == MAX_PEAKS:
            raise SpectrumError(
                f"more than {MAX_PEAKS:,} peaks are there, which is more than is read; leave out "
                "noise"
            )
        yield item


@dataclass(frozen=True)
class Peak:
    """One peak.

    Args:
        shift_ppm: Chemical shift in ppm; of a range its middle.
        multiplicity: A letter of its nucleus, where it is told.
        n_carbons: How many carbons it stands for, where it is told.
        intensity: In the source's units, where it is told.
        half_width_ppm: Half the width of a range; 0 of a single shift.
        atoms: Numbers or labels of its atoms, as the source gives them.
        note: What else the source says of it, such as couplings.
    """

    shift_ppm: float
    multiplicity: str | None = None
    n_carbons: int | None = None
    intensity: float | None = None
    half_width_ppm: float = 0.0
    atoms: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class PeakList:
    """Peaks in the order in which they were written, repeats included.

    Args:
        peaks: At least one.
        metadata: What comment lines or a publication's brackets say: ``solvent``,
            ``frequency_mhz`` and others, as texts.
        remarks: What of the source was passed over or not taken as it stands, in words; two
            lists are equal whatever is remarked of them.
        is_published: Whether it was read from a publication's sentence, whose authors leave out
            the lines of the solvent.

    Raises:
        SpectrumError: If there is no peak, or more than :data:`nmrflow.limits.MAX_PEAKS`.
    """

    peaks: tuple[Peak, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = field(default=(), compare=False)
    is_published: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not self.peaks:
            raise SpectrumError("a peak list needs at least one peak")
        if len(self.peaks) > MAX_PEAKS:
            raise SpectrumError(
                f"{len(self.peaks):,} peaks are more than the {MAX_PEAKS:,} that are read; leave "
                "out noise"
            )

    @property
    def shifts_ppm(self) -> tuple[float, ...]:
        """The shifts alone."""
        return tuple(peak.shift_ppm for peak in self.peaks)
