"""What pictures and tables say of each group of equivalent carbons: one list for all of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nmrflow.answers.check import Check, Verdict
from nmrflow.answers.fit import TOLERANCE_PPM, Fit
from nmrflow.answers.prediction import CarbonGroup, Prediction
from nmrflow.chem.structure import Structure
from nmrflow.spectra.nucleus import Nucleus

Drawable = Prediction | Fit | Check
Colour = tuple[float, float, float]

SURE_PPM, UNSURE_PPM = 2.0, 20.0
"""Widths of an interval that are drawn in the first and the last colour."""

# Blue, yellow, vermilion: told apart by the colour-blind, and by their lightness.
_SURE, _BETWEEN, _UNSURE = (0.55, 0.78, 0.95), (0.99, 0.92, 0.55), (0.94, 0.58, 0.40)
_OF_VERDICT = {Verdict.FITS: _SURE, Verdict.DOUBTFUL: _BETWEEN, Verdict.NO_FIT: _UNSURE}

SIGNS = {Verdict.FITS: "✓", Verdict.DOUBTFUL: "?", Verdict.NO_FIT: "✗"}
"""Beside the colours, which not everybody sees."""


@dataclass(frozen=True)
class Mark:
    """A group of equivalent carbons in a picture.

    Args:
        group: The carbons.
        shift_ppm: What stands beside them: measured, or else predicted.
        colour: Of their discs.
        peak: Position of their peak in the list; None of a prediction.
        is_near: Whether that peak lies near enough to count as theirs.
    """

    group: CarbonGroup
    shift_ppm: float
    colour: Colour
    peak: int | None = None
    is_near: bool = True


def marks_of(answer: Drawable) -> list[Mark]:
    """A mark for each group of carbons, in the answer's order."""
    if isinstance(answer, Prediction):
        return [Mark(one, one.shift_ppm, _by_width(one.width_ppm)) for one in answer.groups]
    found = fit_of(answer)
    assert found is not None
    verdicts = (
        {one.assigned.group.atoms: one.verdict for one in answer.carbons}
        if isinstance(answer, Check)
        else {}
    )
    marks = []
    for pair in found.assigned:
        verdict = verdicts.get(pair.group.atoms)
        away = abs(pair.deviation_ppm)
        colour = blend(away / TOLERANCE_PPM) if verdict is None else _OF_VERDICT[verdict]
        is_near = away <= TOLERANCE_PPM
        marks.append(Mark(pair.group, pair.measured.shift_ppm, colour, pair.peak, is_near))
    return marks


def fit_of(answer: Drawable) -> Fit | None:
    """The structure against its peaks; None of a prediction."""
    if isinstance(answer, Prediction):
        return None
    return answer.fit if isinstance(answer, Check) else answer


def prediction_of(answer: Drawable) -> Prediction:
    """What is predicted of the structure."""
    found = fit_of(answer)
    if found is not None:
        return found.prediction
    assert isinstance(answer, Prediction)
    return answer


def structure_of(answer: Drawable) -> Structure:
    """The structure, whose atoms are numbered as everywhere in the answer."""
    return prediction_of(answer).structure


def nucleus_of(answer: Drawable) -> Nucleus:
    """Whose spectrum it is."""
    return prediction_of(answer).nucleus


def legend_of(answer: Drawable) -> list[tuple[Colour, str]]:
    """What the colours of the discs mean."""
    if isinstance(answer, Check):
        return [(_OF_VERDICT[verdict], f"{SIGNS[verdict]} {verdict}") for verdict in Verdict]
    if isinstance(answer, Fit):
        return [
            (_SURE, "measured as predicted"),
            (_BETWEEN, f"{TOLERANCE_PPM / 2:g} ppm off"),
            (_UNSURE, f"{TOLERANCE_PPM:g} ppm off, or more"),
        ]
    middle = math.sqrt(SURE_PPM * UNSURE_PPM)
    return [
        (_SURE, f"interval of {SURE_PPM:g} ppm, or less"),
        (_BETWEEN, f"{middle:.0f} ppm"),
        (_UNSURE, f"{UNSURE_PPM:g} ppm, or more"),
    ]


def shown_range(shifts_ppm: Sequence[float], nucleus: Nucleus) -> tuple[float, float]:
    """Ends of an axis that fits the shifts, at whole tens, never shorter than a fourth of all."""
    span = max(nucleus.shown_ppm) - min(nucleus.shown_ppm)
    low, high = min(shifts_ppm), max(shifts_ppm)
    low, high = 10 * math.floor((low - 4) / 10), 10 * math.ceil((high + 4) / 10)
    if (lacking := span / 4 - (high - low)) > 0:
        low, high = (10 * round((end + lacking * s / 2) / 10) for end, s in ((low, -1), (high, 1)))
    return float(low), float(high)


def blend(share: float) -> Colour:
    """From sure (0) to unsure (1 and above)."""
    parts = zip(_SURE, _BETWEEN, _UNSURE, strict=True)
    red, green, blue = (float(np.interp(share, (0.0, 0.5, 1.0), part)) for part in parts)
    return red, green, blue


def css(colour: Colour) -> str:
    """A colour as SVG and HTML write it."""
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)


def _by_width(width_ppm: float) -> Colour:
    span = math.log(UNSURE_PPM / SURE_PPM)
    return blend(math.log(max(width_ppm, SURE_PPM) / SURE_PPM) / span)
