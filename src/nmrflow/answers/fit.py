"""How a structure's predicted shifts agree with measured peaks."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch

from nmrflow.answers.prediction import CarbonGroup, Prediction, gather
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


@dataclass(frozen=True)
class Fit:
    """A structure against a peak list, by optimal matching.

    Args:
        prediction: The structure with its predicted shifts.
        peaks: The measured ones.
        assigned: For each group of the prediction its peak.
        log_density: Mean over the structure's observed atoms of the log density, per ppm, of the
            shift of its peak.
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


def fit(shifts: PredictedShifts, peaks: PeakList, nucleus: Nucleus = Carbon13()) -> Fit:
    """Match a structure's carbons to peaks, by the log densities of its predicted shifts.

    A carbon is given a peak of another multiplicity than its own only where there is no
    other way.

    Raises:
        StructureError: If the structure has no atom of the nucleus, or there is no peak.
    """
    prediction = gather(shifts, nucleus)
    if not prediction.groups or not peaks.peaks:
        raise StructureError(
            f"nothing to match: {len(prediction.groups)} groups of {nucleus.noun}s in "
            f"{shifts.structure.formula}, {len(peaks.peaks)} peaks"
        )
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
