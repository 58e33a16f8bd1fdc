"""A structure against a query: what speaks for it, and its place among others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmrflow.answers.fit import Fit, fit
from nmrflow.answers.prediction import LEVEL
from nmrflow.answers.question import Query
from nmrflow.chem.structure import Structure
from nmrflow.metrics.calibration import log_likelihood
from nmrflow.model.calibration import Logistic, evidence
from nmrflow.model.trained import TrainedFlow

DENSITY_WEIGHT = 0.75
"""Weight, in a candidate's score, of the log density of its carbons' peaks.

The consistency, of weight 1, sees the peaks in bins of 1.6 ppm only, but also what is missing.
Chosen on the inner split of seed 0: ``docs/elucidation.md``.
"""


@dataclass(frozen=True)
class Candidate:
    """A structure against a query.

    Args:
        structure: The molecule.
        log_p: log p(structure | spectrum), or given the formula too, in nats.
        consistency: Log-likelihood of the spectrum's code under the molecule's own predicted
            spectrum, in nats.
        fit: Its carbons against the peaks.
        score: What candidates are ordered by; those that multiplicities or the formula rule out
            come last.
        n_sampled: How often the network drew it; None of one that somebody gave.
        place: Of one that somebody gave its position among those, from 0.
        probability: Calibrated probability that the truth is among this candidate and all
            before it; None where the network has no calibration.
    """

    structure: Structure
    log_p: float
    consistency: float
    fit: Fit
    score: float
    n_sampled: int | None = None
    place: int | None = None
    probability: float | None = None


def weigh(model: TrainedFlow, query: Query, structures: Sequence[Structure]) -> list[Candidate]:
    """Each structure against a query, in the order given.

    A structure of another formula than the query's has a log p of minus infinity.

    Raises:
        StructureError: If there is none, or one lies outside the network's domain.
        SpectrumError: If the network has no likelihood.
    """
    code = model.axis.code_from_shifts(query.shifts_ppm)
    consistency = log_likelihood(model.predict_logits(structures), code)
    return gather(model, query, structures, consistency, _log_p(model, query, structures))


def gather(
    model: TrainedFlow,
    query: Query,
    structures: Sequence[Structure],
    consistency: Sequence[float] | NDArray[np.float64],
    log_p: Sequence[float] | NDArray[np.float64],
) -> list[Candidate]:
    """Candidates of which consistency and log p are known, in the order given.

    Args:
        model: The network.
        query: The spectrum.
        structures: At least one.
        consistency: Of each.
        log_p: Of each.
    """
    weight = model.log_p_weight
    found = []
    for k, shifts in enumerate(model.predict_shifts(structures, LEVEL)):
        own = _with_formula(fit(shifts, query.peaks, model.axis.nucleus), query.formula)
        score = consistency[k] + DENSITY_WEIGHT * structures[k].n_atoms * own.log_density
        score += weight * log_p[k] if weight else 0.0
        found.append(
            Candidate(structures[k], float(log_p[k]), float(consistency[k]), own, float(score))
        )
    return found


def _with_formula(found: Fit, formula: str | None) -> Fit:
    own = found.prediction.structure.formula
    if formula in (None, own):
        return found
    return replace(found, contradiction=f"its formula is {own}, not {formula}")


def _log_p(
    model: TrainedFlow, query: Query, structures: Sequence[Structure]
) -> NDArray[np.float64]:
    if query.formula is None:
        return model.log_p(structures, [query.shifts_ppm] * len(structures))
    log_p = np.full(len(structures), -np.inf)
    same = [k for k, structure in enumerate(structures) if structure.formula == query.formula]
    if same:
        log_p[same] = model.log_p(
            [structures[k] for k in same],
            [query.shifts_ppm] * len(same),
            [query.formula] * len(same),
        )
    return log_p


def order(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Best first, whatever order they come in; those that something rules out last."""
    return tuple(
        sorted(
            candidates,
            key=lambda c: (
                c.fit.contradiction is not None,
                -c.score,
                -c.fit.log_density,
                c.structure.connectivity,
                c.structure.bonds,
            ),
        )
    )


def with_probabilities(
    ordered: Sequence[Candidate], all_scores: Mapping[str, float], calibrated: Logistic | None
) -> tuple[Candidate, ...]:
    """The candidates, each with the probability of all up to it, which never falls.

    Args:
        ordered: Best first.
        all_scores: Of every structure that competes, by connectivity.
        calibrated: From the evidence to the probability.
    """
    if calibrated is None:
        return tuple(ordered)
    found: list[Candidate] = []
    so_far: dict[str, Candidate] = {}
    probability = 0.0
    for candidate in ordered:
        if candidate.fit.contradiction is None:
            so_far[candidate.structure.connectivity] = candidate
            probability = max(probability, calibrated(evidence_of([*so_far.values()], all_scores)))
        found.append(replace(candidate, probability=probability))
    return tuple(found)


def scores_of(candidates: Sequence[Candidate]) -> dict[str, float]:
    """Scores by connectivity of those that nothing rules out."""
    return {c.structure.connectivity: c.score for c in candidates if c.fit.contradiction is None}


def evidence_of(
    candidates: Sequence[Candidate], all_scores: Mapping[str, float]
) -> dict[str, float]:
    """As :func:`nmrflow.model.calibration.evidence`, of distinct candidates, best first.

    Args:
        candidates: At least one.
        all_scores: Of every structure that the network proposes, by connectivity.
    """
    own = {candidate.structure.connectivity for candidate in candidates}
    return evidence(
        [candidate.log_p for candidate in candidates],
        [candidate.score for candidate in candidates],
        [score for name, score in all_scores.items() if name not in own],
        candidates[0].fit.tension,
    )
