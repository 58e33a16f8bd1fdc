"""What is known of a molecule beside its spectrum: exact filters on a library's rows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nmrflow.chem.carbons import KINDS
from nmrflow.chem.formula import elements_of
from nmrflow.formats.counts import parse_counts
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import PeakList
from nmrflow.spectra.question import Count

if TYPE_CHECKING:
    from nmrflow.library.library import Library

_PPM = 1e-6


@dataclass(frozen=True)
class Filters:
    """What a molecule must be; what is not told does not matter.

    Args:
        formula: In Hill order.
        mass: Monoisotopic, in u.
        mass_ppm: By how many millionths the mass may differ.
        elements: Those that it may have, beside hydrogen.
        kinds: Numbers of carbons of kinds.
        substructure: A pattern that it holds, as SMARTS or SMILES.
    """

    formula: str | None = None
    mass: float | None = None
    mass_ppm: float = 10.0
    elements: frozenset[str] | None = None
    kinds: tuple[Count, ...] = ()
    substructure: str | None = None

    def rows(self, library: "Library") -> NDArray[np.int64] | None:
        """The rows that pass all but the substructure, ascending; None: every row does."""
        passes: list[NDArray[np.bool_]] = []
        if self.formula is not None or self.elements is not None:
            names, which = library.formulas
            has = np.array([self._may_be(name) for name in names], dtype=bool)
            passes.append(has[which])
        if self.mass is not None:
            passes.append(np.abs(library.mass - self.mass) <= self.mass_ppm * _PPM * self.mass)
        for kind in self.kinds:
            own = library.kinds[:, KINDS.index(kind.name)]
            passes.append(own >= kind.least)
            if kind.most is not None:
                passes.append(own <= kind.most)
        return np.flatnonzero(np.logical_and.reduce(passes)) if passes else None

    def _may_be(self, formula: str) -> bool:
        if self.formula not in (None, formula):
            return False
        return self.elements is None or elements_of(formula) <= self.elements | {"H"}


NOTHING = Filters()
"""Nothing is known."""


def parse_kinds(text: str) -> tuple[Count, ...]:
    """Kinds of carbon as they are typed: ``CH3=2, C=O>=1, aromatic CH<=4``.

    Raises:
        StructureError: If one is none of :data:`nmrflow.chem.carbons.KINDS`, or has no number.
    """
    return parse_counts(text, KINDS, "kinds")


def allowed_by_multiplicities(
    letters: NDArray[np.uint8], peaks: PeakList, nucleus: Nucleus
) -> NDArray[np.bool_]:
    """Which molecules peaks with multiplicities do not rule out.

    The rule is that of :func:`nmrflow.answers.fit.find_contradiction`.

    Args:
        letters: Atoms with no, one, two and three hydrogens, ``(n, 4)``.
        peaks: The spectrum's.
        nucleus: Its letters.
    """
    told: Counter[str] = Counter()
    for peak in peaks.peaks:
        if peak.multiplicity is not None:
            told[peak.multiplicity] += peak.n_carbons or 1
    tells_all = all(peak.multiplicity is not None for peak in peaks.peaks)
    found = letters.sum(axis=1, dtype=np.int64) >= sum(p.n_carbons or 0 for p in peaks.peaks)
    for n, letter in enumerate(nucleus.multiplicities):
        found &= letters[:, n] >= told[letter]
        if tells_all and n and not told[letter]:
            found &= letters[:, n] == 0
    return np.asarray(found)


def tells_atoms(peaks: PeakList) -> bool:
    """Whether peaks say anything that could rule a molecule out."""
    return any(peak.multiplicity is not None or peak.n_carbons for peak in peaks.peaks)


def described(filters: Filters, n_passed: int, n: int) -> Sequence[str]:
    """What was asked for, and how many molecules are left, in words; nothing without a filter."""
    told = []
    if filters.formula is not None:
        told.append(f"formula {filters.formula}")
    if filters.mass is not None:
        told.append(f"mass {filters.mass:g} u within {filters.mass_ppm:g} ppm")
    if filters.elements is not None:
        told.append(f"of {', '.join(sorted(filters.elements | {'H'}))} alone")
    told += map(str, filters.kinds)
    if not told:
        return ()
    return (f"{n_passed:,} of {n:,} molecules have {'; '.join(told)}.",)
