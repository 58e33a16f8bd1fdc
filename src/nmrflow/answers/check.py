"""Is a structure, with an assignment where one is given, consistent with a spectrum?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import torch

from nmrflow.answers.assignment import assign_shifts
from nmrflow.answers.evidence import evidence, evidence_of_fit
from nmrflow.answers.fit import Assigned, Fit, fit
from nmrflow.answers.left_over import readings
from nmrflow.answers.outside import why_outside
from nmrflow.answers.prediction import LEVEL, CarbonGroup
from nmrflow.answers.question import ask
from nmrflow.chem.structure import Structure
from nmrflow.errors import SpectrumError
from nmrflow.model.questions import Asked
from nmrflow.model.results import PredictedShifts
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.question import Question

DOUBTFUL_BELOW, NO_FIT_BELOW = 0.05, 0.005
"""Of the probability that a shift lies as far out of its predicted distribution."""

EXCHANGE_NATS = 9.0
"""Log density by which two peaks must fit better exchanged.

Of 250 spectra of the inner split, assigned as recorded, 3 % have such a pair, and 93 % of those in
which two peaks over 5 ppm apart were exchanged (nats 6: 7 %, 97 %; 3: 14 %, 98 %).
"""


class Verdict(StrEnum):
    """What is said of an atom, and of a structure."""

    FITS = "fits"
    DOUBTFUL = "doubtful"
    NO_FIT = "does not fit"


@dataclass(frozen=True)
class Checked:
    """Equivalent carbons, their peak, and what is to be thought of it.

    Args:
        assigned: The carbons and the peak.
        tail: Probability of a shift as far out of the predicted distribution.
        better: Another peak of the list that fits these carbons better, where something is wrong.
    """

    assigned: Assigned
    tail: float
    better: float | None = None

    @property
    def verdict(self) -> Verdict:
        """By the tail; and a peak of another multiplicity is not these carbons'."""
        if self.tail < NO_FIT_BELOW or not _may_be(self.assigned, self.assigned):
            return Verdict.NO_FIT
        return Verdict.DOUBTFUL if self.tail < DOUBTFUL_BELOW else Verdict.FITS


@dataclass(frozen=True)
class Exchange:
    """Two groups of carbons whose peaks fit better the other way.

    Args:
        one: A group with the peak that it was given.
        other: Another.
        gain: Log density gained, in nats.
    """

    one: Assigned
    other: Assigned
    gain: float


@dataclass(frozen=True)
class Check:
    """A structure against a spectrum.

    Args:
        question: What was asked.
        fit: The structure with its peaks: as they are assigned, or else as they fit best.
        carbons: Each group with its peak and its verdict.
        exchanges: Pairs of peaks that are probably exchanged, the surest first.
        is_assigned: Whether the assignment was given.
        unassigned: Carbons to which the given assignment says nothing.
        best_wrong: Groups of carbons that do not fit well even as the peaks fit best.
        probability: Calibrated probability that the structure is the right one, where even odds
            are that it is; None without a calibration, or where that holds for no such spectrum.
        is_unlikely: Whether that is too low even where what is left over is read at its best.
    """

    question: Question
    fit: Fit
    carbons: tuple[Checked, ...]
    exchanges: tuple[Exchange, ...]
    is_assigned: bool
    unassigned: tuple[CarbonGroup, ...]
    best_wrong: int
    probability: float | None
    is_unlikely: bool

    @property
    def verdict(self) -> Verdict:
        """Of the structure: whatever is assigned to what, as its peaks fit best."""
        if self.fit.contradiction is not None or self.is_unlikely:
            return Verdict.NO_FIT
        is_clean = all(one.verdict == Verdict.FITS for one in self.carbons)
        is_clean = is_clean and not (self.exchanges or self.fit.n_extra or self.fit.n_missing)
        return Verdict.FITS if is_clean else Verdict.DOUBTFUL


def check(
    model: TrainedFlow,
    peaks: Asked,
    structure: Structure | str,
    assignment: Mapping[int, float] | None = None,
) -> Check:
    """Check a structure, and an assignment, against a spectrum.

    Args:
        model: A network that predicts shifts.
        peaks: The spectrum.
        structure: Or its SMILES.
        assignment: Measured shift in ppm of atoms, by their position in the structure from 0;
            None: peaks are matched to carbons as they fit best.

    Raises:
        StructureError: If the structure lies outside the network's domain.
        SpectrumError: As :func:`nmrflow.answers.question.ask`, or if the assignment names an atom
            that is no carbon of the structure, or a shift that is not in the list.
    """
    question = ask(peaks, model.axis)
    predicted = model.predict_shifts([structure], LEVEL)[0]
    question, best = assign_shifts(question, predicted)
    shown = best
    unassigned: tuple[CarbonGroup, ...] = ()
    if assignment is not None:
        shown, unassigned = _as_told(best, predicted, assignment)
    density = _densities(predicted, shown)
    exchanges = _exchanges(shown, density) if assignment is not None else ()
    better = {
        id(one): other.measured.shift_ppm
        for pair in exchanges
        for one, other in ((pair.one, pair.other), (pair.other, pair.one))
    }
    carbons = tuple(
        Checked(one, tail, better.get(id(one)))
        for one, tail in zip(shown.assigned, _tails(predicted, shown), strict=True)
    )
    probability, is_unlikely, calibration = None, False, model.calibration
    if calibration is not None and calibration.alone and not why_outside(model, question):
        own = evidence_of_one(best)
        others = readings(predicted, question.peaks, question.nucleus)
        every = [own, *({**own, **evidence_of_fit(one)} for one in others)]
        probability = min(map(calibration.alone, every))
        limit = calibration.no_fit_below
        is_unlikely = limit is not None and calibration.alone(own) < limit
    n_wrong = sum(tail < DOUBTFUL_BELOW for tail in _tails(predicted, best))
    told = assignment is not None
    return Check(
        question, shown, carbons, exchanges, told, unassigned, n_wrong, probability, is_unlikely
    )


def evidence_of_one(found: Fit) -> dict[str, float]:
    """What speaks for a single structure, as of :func:`nmrflow.answers.evidence.evidence`."""
    numbers = found.tension, found.n_extra, found.n_missing, found.log_density, found.worst_ppm
    return evidence([-np.inf], [0.0], [], *numbers)


def _as_told(
    best: Fit, predicted: PredictedShifts, assignment: Mapping[int, float]
) -> tuple[Fit, tuple[CarbonGroup, ...]]:
    """The fit with the peaks that atoms are given, and groups that are given none."""
    elements, nucleus = predicted.structure.elements, best.prediction.nucleus
    places = {peak.shift_ppm: k for k, peak in enumerate(best.peaks.peaks)}
    for atom, shift in assignment.items():
        if not 0 <= atom < len(elements) or elements[atom] != nucleus.element:
            raise SpectrumError(f"atom {atom + 1} is assigned, and is no {nucleus.noun}")
        if shift not in places:
            raise SpectrumError(f"atom {atom + 1} is assigned {shift:g} ppm, which is no peak")
    assigned, unassigned = [], []
    for group in fit(predicted, best.peaks, nucleus).prediction.groups:
        told: dict[int, list[int]] = {}
        for atom in group.atoms:
            if atom in assignment:
                told.setdefault(places[assignment[atom]], []).append(atom)
        if not told:
            unassigned.append(group)
        for k, atoms in told.items():
            # Of equivalent carbons some may be left unsaid where all the others share a peak.
            own = group.atoms if len(told) == 1 else tuple(atoms)
            assigned.append(Assigned(replace(group, atoms=own), k, best.peaks.peaks[k]))
    if not assigned:
        raise SpectrumError("the assignment assigns nothing")
    assigned.sort(key=lambda pair: pair.group.place)
    groups = tuple(pair.group for pair in assigned)
    prediction = replace(best.prediction, groups=groups)
    return replace(best, prediction=prediction, assigned=tuple(assigned)), tuple(unassigned)


def _densities(predicted: PredictedShifts, found: Fit) -> np.ndarray:
    """Log density of each assigned group's distribution at each one's peak."""
    first = torch.tensor([pair.group.atoms[0] for pair in found.assigned])
    at = torch.tensor([p.measured.shift_ppm for p in found.assigned], dtype=torch.float64)
    return np.asarray(predicted.distribution.rows(first).log_density(at).numpy())


def _tails(predicted: PredictedShifts, found: Fit) -> list[float]:
    first = torch.tensor([pair.group.atoms[0] for pair in found.assigned])
    at = torch.tensor([p.measured.shift_ppm for p in found.assigned], dtype=torch.float64)
    below = predicted.distribution.rows(first).cdf(at[:, None])[:, 0]
    return [float(tail) for tail in 2 * torch.minimum(below, 1 - below)]


def _may_be(one: Assigned, other: Assigned) -> bool:
    """Whether the one's peak could be the other's, by what is told of its multiplicity."""
    return one.measured.multiplicity in (None, other.group.multiplicity)


def _exchanges(found: Fit, density: np.ndarray) -> tuple[Exchange, ...]:
    """Pairs whose peaks fit better the other way, none in two pairs, the surest first."""
    own = density.diagonal()
    gain = density + density.T - own[:, None] - own[None, :]
    pairs = [
        (float(gain[a, b]), a, b)
        for a in range(len(own))
        for b in range(a)
        if gain[a, b] >= EXCHANGE_NATS
        and _may_be(found.assigned[a], found.assigned[b])
        and _may_be(found.assigned[b], found.assigned[a])
    ]
    taken: set[int] = set()
    exchanges = []
    for nats, a, b in sorted(pairs, reverse=True):
        if not taken & {a, b}:
            taken |= {a, b}
            exchanges.append(Exchange(found.assigned[b], found.assigned[a], nats))
    return tuple(exchanges)
