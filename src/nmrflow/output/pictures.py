"""Pictures of answers: shifts on the atoms, sticks on the shift axis."""

import io
import math

import matplotlib.pyplot as plt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nmrflow.answers.fit import TOLERANCE_PPM, Fit
from nmrflow.answers.prediction import Prediction
from nmrflow.chem.depiction import draw_annotated
from nmrflow.spectra.plot import draw_axis, plot_mirror

SURE_PPM, UNSURE_PPM = 2.0, 20.0
"""Widths of an interval that are drawn in the first and the last colour."""

_SURE, _BETWEEN, _UNSURE = (0.62, 0.85, 0.66), (0.99, 0.90, 0.55), (0.96, 0.62, 0.55)

Colour = tuple[float, float, float]


def draw_prediction(prediction: Prediction, form: str = "svg") -> bytes:
    """The structure with its shifts on the atoms, coloured by the width of their intervals.

    Args:
        prediction: What to draw.
        form: ``"svg"`` or ``"png"``.
    """
    notes, colours = {}, {}
    for group in prediction.groups:
        for atom in group.atoms:
            notes[atom] = f"{group.shift_ppm:.1f}"
            colours[atom] = _by_width(group.width_ppm)
    return _draw(prediction, notes, colours, form)


def draw_fit(fit: Fit, form: str = "svg") -> bytes:
    """The structure with its measured shifts on the atoms, coloured by how far they are off."""
    notes, colours = {}, {}
    for pair in fit.assigned:
        for atom in pair.group.atoms:
            notes[atom] = f"{pair.measured.shift_ppm:.1f}"
            colours[atom] = _blend(abs(pair.deviation_ppm) / TOLERANCE_PPM)
    return _draw(fit.prediction, notes, colours, form)


def plot_prediction(prediction: Prediction, ax: Axes | None = None) -> Axes:
    """Sticks on the shift axis, as high as carbons are equivalent, over their intervals.

    Args:
        prediction: What to draw.
        ax: Where; a new figure if None.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 2.2), layout="constrained")
    most = max(len(group.atoms) for group in prediction.groups)
    for group in prediction.groups:
        ax.axvspan(
            group.low_ppm, group.high_ppm, color=_by_width(group.width_ppm), alpha=0.6, linewidth=0
        )
        ax.vlines(group.shift_ppm, 0, len(group.atoms), color="C0")
    draw_axis(ax, prediction.nucleus, (0, 1.15 * most))
    return ax


def plot_fit(fit: Fit, ax: Axes | None = None) -> Axes:
    """Measured peaks upwards, predicted downwards, matched pairs joined, misses grey.

    Args:
        fit: What to draw.
        ax: Where; a new figure if None.
    """
    predicted = [group.shift_ppm for group in fit.prediction.groups]
    ax = plot_mirror(fit.peaks.shifts_ppm, predicted, nucleus=fit.prediction.nucleus, ax=ax)
    for pair in fit.assigned:
        if abs(pair.deviation_ppm) <= TOLERANCE_PPM:
            ends = [pair.measured.shift_ppm, pair.group.shift_ppm]
            ax.plot(ends, [0.12, -0.12], color="0.35", linewidth=0.8)
    matched = {p.peak for p in fit.assigned if abs(p.deviation_ppm) <= TOLERANCE_PPM}
    missed = [s for k, s in enumerate(fit.peaks.shifts_ppm) if k not in matched]
    ax.vlines(missed, 0.0, 1.0, color="0.65")
    return ax


def draw(answer: Prediction | Fit, form: str = "svg") -> bytes:
    """The structure of an answer, as ``"svg"`` or ``"png"``."""
    if isinstance(answer, Prediction):
        return draw_prediction(answer, form)
    return draw_fit(answer, form)


def plot(answer: Prediction | Fit, ax: Axes | None = None) -> Figure:
    """The spectrum of an answer."""
    drawn = plot_prediction(answer, ax) if isinstance(answer, Prediction) else plot_fit(answer, ax)
    figure = drawn.get_figure(root=True)
    assert figure is not None
    return figure


def picture(answer: Prediction | Fit, form: str) -> bytes:
    """The structure beside the spectrum, as one ``"svg"`` or ``"png"`` file's content."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 2.9), width_ratios=(1, 2.6), layout="constrained"
    )
    left.imshow(plt.imread(io.BytesIO(draw(answer, "png")), format="png"))
    left.set_axis_off()
    plot(answer, right)
    return to_file(figure, form)


def _draw(
    prediction: Prediction, notes: dict[int, str], colours: dict[int, Colour], form: str
) -> bytes:
    size = (360, 270) if form == "svg" else (1080, 810)
    return draw_annotated(prediction.structure, notes, colours, size_px=size, form=form)


def _by_width(width_ppm: float) -> Colour:
    span = math.log(UNSURE_PPM / SURE_PPM)
    return _blend(math.log(max(width_ppm, SURE_PPM) / SURE_PPM) / span)


def _blend(share: float) -> Colour:
    """From sure (0) to unsure (1 and above)."""
    share = min(max(share, 0.0), 1.0)
    first, second, way = (
        (_SURE, _BETWEEN, 2 * share) if share < 0.5 else (_BETWEEN, _UNSURE, 2 * share - 1)
    )
    red, green, blue = ((1 - way) * a + way * b for a, b in zip(first, second, strict=True))
    return red, green, blue


def to_file(figure: Figure, form: str) -> bytes:
    """A figure as an ``"svg"`` or ``"png"`` file's content; the figure is closed."""
    stream = io.BytesIO()
    # Text as outlines: the same everywhere. No date and a fixed salt: the same every time.
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "nmrflow"}):
        figure.savefig(
            stream, format=form, dpi=150, metadata={"Date": None} if form == "svg" else None
        )
    plt.close(figure)
    return stream.getvalue()
