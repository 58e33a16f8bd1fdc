"""Pictures of answers as files: the structure beside its spectrum."""

import io
import textwrap
from collections.abc import Sequence
from typing import Any
from warnings import catch_warnings, filterwarnings

import matplotlib.pyplot as plt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch

from nmrflow.chem.depiction import sketch
from nmrflow.output.drawings import disc_of
from nmrflow.output.labels import beside_atoms, spread
from nmrflow.output.marks import (
    Drawable,
    fit_of,
    legend_of,
    marks_of,
    nucleus_of,
    shown_range,
    structure_of,
)
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.plot import draw_axis, plot_mirror

# Who drew a picture stands at its beginning.
_MARK, _MARK_BYTES = "nmrflow", 2_000
_MARKS = (
    f"<dc:title>{_MARK}</dc:title>".encode(),
    f"Software\0{_MARK}".encode(),
    f"##ORIGIN= {_MARK}".encode(),
)

_LABEL_SHARE = 0.021  # Of the axis's width, between texts side by side.
_MOST_LABELS = 46


def plot(answer: Drawable, ax: Axes | None = None) -> Figure:
    """The spectrum of an answer, on an axis that fits its peaks.

    Of a prediction sticks, as high as carbons are equivalent, over their intervals; of a fit the
    measured peaks upwards, predicted downwards, matched pairs joined, misses grey and dashed.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
    drawn = _plot_fit(answer, ax) if fit_of(answer) else _plot_prediction(answer, ax)
    figure = drawn.get_figure(root=True)
    assert figure is not None
    return figure


def picture(answer: Drawable, form: str, caption: str = "") -> bytes:
    """The structure beside the spectrum, as one ``"svg"`` or ``"png"`` file's content.

    Args:
        answer: What is shown.
        form: Of the file.
        caption: Its first line above, the others beneath, as they are; long ones are broken.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(12, 3.9), width_ratios=(1, 1.9), layout="constrained"
    )
    title, _, beneath = caption.partition("\n")
    if title:
        figure.suptitle("\n".join(textwrap.wrap(title, 110)), fontsize=11, parse_math=False)
    if beneath:
        lines = [part for line in beneath.splitlines() for part in textwrap.wrap(line, 150)]
        figure.supxlabel("\n".join(lines), fontsize=8, parse_math=False)
    _draw_structure(answer, left)
    plot(answer, right)
    discs = [Patch(facecolor=colour, label=text) for colour, text in legend_of(answer)]
    left.legend(
        handles=discs, loc="upper center", bbox_to_anchor=(0.5, 0), frameon=False, fontsize=7,
        ncols=3, handlelength=1, columnspacing=1,
    )  # fmt: skip
    return to_file(figure, form)


def _draw_structure(answer: Drawable, ax: Axes) -> None:
    """The structure, its atoms' numbers in coloured discs and their shifts beside them."""
    drawn = sketch(structure_of(answer), "png")
    width, height = drawn.size
    ax.imshow(plt.imread(io.BytesIO(drawn.content), format="png"), extent=(0, width, height, 0))
    ax.set_axis_off()
    marks = marks_of(answer)
    of_atom = {atom: mark for mark in marks for atom in mark.group.atoms}
    radius, font = disc_of(drawn.points, drawn.bonds)
    points = min(1.15, 260 / width, 180 / height) * font  # Of the page.
    texts = {atom: f"{mark.shift_ppm:.1f}" for atom, mark in of_atom.items()}
    boxes = beside_atoms(
        drawn.points, drawn.bonds, texts, radius=radius, font=font, size=drawn.size
    )
    how: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": points}
    for atom, mark in of_atom.items():
        ax.add_patch(Circle(drawn.points[atom], radius, color=mark.colour, linewidth=0))
        ax.text(*drawn.points[atom], str(atom + 1), fontweight="bold", **how)
        if box := boxes.get(atom):
            ax.text((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, texts[atom], **how)


def _plot_prediction(answer: Drawable, ax: Axes) -> Axes:
    marks, nucleus = marks_of(answer), nucleus_of(answer)
    most = max(len(mark.group.atoms) for mark in marks)
    for mark in marks:
        ends = mark.group.low_ppm, mark.group.high_ppm
        ax.axvspan(*ends, color=mark.colour, alpha=0.6, linewidth=0)
        ax.vlines(mark.group.shift_ppm, 0, len(mark.group.atoms), color="C0")
    draw_axis(ax, nucleus, (0, 1.05 * most))
    ax.set(yticks=range(most + 1) if most <= 4 else (0, most), ylabel=f"{nucleus.noun}s")
    _fit_axis(ax, [end for m in marks for end in (m.group.low_ppm, m.group.high_ppm)], nucleus)
    _label(ax, [mark.shift_ppm for mark in marks], 1.05 * most)
    return ax


def _plot_fit(answer: Drawable, ax: Axes) -> Axes:
    found, marks, nucleus = fit_of(answer), marks_of(answer), nucleus_of(answer)
    assert found is not None
    measured, predicted = found.peaks.shifts_ppm, [mark.group.shift_ppm for mark in marks]
    near = [mark for mark in marks if mark.is_near]
    owned = {mark.peak for mark in near}
    missed = [shift for k, shift in enumerate(measured) if k not in owned]
    far = [mark.group.shift_ppm for mark in marks if not mark.is_near]
    plot_mirror(
        [shift for k, shift in enumerate(measured) if k in owned],
        [mark.group.shift_ppm for mark in near],
        nucleus=nucleus,
        ax=ax,
        legend=False,
    )
    for mark in near:
        ends = [mark.shift_ppm, mark.group.shift_ppm]
        ax.plot(ends, [0.12, -0.12], color="0.35", linewidth=0.8)
    if missed or far:
        ax.vlines(missed, 0.0, 1.0, color="0.45", linestyles="dashed", label="matches nothing")
        ax.vlines(far, -1.0, 0.0, color="0.45", linestyles="dashed")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False, ncols=3, fontsize=8)
    ax.set(yticks=(-0.5, 0.5), yticklabels=("predicted", "measured"))
    ax.tick_params(axis="y", length=0)
    for text in ax.get_yticklabels():
        text.set(rotation=90, va="center")
    _fit_axis(ax, [*measured, *predicted], nucleus)
    _label(ax, measured, 1.1)
    return ax


def _fit_axis(ax: Axes, shifts_ppm: Sequence[float], nucleus: Nucleus) -> None:
    low, high = shown_range(shifts_ppm, nucleus)
    ax.set_xlim(high, low)
    ax.spines[["top", "right"]].set_visible(False)


def _label(ax: Axes, shifts_ppm: Sequence[float], y: float) -> None:
    """Shifts upright above the sticks, moved aside where they would lie on each other."""
    high, low = ax.get_xlim()
    if len(shifts_ppm) > _MOST_LABELS:
        return
    moved = spread(list(shifts_ppm), _LABEL_SHARE * (high - low))
    for shift, place in zip(shifts_ppm, moved, strict=True):
        ax.annotate(
            f"{shift:.1f}", (shift, y), (place, 1.05), xycoords="data",
            textcoords=("data", "axes fraction"), rotation=90, ha="center", va="bottom",
            fontsize=7, arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.5},
            annotation_clip=False,
        )  # fmt: skip


def is_ours(content: bytes) -> bool:
    """Whether a file's content is a picture of ours, or a spectrum of JCAMP-DX."""
    return any(mark in content[:_MARK_BYTES] for mark in _MARKS)


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
