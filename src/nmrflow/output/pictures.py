"""Pictures of answers: shifts on the atoms, sticks on the shift axis."""

import io
import math
import textwrap
from warnings import catch_warnings, filterwarnings

import matplotlib.pyplot as plt
import numpy as np
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

# Who drew a picture stands at its beginning.
_MARK, _MARK_BYTES = "nmrflow", 2_000
_MARKS = (f"<dc:title>{_MARK}</dc:title>".encode(), f"Software\0{_MARK}".encode())

Colour = tuple[float, float, float]


def draw(answer: Prediction | Fit, form: str = "svg") -> bytes:
    """The structure of an answer as ``"svg"`` or ``"png"``, with the shifts on its atoms.

    Predicted ones are coloured by the width of their intervals, measured ones by how far they
    are from the predicted.
    """
    if isinstance(answer, Prediction):
        structure = answer.structure
        shown = [(one, one.shift_ppm, _by_width(one.width_ppm)) for one in answer.groups]
    else:
        structure = answer.prediction.structure
        shown = [
            (one.group, one.measured.shift_ppm, _blend(abs(one.deviation_ppm) / TOLERANCE_PPM))
            for one in answer.assigned
        ]
    notes = {atom: f"{shift:.1f}" for group, shift, _ in shown for atom in group.atoms}
    colours = {atom: colour for group, _, colour in shown for atom in group.atoms}
    size = (360, 270) if form == "svg" else (1080, 810)
    return draw_annotated(structure, notes, colours, size_px=size, form=form)


def plot(answer: Prediction | Fit, ax: Axes | None = None) -> Figure:
    """The spectrum of an answer.

    Of a prediction sticks, as high as carbons are equivalent, over their intervals; of a fit the
    measured peaks upwards, predicted downwards, matched pairs joined, misses grey.
    """
    drawn = (
        _plot_prediction(answer, ax) if isinstance(answer, Prediction) else _plot_fit(answer, ax)
    )
    figure = drawn.get_figure(root=True)
    assert figure is not None
    return figure


def _plot_prediction(prediction: Prediction, ax: Axes | None) -> Axes:
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 2.2), layout="constrained")
    most = max(len(group.atoms) for group in prediction.groups)
    for group in prediction.groups:
        colour = _by_width(group.width_ppm)
        ax.axvspan(group.low_ppm, group.high_ppm, color=colour, alpha=0.6, linewidth=0)
        ax.vlines(group.shift_ppm, 0, len(group.atoms), color="C0")
    draw_axis(ax, prediction.nucleus, (0, 1.15 * most))
    return ax


def _plot_fit(fit: Fit, ax: Axes | None) -> Axes:
    predicted = [group.shift_ppm for group in fit.prediction.groups]
    ax = plot_mirror(fit.peaks.shifts_ppm, predicted, nucleus=fit.prediction.nucleus, ax=ax)
    matched = [pair for pair in fit.assigned if abs(pair.deviation_ppm) <= TOLERANCE_PPM]
    for pair in matched:
        ends = [pair.measured.shift_ppm, pair.group.shift_ppm]
        ax.plot(ends, [0.12, -0.12], color="0.35", linewidth=0.8)
    hit = {pair.peak for pair in matched}
    missed = [s for k, s in enumerate(fit.peaks.shifts_ppm) if k not in hit]
    ax.vlines(missed, 0.0, 1.0, color="0.65")
    return ax


def picture(answer: Prediction | Fit, form: str, caption: str = "") -> bytes:
    """The structure beside the spectrum, as one ``"svg"`` or ``"png"`` file's content.

    Args:
        answer: What is shown.
        form: Of the file.
        caption: Beneath, as it is; long lines are broken.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 2.9), width_ratios=(1, 2.6), layout="constrained"
    )
    if caption:
        lines = [part for line in caption.splitlines() for part in textwrap.wrap(line, 150)]
        figure.supxlabel("\n".join(lines), fontsize=8, parse_math=False)
    left.imshow(plt.imread(io.BytesIO(draw(answer, "png")), format="png"))
    left.set_axis_off()
    plot(answer, right)
    return to_file(figure, form)


def is_ours(content: bytes) -> bool:
    """Whether a file's content is a picture that :func:`picture` made."""
    return any(mark in content[:_MARK_BYTES] for mark in _MARKS)


def _by_width(width_ppm: float) -> Colour:
    span = math.log(UNSURE_PPM / SURE_PPM)
    return _blend(math.log(max(width_ppm, SURE_PPM) / SURE_PPM) / span)


def _blend(share: float) -> Colour:
    """From sure (0) to unsure (1 and above)."""
    parts = zip(_SURE, _BETWEEN, _UNSURE, strict=True)
    red, green, blue = (float(np.interp(share, (0.0, 0.5, 1.0), part)) for part in parts)
    return red, green, blue


def to_file(figure: Figure, form: str) -> bytes:
    """A figure as an ``"svg"`` or ``"png"`` file's content; the figure is closed."""
    stream = io.BytesIO()
    # Text as outlines: the same everywhere. No date and a fixed salt: the same every time.
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "nmrflow"}), catch_warnings():
        # Names may be in any script; what the font lacks is drawn as a box.
        filterwarnings("ignore", message="Glyph .* missing from font")
        metadata = {"Date": None, "Creator": _MARK} if form == "svg" else {"Software": _MARK}
        figure.savefig(stream, format=form, dpi=150, metadata=metadata)
    plt.close(figure)
    return stream.getvalue()
