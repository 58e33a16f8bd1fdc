"""From a spectrum to structures: the network's own proposals, or somebody's candidates."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmrflow.answers.fit import Fit, fit
from nmrflow.answers.prediction import LEVEL
from nmrflow.answers.query import Asked, Query, ask
from nmrflow.chem.structure import Structure
from nmrflow.errors import SpectrumError
from nmrflow.inference import TrainedFlow
from nmrflow.metrics.calibration import log_likelihood
from nmrflow.trust import Logistic, evidence

N_SAMPLES = 600
N_SHOWN = 10
N_RIVAL_SAMPLES = 300
"""Draws of the network's own candidates, which those that somebody gives must stand up to."""

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


@dataclass(frozen=True)
class Elucidation:
    """The network's own candidates for a query.

    Args:
        query: What was asked.
        candidates: Best first, those asked for.
        n_distinct: Number of distinct molecules drawn, of which they are the first.
        n_samples: Number of draws.
        n_invalid: Draws that are no molecule, or none of the formula.
        seed: Of the draws.
    """

    query: Query
    candidates: tuple[Candidate, ...]
    n_distinct: int
    n_samples: int
    n_invalid: int
    seed: int

    @property
    def probability(self) -> float | None:
        """Calibrated probability that the truth is among the candidates, 0 without any."""
        return self.candidates[-1].probability if self.candidates else 0.0


@dataclass(frozen=True)
class Ranking:
    """Somebody's candidates for a query, in order.

    Args:
        query: What was asked.
        candidates: Best first.
        none_fits: Whether probably none of them is the truth; None without a calibration.
    """

    query: Query
    candidates: tuple[Candidate, ...]
    none_fits: bool | None

    @property
    def probability(self) -> float | None:
        """Calibrated probability that the truth is among the candidates."""
        return self.candidates[-1].probability


def elucidate(
    model: TrainedFlow,
    peaks: Asked,
    *,
    formula: str | None = None,
    n_samples: int = N_SAMPLES,
    seed: int = 0,
    n_shown: int = N_SHOWN,
) -> Elucidation:
    """Draw structures for a spectrum and order them.

    Args:
        model: The network.
        peaks: The spectrum.
        formula: As C10H14, if it is known.
        n_samples: Draws; more of them find rarer structures.
        seed: Of the draws: the same gives the same list.
        n_shown: Most candidates returned.

    Raises:
        SpectrumError: If the network has no likelihood, a number is below 1, or as
            :func:`nmrflow.answers.query.ask`.
        StructureError: If the formula is none of a hydrocarbon of 2 to 17 carbons.

    Example:
        >>> import nmrflow
        >>> model = nmrflow.load_pretrained("hydrocarbons")
        >>> toluene = "137.9, 129.1, 128.3, 125.3, 21.5"
        >>> elucidate(model, toluene, n_samples=50).candidates[0].structure.connectivity
        'Cc1ccccc1'
    """
    if n_shown < 1:
        raise SpectrumError(f"n_shown={n_shown}: at least 1")
    query = ask(peaks, model.axis, formula=formula)
    told = None if query.formula is None else [query.formula]
    (drawn,) = model.propose_structures([query.shifts_ppm], n_samples, seed, told)
    n_sampled: Counter[str] = Counter()
    distinct: dict[str, Structure] = {}
    logits = []
    for proposal in drawn:
        structure = proposal.structure
        # Told a formula, the network may still, rarely, draw another.
        if structure is not None and query.formula in (None, structure.formula):
            if structure.connectivity not in distinct:
                distinct[structure.connectivity] = structure
                logits.append(proposal.logits)
            n_sampled[structure.connectivity] += 1
    found = [
        replace(candidate, n_sampled=n_sampled[candidate.structure.connectivity])
        for candidate in weigh(model, query, list(distinct.values()), logits)
    ]
    all_scores = scores_of(found)
    among = model.trust.among if model.trust else None
    shown = _with_probabilities(_order(found)[:n_shown], all_scores, among)
    n_invalid = len(drawn) - n_sampled.total()
    return Elucidation(query, shown, len(distinct), n_samples, n_invalid, seed)


def rank(
    model: TrainedFlow,
    peaks: Asked,
    structures: Sequence[Structure | str],
    *,
    formula: str | None = None,
) -> Ranking:
    """Order somebody's candidates by how well they fit a spectrum.

    The order does not depend on that of the input. Where all candidates have one formula, and
    the query tells none, that formula is taken as known.

    Args:
        model: The network.
        peaks: The spectrum.
        structures: The candidates, or their SMILES; one that is given twice is listed twice.
        formula: As C10H14, if it is known.

    Raises:
        StructureError: If there is no candidate, one lies outside the network's domain, or the
            formula is none.
        SpectrumError: If the network has no likelihood, or as
            :func:`nmrflow.answers.query.ask`.
    """
    query = ask(peaks, model.axis, formula=formula)
    structures = model.read_structures(structures)
    formulas = {structure.formula for structure in structures}
    if query.formula is None and len(formulas) == 1:
        query = replace(query, formula=formulas.pop())
    weighed = weigh(model, query, structures)
    ordered = _order([replace(candidate, place=k) for k, candidate in enumerate(weighed)])
    if model.trust is None:
        return Ranking(query, ordered, None)
    rivals = elucidate(model, query, n_samples=N_RIVAL_SAMPLES, n_shown=N_RIVAL_SAMPLES)
    ordered = _with_probabilities(ordered, scores_of(rivals.candidates), model.trust.given)
    everything = ordered[-1].probability or 0.0
    return Ranking(query, ordered, everything < model.trust.none_fits_below)


def weigh(
    model: TrainedFlow,
    query: Query,
    structures: Sequence[Structure],
    logits: Sequence[NDArray[np.floating]] | None = None,
) -> list[Candidate]:
    """Each structure against a query, in the order given; errors as of :func:`rank`.

    A structure of another formula than the query's has a log p of minus infinity.

    Args:
        model: The network.
        query: The spectrum.
        structures: Any number.
        logits: Of the bits of each structure's predicted code, where they are known already.
    """
    if not structures:
        return []
    code = model.axis.code_from_shifts(query.shifts_ppm)
    predicted = model.predict_logits(structures) if logits is None else np.stack(logits)
    consistency = log_likelihood(predicted, code)
    log_p = _log_p(model, query, structures)
    fits = [fit(shifts, query.peaks) for shifts in model.predict_shifts(structures, LEVEL)]
    fits = [_with_formula(found, query.formula) for found in fits]
    weight = model.log_p_weight
    return [
        Candidate(
            structure,
            float(log_p[k]),
            float(consistency[k]),
            fits[k],
            float(
                consistency[k]
                + (weight * log_p[k] if weight else 0.0)
                + DENSITY_WEIGHT * structure.n_atoms * fits[k].log_density
            ),
        )
        for k, structure in enumerate(structures)
    ]


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


def _order(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
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


def _with_probabilities(
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
    """As :func:`nmrflow.trust.evidence`, of distinct candidates, best first.

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
