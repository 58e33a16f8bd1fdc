"""From a spectrum to structures: the network's own proposals, or somebody's candidates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nmrflow.answers.candidates import (
    Candidate,
    gather,
    order,
    scores_of,
    weigh,
    with_probabilities,
)
from nmrflow.answers.question import Asked, Query, ask
from nmrflow.chem.structure import Structure
from nmrflow.errors import SpectrumError
from nmrflow.model.results import RankedProposal
from nmrflow.model.trained import TrainedFlow

N_SAMPLES = 600
"""Draws for a query, and for what stands against candidates that somebody gives."""

N_SHOWN = 10


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
            :func:`nmrflow.answers.question.ask`.
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
    if not model.takes_formula:
        raise SpectrumError("this network has no likelihood of structures")
    # Told a formula, the network may still, rarely, draw another.
    valid = [
        proposal
        for proposal in drawn
        if proposal.structure and query.formula in (None, proposal.structure.formula)
    ]
    ranked = model.rank(valid, query.shifts_ppm, query.formula)
    found = [
        replace(candidate, n_sampled=one.n_drawn)
        for candidate, one in zip(_gather(model, query, ranked), ranked, strict=True)
    ]
    all_scores = scores_of(found)
    among = model.trust.among if model.trust else None
    shown = with_probabilities(order(found)[:n_shown], all_scores, among)
    return Elucidation(query, shown, len(found), n_samples, len(drawn) - len(valid), seed)


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
            :func:`nmrflow.answers.question.ask`.
    """
    query = ask(peaks, model.axis, formula=formula)
    structures = model.read_structures(structures)
    formulas = {structure.formula for structure in structures}
    if query.formula is None and len(formulas) == 1:
        query = replace(query, formula=formulas.pop())
    weighed = weigh(model, query, structures)
    ordered = order([replace(candidate, place=k) for k, candidate in enumerate(weighed)])
    if model.trust is None:
        return Ranking(query, ordered, None)
    rivals = elucidate(model, query, n_samples=N_SAMPLES, n_shown=N_SAMPLES)
    ordered = with_probabilities(ordered, scores_of(rivals.candidates), model.trust.given)
    everything = ordered[-1].probability or 0.0
    return Ranking(query, ordered, everything < model.trust.none_fits_below)


def _gather(model: TrainedFlow, query: Query, ranked: Sequence[RankedProposal]) -> list[Candidate]:
    log_p = [one.log_p for one in ranked if one.log_p is not None]
    if not ranked:
        return []
    structures = [one.structure for one in ranked]
    return gather(model, query, structures, [one.consistency for one in ranked], log_p)
