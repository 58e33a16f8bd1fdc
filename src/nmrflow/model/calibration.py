"""How far an answer can be trusted: probabilities that were calibrated on held-out spectra."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit, logsumexp

from nmrflow.errors import CheckpointError

SUFFIX = ".trust.json"
"""Ending of a calibration's file, which stands beside its checkpoint."""

EVIDENCE = {"mass", "lead", "tension"}
"""Names of what :func:`evidence` returns."""

_LEAST = 1e-4  # Beyond this a probability counts no more.
_MOST_LEAD = 10.0


@dataclass(frozen=True)
class Logistic:
    """A logistic regression on a few numbers with names.

    Args:
        intercept: Its constant.
        weights: Weight of each number.
    """

    intercept: float
    weights: Mapping[str, float]

    def __call__(self, numbers: Mapping[str, float]) -> float:
        """The probability that follows from the numbers; those without a weight do not count."""
        total = sum(weight * numbers[name] for name, weight in self.weights.items())
        return float(expit(self.intercept + total))


@dataclass(frozen=True)
class Trust:
    """What held-out spectra say about a network's answers.

    Args:
        among: From :func:`evidence` to the probability that the truth is among candidates
            that the network proposed.
        given: The same of candidates that somebody gives, all of one formula.
        none_fits_below: Of given candidates that have less than this probability it is said
            that none fits.
        conditions: Data, split, seeds and numbers that the above was chosen on.
    """

    among: Logistic
    given: Logistic
    none_fits_below: float
    conditions: Mapping[str, object]

    def to_json(self) -> str:
        """As text, for :func:`read_trust`."""
        plain = {
            "among": {"intercept": self.among.intercept, "weights": dict(self.among.weights)},
            "given": {"intercept": self.given.intercept, "weights": dict(self.given.weights)},
            "none_fits_below": self.none_fits_below,
            "conditions": dict(self.conditions),
        }
        return json.dumps(plain, indent=1) + "\n"


def read_trust(file: Path) -> Trust:
    """Read what ``python -m nmrflow.evaluation.calibrate`` wrote.

    Raises:
        CheckpointError: If the file is missing or damaged.
    """
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        among, given = (_read_logistic(plain[key]) for key in ("among", "given"))
        return Trust(among, given, float(plain["none_fits_below"]), plain["conditions"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{file}: no calibration ({error}); python -m nmrflow.evaluation.calibrate makes one"
        ) from error


def _read_logistic(plain: Mapping[str, Any]) -> Logistic:
    weights = {name: float(weight) for name, weight in dict(plain["weights"]).items()}
    if unknown := set(weights) - EVIDENCE:
        raise ValueError(f"unknown evidence {', '.join(sorted(unknown))}")
    return Logistic(float(plain["intercept"]), weights)


def find_trust(checkpoint: Path) -> Trust | None:
    """The calibration beside a checkpoint file, None where there is none.

    Raises:
        CheckpointError: If it is damaged.
    """
    file = checkpoint.with_suffix(SUFFIX)
    return read_trust(file) if file.exists() else None


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
    mass = min(max(float(np.exp(logsumexp(log_p))), _LEAST), 1 - _LEAST)
    lead = logsumexp(scores) - (logsumexp(rivals) if len(rivals) else -np.inf)
    return {
        "mass": math.log(mass) - math.log1p(-mass),
        "lead": float(np.clip(lead, -_MOST_LEAD, _MOST_LEAD)),
        "tension": tension,
    }
