"""Peaks of a question matched to a known structure's carbons."""

import math

from nmrflow.answers.fit import Fit, fit
from nmrflow.answers.prediction import LEVEL
from nmrflow.answers.question import ask, best_reading
from nmrflow.chem.structure import Structure
from nmrflow.model.questions import Asked
from nmrflow.model.results import PredictedShifts
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.question import Question


def assign(model: TrainedFlow, peaks: Asked, structure: Structure | str) -> Fit:
    """Match the peaks of a question to a structure's carbons, best in all.

    Equivalent carbons share a peak; unlike carbons do where there are fewer peaks than
    carbons. Diastereotopic ones may have peaks of their own. Of more peaks than carbons some
    belong to none.

    Raises:
        StructureError: If the structure lies outside the network's domain.
        SpectrumError: As :func:`nmrflow.answers.question.ask`.
    """
    return assign_question(model, ask(peaks, model.axis), structure)[1]


def assign_question(
    model: TrainedFlow, question: Question, structure: Structure | str
) -> tuple[Question, Fit]:
    """As :func:`assign`; also the question, with the lines that the structure needs kept."""
    return assign_shifts(question, model.predict_shifts([structure], LEVEL)[0])


def assign_shifts(question: Question, predicted: PredictedShifts) -> tuple[Question, Fit]:
    """The same of a structure's predicted shifts."""

    def answer(own: Question) -> tuple[Fit, float]:
        found = fit(predicted, own.peaks, own.nucleus, splits=True)
        return found, found.log_likelihood if explains(found, own) else -math.inf

    n_atoms = predicted.structure.elements.count(question.nucleus.element)
    return best_reading(question, n_atoms, answer)


def explains(found: Fit | None, question: Question) -> bool:
    """Whether a fit has an atom for every line that was kept as the compound's."""
    left = () if found is None else found.unexplained
    return not any(line.peak in left for line in question.kept)
