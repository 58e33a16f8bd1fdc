"""Two spectra beside each other, each measured or predicted."""

from dataclasses import dataclass

from nmrflow.answers.prediction import predict
from nmrflow.answers.question import ask
from nmrflow.chem.structure import Structure
from nmrflow.model.questions import Asked
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.question import Question
from nmrflow.spectra.similarity import Comparison, compare_peaks


@dataclass(frozen=True)
class Compared:
    """Two spectra and their comparison.

    Args:
        one: Shifts in ppm, and the question where it is a measured spectrum.
        other: The same.
        comparison: Of the shifts.
        questions: The measured ones, for what is to be said of them.
    """

    one: tuple[float, ...]
    other: tuple[float, ...]
    comparison: Comparison
    questions: tuple[Question, ...]


def compare(model: TrainedFlow, one: Asked | Structure, other: Asked | Structure) -> Compared:
    """Compare two spectra; of a structure the predicted one is meant, a peak for each group.

    Raises:
        SpectrumError: As :func:`nmrflow.answers.question.ask`.
        StructureError: If a structure lies outside the network's domain.
    """
    shifts, questions = [], []
    for given in (one, other):
        if isinstance(given, Structure):
            groups = predict(model, [given])[0].groups
            shifts.append(tuple(round(group.shift_ppm, 2) for group in groups))
        else:
            questions.append(ask(given, model.axis))
            shifts.append(questions[-1].shifts_ppm)
    return Compared(shifts[0], shifts[1], compare_peaks(*shifts), tuple(questions))
