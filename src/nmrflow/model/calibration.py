"""How far an answer can be trusted: probabilities that were calibrated on held-out spectra."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nmrflow.errors import CheckpointError

SUFFIX = ".calibration.json"
"""Ending of a calibration's file, which stands beside its checkpoint."""

EVIDENCE = {"mass", "lead", "tension", "density", "worst", "extra", "missing", "formula"}
"""What speaks for some candidates (:func:`nmrflow.answers.evidence.evidence`)."""

MAX_WEIGHT = 30.0
"""Larger ones, and intercepts, would make of any evidence a certainty."""

_MAX_PPM = 10_000.0
_SUFFIX_OF_FORMAT_1 = ".trust.json"


@dataclass(frozen=True)
class RankingWeights:
    """What counts in a candidate's score, where its consistency has weight 1.

    Args:
        log_p_weight: Of log p(structure | question).
        density_weight: Of the log density of its atoms' peaks. The consistency sees the peaks
            in bins only, but also what is missing.
    """

    log_p_weight: float = 0.0
    density_weight: float = 0.0


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
        return 0.5 * (1.0 + math.tanh(0.5 * (self.intercept + total)))


@dataclass(frozen=True)
class Calibration:
    """What held-out spectra say about a network's answers.

    Args:
        ranking: The weights that candidates are ordered by, and that the rest holds for.
        among: From the evidence to the probability that the truth is among candidates
            that the network proposed. None: that was not measured.
        given: The same of candidates that somebody gives, all of one formula.
        none_fits_below: Of given candidates that have less than this probability it is said
            that none fits.
        conditions: Data, split, seeds and numbers that the above was chosen on.
        widening: What predicted distributions are to be widened by, about their components'
            centres: networks that have seen much are surer of new molecules than they may be.
        alone: The same of one structure, where even odds are that it is the right one.
        no_fit_below: Of a structure that has less than this probability alone it is said that it
            does not fit.
        proposals: The weights that what the network proposes is ordered by, where those are
            others. Then, and where ``among`` was not measured, the ranking and all else are of
            given candidates alone, which are weighed without the network's likelihood.
        shifts_ppm: Lowest and highest shift that a molecule of the domain can have; there is no
            probability of spectra with others. None: not told.
    """

    ranking: RankingWeights
    among: Logistic | None
    given: Logistic
    none_fits_below: float
    conditions: Mapping[str, object]
    shifts_ppm: tuple[float, float] | None = None
    widening: float = 1.0
    alone: Logistic | None = None
    no_fit_below: float | None = None
    proposals: RankingWeights | None = None

    @property
    def is_of_given(self) -> bool:
        """Whether the ranking is of given candidates alone."""
        return self.among is None or self.proposals is not None

    def to_json(self) -> str:
        """As text, for :func:`read_calibration`."""
        plain: dict[str, Any] = {
            "ranking": asdict(self.ranking),
            "among": _plain(self.among),
            "given": _plain(self.given),
            "none_fits_below": self.none_fits_below,
            "shifts_ppm": self.shifts_ppm,
            "widening": self.widening,
            "conditions": dict(self.conditions),
        }
        if self.alone is not None:
            plain["alone"] = _plain(self.alone)
            plain["no_fit_below"] = self.no_fit_below
        if self.proposals is not None:
            plain["proposals"] = asdict(self.proposals)
        return json.dumps(plain, indent=1) + "\n"


def _plain(fitted: Logistic | None) -> dict[str, Any] | None:
    if fitted is None:
        return None
    return {"intercept": fitted.intercept, "weights": dict(fitted.weights)}


def read_calibration(file: Path, ranking: RankingWeights | None = None) -> Calibration:
    """Read what ``python -m nmrflow.evaluation.calibrate`` wrote.

    Args:
        file: The file.
        ranking: Of files from before they told it.

    Raises:
        CheckpointError: If the file is missing or damaged, or holds a number that no calibration
            could have.
    """
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        if ranking is not None and "ranking" not in plain:
            plain["ranking"] = asdict(ranking)
        among = plain["among"] and _read_logistic(plain["among"])
        return Calibration(
            _read_weights(plain["ranking"]),
            among,
            _read_logistic(plain["given"]),
            _number(plain["none_fits_below"], 0.0, 1.0),
            dict(plain["conditions"]),
            _read_range(plain.get("shifts_ppm")),
            _number(plain.get("widening", 1.0), 0.1, 10.0),
            _read_logistic(plain["alone"]) if "alone" in plain else None,
            _number(plain["no_fit_below"], 0.0, 1.0) if "alone" in plain else None,
            _read_weights(plain["proposals"]) if "proposals" in plain else None,
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"{file}: no calibration ({error}); python -m nmrflow.evaluation.calibrate makes one"
        ) from error


def _read_weights(plain: Mapping[str, Any]) -> RankingWeights:
    return RankingWeights(**{name: _number(weight) for name, weight in dict(plain).items()})


def _read_range(plain: Sequence[float] | None) -> tuple[float, float] | None:
    if plain is None:
        return None
    low, high = (_number(end, -_MAX_PPM, _MAX_PPM) for end in plain)
    if not low < high:
        raise ValueError(f"shifts_ppm {low:g} to {high:g} is no range")
    return low, high


def _read_logistic(plain: Mapping[str, Any]) -> Logistic:
    weights = {name: _number(weight) for name, weight in dict(plain["weights"]).items()}
    if unknown := set(weights) - EVIDENCE:
        raise ValueError(f"unknown evidence {', '.join(sorted(unknown))}")
    return Logistic(_number(plain["intercept"]), weights)


def _number(told: Any, low: float = -MAX_WEIGHT, high: float = MAX_WEIGHT) -> float:  # noqa: ANN401
    if type(told) not in (int, float) or not low <= told <= high:  # Nor is NaN.
        raise ValueError(f"{told!r} is no number from {low:g} to {high:g}")
    return float(told)


def find_calibration(checkpoint: Path, ranking: RankingWeights) -> Calibration | None:
    """The calibration beside a checkpoint file, None where there is none.

    Args:
        checkpoint: The file.
        ranking: As the checkpoint's own configuration says it.

    Raises:
        CheckpointError: If it is damaged.
    """
    for suffix in (SUFFIX, _SUFFIX_OF_FORMAT_1):
        file = checkpoint.with_suffix(suffix)
        if file.exists():
            return read_calibration(file, ranking)
    return None
