"""A structure against a question: what speaks for it, and its place among others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmrflow.answers.evidence import evidence, evidence_of_fit
from nmrflow.answers.fit import Fit, fit
from nmrflow.answers.prediction import LEVEL, CarbonGroup
from nmrflow.chem.notation import order_of_smiles
from nmrflow.chem.structure import Structure
from nmrflow.errors import CheckpointError, SpectrumError
from nmrflow.metrics.calibration import log_likelihood
from nmrflow.model.calibration import Logistic, RankingWeights
from nmrflow.model.drawing import log_p_of_drawn
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.question import Question


@dataclass(frozen=True)
class Candidate:
    """A structure against a question.

    Args:
        structure: The molecule.
        consistency: Log-likelihood of the spectrum's code under the molecule's own predicted
            spectrum, in nats.
        log_p: log p(structure | spectrum), or given the formula too, in nats; None where the
            network has no likelihood.
        matched: Its atoms against the peaks; None where the network predicts bits only.
        score: What candidates are ordered by; those that multiplicities or the formula rule out
            come last.
        n_sampled: How often the network drew it; None of one that somebody gave.
        place: Of one that somebody gave its position among those, from 0.
        probability: Calibrated probability that the truth is among this candidate and all
            before it; None where the network has no calibration.
    """

    structure: Structure
    consistency: float
    log_p: float | None
    matched: Fit | None
    score: float
    n_sampled: int | None = None
    place: int | None = None
    probability: float | None = None

    @property
    def fit(self) -> Fit:
        """Its atoms against the peaks.

        Raises:
            SpectrumError: If the network predicts bits only.
        """
        if self.matched is None:
            raise SpectrumError("this network predicts bits, and no carbon's shift")
        return self.matched

    @property
    def contradiction(self) -> str | None:
        """Why something rules it out, in words, or None."""
        return None if self.matched is None else self.matched.contradiction


def weigh(
    model: TrainedFlow, question: Question, structures: Sequence[Structure]
) -> list[Candidate]:
    """Each structure against a question, in the order given.

    A structure of another formula than the question's has a log p of minus infinity.

    Raises:
        StructureError: If there is none, or one lies outside the network's domain.
    """
    if not model.weighs_likelihood:
        return _weigh(model, question, structures, None, model.ranking)
    log_p = np.full(len(structures), -np.inf)
    same = [k for k, s in enumerate(structures) if question.formula in (None, s.formula)]
    if same:
        log_p[same] = model.log_p([structures[k] for k in same], [question] * len(same))
    return _weigh(model, question, structures, log_p, model.ranking)


def weigh_drawn(
    model: TrainedFlow, question: Question, proposals: Sequence[Proposal]
) -> list[Candidate]:
    """The distinct molecules among a question's proposals, as they were first drawn."""
    first: dict[str, Proposal] = {}
    n_drawn: Counter[str] = Counter()
    for proposal in proposals:
        if proposal.structure is not None:
            first.setdefault(proposal.structure.connectivity, proposal)
            n_drawn[proposal.structure.connectivity] += 1
    if not first:
        return []
    structures = [p.structure for p in first.values() if p.structure is not None]
    has_log_p = model.has_likelihood
    log_p = log_p_of_drawn(model, [*first.values()], question) if has_log_p else None
    return [
        replace(candidate, n_sampled=n_drawn[candidate.structure.connectivity])
        for candidate in _weigh(model, question, structures, log_p, model.proposal_ranking)
    ]


def settled(
    model: TrainedFlow, question: Question, candidates: Sequence[Candidate]
) -> tuple[Candidate, ...]:
    """The candidates with peaks of their own for diastereotopic carbons, where some are left over.

    Scores stay: they are of what the bonds alone say, which is what they were chosen for.
    """
    may = [k for k, one in enumerate(candidates) if one.matched and one.matched.may_split]
    found = list(candidates)
    if may:
        predicted = model.predict_shifts([found[k].structure for k in may], LEVEL)
        for k, shifts in zip(may, predicted, strict=True):
            own = fit(shifts, question.peaks, model.axis.nucleus, splits=True)
            found[k] = replace(found[k], matched=_with_formula(own, question.formula))
    return tuple(found)


def in_order_of_smiles(candidate: Candidate) -> Candidate:
    """The candidate with its atoms numbered as the SMILES that is printed of it writes them."""
    written = order_of_smiles(candidate.structure)
    if candidate.matched is None or list(written) == sorted(written):
        return candidate
    structure, found = candidate.structure.permuted(written), candidate.matched
    place = {old: new for new, old in enumerate(written)}

    def numbered(group: CarbonGroup) -> CarbonGroup:
        return replace(group, atoms=tuple(sorted(place[atom] for atom in group.atoms)))

    groups = tuple(numbered(group) for group in found.prediction.groups)
    assigned = tuple(replace(pair, group=numbered(pair.group)) for pair in found.assigned)
    prediction = replace(found.prediction, structure=structure, groups=groups)
    matched = replace(found, prediction=prediction, assigned=assigned)
    return replace(candidate, structure=structure, matched=matched)


def _weigh(
    model: TrainedFlow,
    question: Question,
    structures: Sequence[Structure],
    log_p: NDArray[np.float64] | None,
    weights: RankingWeights,
) -> list[Candidate]:
    code = question.code(model.axis)
    fits: list[Fit | None] = [None] * len(structures)
    if model.predicts_shifts:
        # One distribution for both: what a code says, and what each peak does.
        parts, logits = [], []
        for part, distribution in model.predict_parts(structures, LEVEL):
            matched = (fit(one, question.peaks, model.axis.nucleus) for one in part)
            parts += [_with_formula(one, question.formula) for one in matched]
            logits.append(distribution.logits(model.axis).numpy())
        fits, consistency = [*parts], log_likelihood(np.concatenate(logits), code)
    else:
        consistency = log_likelihood(model.predict_logits(structures), code)
    if not np.isfinite(consistency).all() or (log_p is not None and np.isnan(log_p).any()):
        raise CheckpointError(
            "the network gives no number for how well a structure fits: its weights are damaged; "
            "fetch them again, or train once more"
        )
    found = []
    for k, (structure, own) in enumerate(zip(structures, fits, strict=True)):
        score = float(consistency[k])
        if own is not None and weights.density_weight:
            score += weights.density_weight * own.log_likelihood
        known = None if log_p is None else float(log_p[k])
        if known is not None and weights.log_p_weight:
            score += weights.log_p_weight * known
        found.append(Candidate(structure, float(consistency[k]), known, own, score))
    return found


def _with_formula(found: Fit, formula: str | None) -> Fit:
    own = found.prediction.structure.formula
    if formula in (None, own):
        return found
    return replace(found, contradiction=f"its formula is {own}, not {formula}")


def order(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Best first, whatever order they come in; those that something rules out last."""

    def key(c: Candidate) -> tuple[Any, ...]:
        density = 0.0 if c.matched is None else -c.matched.log_density
        own = (c.structure.connectivity, c.structure.bonds)
        return (c.contradiction is not None, -c.score, density, -(c.n_sampled or 0), *own)

    return tuple(sorted(candidates, key=key))


def with_probabilities(
    ordered: Sequence[Candidate],
    all_scores: Mapping[str, float],
    calibrated: Logistic | None,
    readings: Sequence[Fit] = (),
    *,
    knows_formula: bool = False,
) -> tuple[Candidate, ...]:
    """The candidates, each with the probability of all up to it, which never falls.

    Args:
        ordered: Best first.
        all_scores: Of every structure that competes, by connectivity.
        calibrated: From the evidence to the probability.
        readings: Of what the first candidate leaves over; the worst of them counts.
        knows_formula: As of :func:`nmrflow.answers.evidence.evidence`.
    """
    if calibrated is None:
        return tuple(ordered)
    found: list[Candidate] = []
    so_far: dict[str, Candidate] = {}
    probability = 0.0
    for candidate in ordered:
        if candidate.contradiction is None:
            so_far[candidate.structure.connectivity] = candidate
            told = evidence_of([*so_far.values()], all_scores, knows_formula=knows_formula)
            others = [{**told, **evidence_of_fit(one)} for one in readings]
            probability = max(probability, min(map(calibrated, [told, *others])))
        found.append(replace(candidate, probability=probability))
    return tuple(found)


def scores_of(candidates: Sequence[Candidate]) -> dict[str, float]:
    """Scores by connectivity of those that nothing rules out."""
    return {c.structure.connectivity: c.score for c in candidates if c.contradiction is None}


def evidence_of(
    candidates: Sequence[Candidate],
    all_scores: Mapping[str, float],
    *,
    knows_formula: bool = False,
) -> dict[str, float]:
    """As :func:`evidence`, of distinct candidates, best first.

    Args:
        candidates: At least one.
        all_scores: Of every structure that the network proposes, by connectivity.
        knows_formula: As of :func:`nmrflow.answers.evidence.evidence`.
    """
    own = {candidate.structure.connectivity for candidate in candidates}
    return evidence(
        [-np.inf if c.log_p is None else c.log_p for c in candidates],
        [candidate.score for candidate in candidates],
        [score for name, score in all_scores.items() if name not in own],
        candidates[0].fit.tension,
        candidates[0].fit.n_extra,
        candidates[0].fit.n_missing,
        candidates[0].fit.log_density,
        candidates[0].fit.worst_ppm,
        knows_formula=knows_formula,
    )
