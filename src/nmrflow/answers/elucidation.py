"""From a spectrum to structures: the network's own, somebody's candidates, or a known one."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from nmrflow.answers.assignment import explains
from nmrflow.answers.candidates import (
    Candidate,
    order,
    scores_of,
    settled,
    weigh,
    weigh_drawn,
    with_probabilities,
)
from nmrflow.answers.conditions import of_question
from nmrflow.answers.left_over import readings_of_first
from nmrflow.answers.outside import why_outside
from nmrflow.answers.question import ask, best_reading
from nmrflow.chem.structure import Structure
from nmrflow.errors import SpectrumError
from nmrflow.limits import MAX_PEAKS_PER_ATOM
from nmrflow.model.drawing import N_SAMPLES, WHOLE, WIDE_BEAM, Pace, find
from nmrflow.model.questions import Asked
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.question import Conditions, Question

N_SHOWN = 10


@dataclass(frozen=True)
class Elucidation:
    """The network's own candidates for a question.

    Args:
        question: What was asked.
        candidates: Best first, those asked for.
        n_distinct: Number of distinct molecules drawn, of which they are the first.
        n_samples: Number of draws, or of what the beam has found.
        n_invalid: Of these, what is no molecule, none of the formula, or without a spectrum.
        seed: Of the draws.
        outside: Why such a spectrum has no probability, in words.
        is_calibrated: Whether there is a calibration of what the network proposes.
        ruled_out: Of what was found, molecules that a condition rules out, by what it says.
    """

    question: Question
    candidates: tuple[Candidate, ...]
    n_distinct: int
    n_samples: int
    n_invalid: int
    seed: int
    outside: str | None = None
    is_calibrated: bool = True
    ruled_out: Counter[str] = field(default_factory=Counter)

    @property
    def probability(self) -> float | None:
        """Calibrated probability that the truth is among the candidates, 0 without any.

        None where there is no calibration, or it holds for no such spectrum.
        """
        if not self.candidates:
            return 0.0 if self.is_calibrated and not self.outside else None
        return self.candidates[-1].probability

    @property
    def mass(self) -> float:
        """The probability that the network itself gives to the candidates together."""
        return sum(math.exp(c.log_p) for c in self.candidates if c.log_p is not None)


@dataclass(frozen=True)
class Ranking:
    """Somebody's candidates for a question, in order.

    Args:
        question: What was asked.
        candidates: Best first.
        none_fits: Whether probably none of them is the truth; None without a probability.
        outside: As of :class:`Elucidation`.
    """

    question: Question
    candidates: tuple[Candidate, ...]
    none_fits: bool | None
    outside: str | None = None

    @property
    def probability(self) -> float | None:
        """Calibrated probability that the truth is among the candidates."""
        return self.candidates[-1].probability


def elucidate(  # noqa: PLR0913 - most by name
    model: TrainedFlow,
    peaks: Asked,
    *,
    formula: str | None = None,
    conditions: Conditions | None = None,
    n_samples: int | None = None,
    seed: int = 0,
    n_shown: int = N_SHOWN,
    pace: Pace = WHOLE,
) -> Elucidation:
    """Find structures for a spectrum and order them.

    Args:
        model: The network.
        peaks: The spectrum.
        formula: As C10H14, if it is known.
        conditions: What else is known: exact numbers are told to a network that takes them, all
            else is made sure of afterwards, and what it rules out is counted.
        n_samples: Draws, which find rarer structures the more there are; None: as
            :func:`nmrflow.model.drawing.find` does best.
        seed: Of the draws: the same gives the same list.
        n_shown: Most candidates returned.
        pace: How widely to look, and what stops it.

    Raises:
        SpectrumError: If the network has no likelihood, a number is below 1, there are far more
            peaks than a molecule that it knows can have, or as
            :func:`nmrflow.answers.question.ask`.
        StructureError: If the formula or the conditions are of no molecule that the network
            knows.

    Example:
        >>> import nmrflow
        >>> model = nmrflow.load_pretrained("hydrocarbons")
        >>> toluene = "137.9, 129.1, 128.3, 125.3, 21.5"
        >>> elucidate(model, toluene, n_samples=50).candidates[0].structure.connectivity
        'Cc1ccccc1'
    """
    if n_shown < 1:
        raise SpectrumError(f"n_shown={n_shown}: at least 1")
    if not model.has_likelihood:
        _ = model.flow  # Where there is none, this says so.
        raise SpectrumError("this network has no likelihood of structures")
    question = ask(peaks, model.axis, formula=formula, domain=model.domain, conditions=conditions)
    n_peaks, most = len(question.peaks.peaks), model.domain.max_atoms
    if n_peaks > MAX_PEAKS_PER_ATOM * most:
        raise SpectrumError(
            f"{n_peaks} peaks are more than {MAX_PEAKS_PER_ATOM} for each of the {most} "
            f"{question.nucleus.noun}s of the greatest molecule that this network knows; leave "
            "out noise and other compounds"
        )

    def answer(own: Question) -> tuple[Elucidation, float]:
        found = _elucidate(model, own, n_samples, seed, n_shown, pace)
        return found, _score(found.candidates, own)

    return best_reading(question, model.domain.max_atoms, answer)[1]


def _elucidate(
    model: TrainedFlow,
    question: Question,
    n_samples: int | None,
    seed: int,
    n_shown: int,
    pace: Pace = WHOLE,
) -> Elucidation:
    kept = _keep(model, question, find(model, question, n_samples, seed, pace), n_shown)
    lacks = kept.ruled_out and len(kept.best) < n_shown
    if n_samples is None and lacks and pace.width == WHOLE.width and not pace.is_stopped():
        # Where conditions leave little, further prefixes may hold what they ask for.
        wide = replace(pace, width=WIDE_BEAM)
        kept = _keep(model, question, find(model, question, None, seed, wide), n_shown)
    outside = why_outside(model, question)
    among = model.calibration.among if model.calibration else None
    shown = settled(model, question, order(kept.best))
    if among is not None and not outside:
        knows_formula = question.formula is not None
        shown = with_probabilities(shown, kept.scores, among, knows_formula=knows_formula)
    counts = kept.n_distinct, kept.n_found, kept.n_invalid, seed
    is_calibrated = among is not None
    return Elucidation(question, shown, *counts, outside, is_calibrated, kept.ruled_out)


class _Kept(NamedTuple):
    best: tuple[Candidate, ...]
    scores: dict[str, float]
    n_distinct: int
    n_found: int
    n_invalid: int
    ruled_out: Counter[str]


def _keep(
    model: TrainedFlow, question: Question, found: Iterable[list[Proposal]], n_shown: int
) -> _Kept:
    n_drawn: Counter[str] = Counter()
    all_scores: dict[str, float] = {}
    best: tuple[Candidate, ...] = ()
    n_invalid = n_found = 0
    ruled_out = Counter[str]()
    # Some at a time, of which only scores and the best stay: memory does not grow with draws.
    for drawn in found:
        valid = of_question(drawn, question)
        n_found += len(drawn)
        n_invalid += valid.n_invalid
        ruled_out += valid.ruled_out
        own = [p for p in valid.proposals if p.structure]
        new = [p for p in own if p.structure and p.structure.connectivity not in n_drawn]
        n_drawn.update(p.structure.connectivity for p in own if p.structure)
        weighed = weigh_drawn(model, question, new)
        all_scores |= scores_of(weighed)
        best = order([*best, *weighed])[:n_shown]
    best = tuple(replace(c, n_sampled=n_drawn[c.structure.connectivity]) for c in best)
    return _Kept(best, all_scores, len(n_drawn), n_found, n_invalid, ruled_out)


def _score(candidates: Sequence[Candidate], question: Question) -> float:
    """Of the best candidate: nothing rules it out, and it explains the lines that were kept."""
    first = candidates[0] if candidates else None
    if first is None or first.contradiction or not explains(first.matched, question):
        return -math.inf
    return first.score


def rank(
    model: TrainedFlow,
    peaks: Asked,
    structures: Sequence[Structure | str],
    *,
    formula: str | None = None,
) -> Ranking:
    """Order somebody's candidates by how well they fit a spectrum.

    The order does not depend on that of the input. Where all candidates have one formula, and
    the question tells none, that formula is taken as known.

    Args:
        model: The network.
        peaks: The spectrum.
        structures: The candidates, or their SMILES; one that is given twice is listed twice.
        formula: As C10H14, if it is known.

    Raises:
        StructureError: If there is no candidate, one lies outside the network's domain, or the
            formula is none.
        SpectrumError: As :func:`nmrflow.answers.question.ask`.
    """
    question = ask(peaks, model.axis, formula=formula, domain=model.domain)
    structures = model.read_structures(structures)
    formulas = {structure.formula for structure in structures}
    may_tell = model.predicts_shifts or not model.network.has_flow
    is_told = may_tell and not any(structure.charges for structure in structures)
    if question.formula is None and len(formulas) == 1 and is_told:
        question = replace(question, formula=formulas.pop())

    def answer(own: Question) -> tuple[tuple[Candidate, ...], float]:
        weighed = weigh(model, own, structures)
        found = order([replace(candidate, place=k) for k, candidate in enumerate(weighed)])
        return found, _score(found, own)

    question, ordered = best_reading(question, model.domain.max_atoms, answer)
    ordered = settled(model, question, ordered)
    outside = why_outside(model, question)
    if model.calibration is None or outside:
        return Ranking(question, ordered, None, outside)
    rivals: Sequence[Candidate] = ()
    if model.weighs_likelihood:
        rivals = _elucidate(model, question, N_SAMPLES, 0, N_SAMPLES).candidates
    scores, given = scores_of(rivals), model.calibration.given
    # Below which of it none is said to fit was found with what is left over read at its best.
    at_best = with_probabilities(ordered, scores, given)[-1].probability or 0.0
    readings = readings_of_first(model, question, ordered)
    ordered = with_probabilities(ordered, scores, given, readings)
    return Ranking(question, ordered, at_best < model.calibration.none_fits_below)
