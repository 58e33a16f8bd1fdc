"""What speaks for, or against, the truth being among some candidates."""

import math
from collections.abc import Sequence

import numpy as np

_LEAST = 1e-4  # Beyond this a probability counts no more.
_MOST_LEAD = 10.0


def evidence(
    log_p: Sequence[float], scores: Sequence[float], rivals: Sequence[float], tension: float
) -> dict[str, float]:
    """What speaks for, or against, the truth being among some candidates.

    Args:
        log_p: log p(structure | spectrum) of each, in nats; at least one.
        scores: Of each, as of :class:`nmrflow.answers.candidates.Candidate`.
        rivals: Scores of other structures that the network proposes for the spectrum.
        tension: Of the first candidate, as of :class:`nmrflow.answers.fit.Fit`.

    Returns:
        ``mass``: the logit of the probability that the network itself gives to all of them;
        ``lead``: how far their scores are above those of the rivals, in nats;
        ``tension``.
    """
    mass = float(np.exp(np.logaddexp.reduce(log_p)).clip(_LEAST, 1 - _LEAST))
    # Of no rivals the sum is nothing, its logarithm minus infinity.
    lead = np.logaddexp.reduce(scores) - np.logaddexp.reduce(rivals)
    return {
        "mass": math.log(mass) - math.log1p(-mass),
        "lead": float(np.clip(lead, -_MOST_LEAD, _MOST_LEAD)),
        "tension": tension,
    }
