"""What is known of a molecule beside its spectrum: exact filters on a library's rows."""

import operator
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nmrflow.chem.carbons import KINDS
from nmrflow.chem.formula import elements_of, max_valence
from nmrflow.errors import StructureError
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import PeakList

if TYPE_CHECKING:
    from nmrflow.library.library import Library

_KIND = re.compile(r"\s*(?P<kind>.+?)\s*(?P<sign><=|>=|=)\s*(?P<n>[0-9]{1,3})\s*")
_SIGNS = {"<=": operator.le, ">=": operator.ge, "=": operator.eq}
_PPM = 1e-6


@dataclass(frozen=True)
class Filters:
    """What a molecule must be; what is not told does not matter.

    Args:
        formula: In Hill order.
        mass: Monoisotopic, in u.
        mass_ppm: By how many millionths the mass may differ.
        elements: Those that it may have, beside hydrogen.
        kinds: Kind of carbon, ``<=``, ``>=`` or ``=``, and number.
        substructure: A pattern that it holds, as SMARTS or SMILES.
    """

    formula: str | None = None
    mass: float | None = None
    mass_ppm: float = 10.0
    elements: frozenset[str] | None = None
    kinds: tuple[tuple[str, str, int], ...] = ()
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
        for kind, sign, n in self.kinds:
            passes.append(_SIGNS[sign](library.kinds[:, KINDS.index(kind)], n))
        return np.flatnonzero(np.logical_and.reduce(passes)) if passes else None

    def _may_be(self, formula: str) -> bool:
        if self.formula not in (None, formula):
            return False
        return self.elements is None or elements_of(formula) <= self.elements | {"H"}


NOTHING = Filters()
"""Nothing is known."""


def parse_elements(text: str) -> frozenset[str]:
    """Elements as they are typed: ``C,H,N,O``, ``C H Cl``, or ``CHNO`` where that is one reading.

    Raises:
        StructureError: If one is no element.
    """
    found = re.findall(r"[A-Z][a-z]?", text)
    if not found or re.sub(r"[\s,;]", "", text) != "".join(found):
        raise StructureError(f"elements {text!r}: name them as C,H,N,O")
    for element in found:
        max_valence(element)
    return frozenset(found)


def parse_kinds(text: str) -> tuple[tuple[str, str, int], ...]:
    """Kinds of carbon as they are typed: ``CH3=2, C=O>=1, aromatic CH<=4``.

    Raises:
        StructureError: If one is none of :data:`nmrflow.chem.carbons.KINDS`, or has no number.
    """
    found = []
    for part in filter(str.strip, text.split(",")):
        match = _KIND.fullmatch(part)
        known = {kind.lower(): kind for kind in KINDS}
        if match is None or match["kind"].lower() not in known:
            raise StructureError(
                f"kinds {part.strip()!r}: give a kind, <=, >= or =, and a number, as CH3=2; kinds "
                f"are {', '.join(KINDS)}"
            )
        found.append((known[match["kind"].lower()], match["sign"], int(match["n"])))
    if not found:
        raise StructureError("no kinds are named; as CH3=2, C=O>=1")
    return tuple(found)


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
    told += [f"{kind} {sign} {number}" for kind, sign, number in filters.kinds]
    if not told:
        return ()
    return (f"{n_passed:,} of {n:,} molecules have {'; '.join(told)}.",)
