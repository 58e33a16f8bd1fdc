"""What else a spectrum with a peak too many, or one too few, may mean for a structure.

Nobody tells which peak is the one too many, or which carbon has none, and the best matching takes
what fits best: a spectrum may so fit better than it did without that peak, or with it. An answer
is therefore no more certain than in the worst reading that leaves nothing over.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from nmrflow.answers.candidates import Candidate
from nmrflow.answers.fit import Fit, fit
from nmrflow.answers.prediction import LEVEL
from nmrflow.model.results import PredictedShifts
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Question

WIDE_LEVEL = 0.95
"""Of the interval at whose ends the peak of a carbon that has none is taken to be."""

_MOST_ROUNDS = 4
"""One peak is taken away, or added, in each; more are too many for any answer to be certain."""


def readings(
    shifts: PredictedShifts, peaks: PeakList, nucleus: Nucleus = Carbon13()
) -> tuple[Fit, ...]:
    """A structure's fits without each of its peaks too many, or with each peak that is missing.

    Of a molecule's own spectrum with a peak more one reading is the own spectrum, if that explains
    every carbon; of one with a peak less one reading fits no better than the own spectrum, if that
    peak lay in the interval of :data:`WIDE_LEVEL` and could be no other carbon's. Of several peaks
    not every choice is tried: the next is taken beside the one that fits worst.

    Args:
        shifts: Of the structure.
        peaks: The measured ones, at least one.
        nucleus: What is observed, by at least one atom of the structure.

    Returns:
        None where there are as many peaks as groups of equivalent carbons, those counted that are
        diastereotopic and have peaks of their own.
    """
    worst = fit(shifts, peaks, nucleus, splits=True)
    found: list[Fit] = []
    for _ in range(_MOST_ROUNDS):
        n_over = worst.n_peaks - len(worst.prediction.groups)
        if not n_over:
            break
        others = _without_one(worst.peaks) if n_over > 0 else _with_one(worst, shifts)
        every = [fit(shifts, own, nucleus) for own in others]
        # One that a carbon needs is not too many; where others would fit it is not missing.
        least = min(len(one.unseen) for one in every)
        every = [one for one in every if len(one.unseen) == least]
        worst = min(every, key=lambda one: one.log_density)
        found += every
    return tuple(found)


def readings_of_first(
    model: TrainedFlow, question: Question, candidates: Sequence[Candidate]
) -> tuple[Fit, ...]:
    """The :func:`readings` of the best candidate that nothing rules out."""
    first = next((one for one in candidates if one.contradiction is None), None)
    if first is None or first.matched is None:
        return ()
    (predicted,) = model.predict_shifts([first.structure], LEVEL)
    return readings(predicted, question.peaks, question.nucleus)


def _without_one(peaks: PeakList) -> Iterator[PeakList]:
    for k in range(len(peaks.peaks)):
        yield replace(peaks, peaks=peaks.peaks[:k] + peaks.peaks[k + 1 :])


def _with_one(found: Fit, shifts: PredictedShifts) -> Iterator[PeakList]:
    ends = shifts.distribution.quantiles([(1 - WIDE_LEVEL) / 2, (1 + WIDE_LEVEL) / 2])
    tells = all(peak.multiplicity for peak in found.peaks.peaks)
    for group in found.prediction.groups:
        told = group.multiplicity if tells else None
        for ppm in ends[group.atoms[0]].tolist():
            more = Peak(ppm, multiplicity=told)
            yield replace(found.peaks, peaks=(*found.peaks.peaks, more))
