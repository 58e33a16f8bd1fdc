"""What speaks for the truth being among some candidates, in numbers that a calibration weighs."""

import math
from collections.abc import Sequence

import numpy as np

from nmrflow.answers.fit import TOLERANCE_PPM, Fit

_LEAST = 1e-4  # Beyond this a probability counts no more.
_MOST_LEAD = 10.0
_MOST_WORST_PPM = 30.0  # Beyond it a peak is as wrong as can be.


def evidence(  # noqa: PLR0913 - most by name
    log_p: Sequence[float],
    scores: Sequence[float],
    rivals: Sequence[float],
    tension: float,
    n_extra: int = 0,
    n_missing: int = 0,
    density: float = 0.0,
    worst_ppm: float = 0.0,
    *,
    knows_formula: bool = False,
) -> dict[str, float]:
    """What speaks for, or against, the truth being among some candidates.

    Args:
        log_p: log p(structure | spectrum) of each, in nats; at least one.
        scores: Of each, as of :class:`Candidate`.
        rivals: Scores of other structures that the network proposes for the spectrum.
        tension: Of the first candidate, as of :class:`nmrflow.answers.fit.Fit`.
        n_extra: Of the first candidate, peaks too many.
        n_missing: The same, carbons too many.
        density: The same, the mean log density of its peaks.
        worst_ppm: The same, the largest deviation of a peak.
        knows_formula: Whether all of them are of a formula that was told.

    Returns:
        ``mass``: the logit of the probability that the network itself gives to all of them;
        ``lead``: how far their scores are above those of the rivals, in nats;
        ``tension`` and ``density``; ``worst``: the largest deviation, in 5 ppm, 6 at most;
        ``extra`` and ``missing``: whether there is such a peak or carbon. Of several the first
        counts alone, since mass, lead and tension know of them too; ``formula``: whether it was
        told.
    """
    mass = float(np.exp(np.logaddexp.reduce(log_p)).clip(_LEAST, 1 - _LEAST))
    # Of no rivals the sum is nothing, its logarithm minus infinity.
    lead = np.logaddexp.reduce(scores) - np.logaddexp.reduce(rivals)
    return {
        "mass": math.log(mass) - math.log1p(-mass),
        "lead": float(np.clip(lead, -_MOST_LEAD, _MOST_LEAD)),
        **_of_fit(tension, density, worst_ppm),
        "extra": float(n_extra > 0),
        "missing": float(n_missing > 0),
        "formula": float(knows_formula),
    }


def evidence_of_fit(found: Fit) -> dict[str, float]:
    """The part of :func:`evidence` that is of the first candidate's fit, but for what is left."""
    return _of_fit(found.tension, found.log_density, found.worst_ppm)


def _of_fit(tension: float, density: float, worst_ppm: float) -> dict[str, float]:
    worst = min(worst_ppm, _MOST_WORST_PPM) / TOLERANCE_PPM
    return {"tension": tension, "density": density, "worst": worst}
