"""Which peak belongs to which carbon of a known structure."""

from nmrflow.answers.fit import Fit, fit
from nmrflow.answers.prediction import LEVEL
from nmrflow.answers.question import ask
from nmrflow.chem.structure import Structure
from nmrflow.model.questions import Asked
from nmrflow.model.trained import TrainedFlow


def assign(model: TrainedFlow, peaks: Asked, structure: Structure | str) -> Fit:
    """Match the peaks of a question to a structure's carbons, best in all.

    Equivalent carbons share a peak; unlike carbons do where there are fewer peaks than
    carbons. Of more peaks than carbons some belong to none.

    Raises:
        StructureError: If the structure lies outside the network's domain.
        SpectrumError: As :func:`nmrflow.answers.question.ask`.
    """
    question = ask(peaks, model.axis)
    predicted = model.predict_shifts([structure], LEVEL)[0]
    return fit(predicted, question.peaks, model.axis.nucleus)
