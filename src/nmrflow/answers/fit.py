"""How a structure's predicted shifts agree with measured peaks."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import torch

from nmrflow.answers.prediction import CarbonGroup, Prediction, gather
from nmrflow.chem.stereotopicity import stereotopic_classes
from nmrflow.errors import StructureError
from nmrflow.model.results import PredictedShifts
from nmrflow.spectra.match import match_peaks
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import Peak, PeakList

TOLERANCE_PPM = 5.0
"""A peak counts as matched within this distance of the carbon that it belongs to.

About the half width of the widest predicted interval of common carbons.
"""

_MOST_TENSE = 5.0


@dataclass(frozen=True)
class Assigned:
    """One group of equivalent carbons, and the position and the peak that it has in the list."""

    group: CarbonGroup
    peak: int
    measured: Peak

    @property
    def deviation_ppm(self) -> float:
        """Measured less predicted shift."""
        return self.measured.shift_ppm - self.group.shift_ppm

    @property
    def is_explained(self) -> bool:
        """Whether the peak can be these carbons': else neither explains the other.

        It is when it lies within :data:`TOLERANCE_PPM`, or twice the half width of their interval.
        """
        return abs(self.deviation_ppm) <= max(TOLERANCE_PPM, self.group.width_ppm)


@dataclass(frozen=True)
class Fit:
    """A structure against a peak list, by optimal matching.

    Args:
        prediction: The structure with its predicted shifts.
        peaks: The measured ones.
        assigned: For each group of the prediction its peak.
        log_density: Mean over the structure's observed atoms of the log density, per ppm, of the
            shift of its peak, where those that are equivalent by their bonds share one: what
            candidates are ordered by.
        contradiction: Why multiplicities of the peaks, or the formula, rule the structure out;
            None where they do not.
    """

    prediction: Prediction
    peaks: PeakList
    assigned: tuple[Assigned, ...]
    log_density: float
    contradiction: str | None

    @property
    def n_peaks(self) -> int:
        """Number of measured peaks."""
        return len(self.peaks.peaks)

    @property
    def log_likelihood(self) -> float:
        """Log density of the peaks of all atoms together."""
        return self.log_density * sum(self._sizes)

    @property
    def n_matched(self) -> int:
        """Number of peaks with a carbon within :data:`TOLERANCE_PPM`."""
        return len({p.peak for p in self.assigned if abs(p.deviation_ppm) <= TOLERANCE_PPM})

    @property
    def may_split(self) -> bool:
        """Whether a peak without a carbon could be one of several that are equivalent."""
        given = {pair.peak for pair in self.assigned}
        left = [peak for k, peak in enumerate(self.peaks.peaks) if k not in given]
        several = [group for group in self.prediction.groups if len(group.atoms) > 1]
        return any(Assigned(group, 0, peak).is_explained for peak in left for group in several)

    @property
    def unexplained(self) -> tuple[Peak, ...]:
        """The peaks that no carbon explains."""
        explained = {pair.peak for pair in self.assigned if pair.is_explained}
        return tuple(p for k, p in enumerate(self.peaks.peaks) if k not in explained)

    @property
    def unseen(self) -> tuple[CarbonGroup, ...]:
        """The carbons whose peak is missing: the one that they are given is not theirs."""
        return tuple(pair.group for pair in self.assigned if not pair.is_explained)

    @property
    def n_extra(self) -> int:
        """Peaks too many: those without a carbon, but for one for each carbon that lies elsewhere.

        A carbon far from where it is predicted is a peak without a carbon and a carbon without
        a peak, and counts as neither.
        """
        return max(0, len(self.unexplained) - len(self.unseen))

    @property
    def n_missing(self) -> int:
        """Groups of carbons too many: those without a peak, or that share one with others."""
        explained = {pair.peak for pair in self.assigned if pair.is_explained}
        elsewhere = min(len(self.unexplained), len(self.unseen))
        return len(self.assigned) - len(explained) - elsewhere

    @property
    def diastereotopic(self) -> tuple[tuple[CarbonGroup, ...], ...]:
        """Groups that are equivalent by their bonds, and that were given peaks of their own."""
        of_class: dict[int, list[CarbonGroup]] = {}
        for group in self.prediction.groups:
            name = self.prediction.structure.symmetry_classes[group.atoms[0]]
            of_class.setdefault(name, []).append(group)
        return tuple(tuple(groups) for groups in of_class.values() if len(groups) > 1)

    @property
    def mean_deviation_ppm(self) -> float:
        """Mean absolute deviation, each carbon counted."""
        return float(np.average(np.abs(self._deviations), weights=self._sizes))

    @property
    def rmsd_ppm(self) -> float:
        """Root of the mean squared deviation, each carbon counted."""
        return float(np.sqrt(np.average(np.square(self._deviations), weights=self._sizes)))

    @property
    def tension(self) -> float:
        """Mean absolute deviation in half widths of the predicted intervals, 5 at most each."""
        halves = [pair.group.width_ppm / 2 for pair in self.assigned]
        tensions = np.abs(self._deviations) / np.array(halves)
        return float(np.average(tensions.clip(max=_MOST_TENSE), weights=self._sizes))

    @property
    def worst_ppm(self) -> float:
        """The largest deviation of a peak from its carbons' predicted shift."""
        return max(map(abs, self._deviations))

    @property
    def summary(self) -> str:
        """Matched peaks and mean deviation, in words."""
        matched = f"{self.n_matched} of {self.n_peaks} peaks matched"
        return f"{matched}, mean deviation {self.mean_deviation_ppm:.2f} ppm"

    @property
    def _deviations(self) -> list[float]:
        return [pair.deviation_ppm for pair in self.assigned]

    @property
    def _sizes(self) -> list[int]:
        return [len(pair.group.atoms) for pair in self.assigned]


def fit(
    shifts: PredictedShifts,
    peaks: PeakList,
    nucleus: Nucleus = Carbon13(),
    *,
    splits: bool = False,
) -> Fit:
    """Match a structure's carbons to peaks, by the log densities of its predicted shifts.

    A carbon is given a peak of another multiplicity than its own only where there is no
    other way.

    Args:
        shifts: Of the structure.
        peaks: The measured ones.
        nucleus: What is observed.
        splits: Where peaks are left over, let diastereotopic carbons have peaks of their own.

    Raises:
        StructureError: If the structure has no atom of the nucleus, or there is no peak.
    """
    prediction = gather(shifts, nucleus)
    if not prediction.groups or not peaks.peaks:
        raise StructureError(
            f"nothing to match: {len(prediction.groups)} groups of {nucleus.noun}s in "
            f"{shifts.structure.formula}, {len(peaks.peaks)} peaks"
        )
    found = _match(shifts, prediction, peaks)
    if not (splits and found.may_split):
        return found
    apart = gather(shifts, nucleus, stereotopic_classes(shifts.structure))
    if len(apart.groups) == len(prediction.groups):
        return found
    return replace(_rejoined(_match(shifts, apart, peaks)), log_density=found.log_density)


def _match(shifts: PredictedShifts, prediction: Prediction, peaks: PeakList) -> Fit:
    at = torch.tensor(peaks.shifts_ppm, dtype=torch.float64)
    first = torch.tensor([group.atoms[0] for group in prediction.groups])
    density = shifts.distribution.rows(first).log_density(at).numpy()
    sizes = np.array([len(group.atoms) for group in prediction.groups])
    told = [peak.multiplicity for peak in peaks.peaks]
    wrong = [[m not in (None, group.multiplicity) for m in told] for group in prediction.groups]
    # More than all differences of fits together, and finite, as a matching needs.
    penalty = 1.0 + 2 * len(sizes) * sizes.max() * np.ptp(density)
    chosen = match_peaks(sizes[:, None] * density - penalty * np.array(wrong))
    pairs = zip(prediction.groups, chosen.tolist(), strict=True)
    assigned = tuple(Assigned(group, k, peaks.peaks[k]) for group, k in pairs)
    log_density = np.average(density[np.arange(len(chosen)), chosen], weights=sizes)
    contradiction = find_contradiction(prediction, peaks)
    return Fit(prediction, peaks, assigned, float(log_density), contradiction)


def _rejoined(found: Fit) -> Fit:
    """The fit with groups that are equivalent by their bonds, and share a peak, as one again."""
    classes = found.prediction.structure.symmetry_classes
    joined: dict[tuple[int, int], Assigned] = {}
    for pair in found.assigned:
        key = classes[pair.group.atoms[0]], pair.peak
        if before := joined.get(key):
            atoms = tuple(sorted(before.group.atoms + pair.group.atoms))
            pair = replace(pair, group=replace(pair.group, atoms=atoms))
        joined[key] = pair
    assigned = tuple(sorted(joined.values(), key=lambda pair: pair.group.place))
    groups = tuple(pair.group for pair in assigned)
    return replace(found, prediction=replace(found.prediction, groups=groups), assigned=assigned)


def find_contradiction(prediction: Prediction, peaks: PeakList) -> str | None:
    """Why a structure cannot have peaks of these multiplicities, in words, or None.

    It needs at least as many carbons, in all and of each kind, as peaks tell; and where every
    peak tells its multiplicity, it may have no CH, CH2 or CH3 without a single peak. Carbons
    without hydrogen are exempt: their peaks are weak.
    """
    told: Counter[str] = Counter()
    for peak in peaks.peaks:
        if peak.multiplicity is not None:
            told[peak.multiplicity] += peak.n_carbons or 1
    has: Counter[str] = Counter()
    for group in prediction.groups:
        has[group.multiplicity or ""] += len(group.atoms)
    tells_all = all(peak.multiplicity is not None for peak in peaks.peaks)
    nucleus = prediction.nucleus
    bare = nucleus.letter(0)
    for letter, name in nucleus.groups.items():
        if has[letter] < told[letter]:
            return f"{told[letter]} {name} by the peaks, {has[letter]} in the structure"
        if tells_all and letter != bare and has[letter] and not told[letter]:
            return f"no {name} by the peaks, {has[letter]} in the structure"
    n_told = sum(peak.n_carbons or 0 for peak in peaks.peaks)
    if n_told > has.total():
        return f"{n_told} {nucleus.noun}s by the peaks, {has.total()} in the structure"
    return None
