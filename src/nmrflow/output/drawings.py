"""Structures and spectra as SVG within a page, whose parts light up together.

What belongs to the k-th group of carbons has the class ``gK``, in the drawing of the structure, in
the spectrum and in the table: :data:`LINKS` lights all of it where the pointer, or the focus, is
on one.
"""

import html
import math
from collections.abc import Sequence

from nmrflow.chem.depiction import sketch
from nmrflow.output.labels import beside_atoms, spread
from nmrflow.output.marks import (
    Drawable,
    css,
    fit_of,
    marks_of,
    nucleus_of,
    shown_range,
    structure_of,
)
from nmrflow.spectra.nucleus import Carbon13, Nucleus

N_LINKED = 64
"""Groups that are linked: as many atoms as the networks' greatest molecules have."""

_PARTS = ":is(svg .g{k}:not(.catch), tr.g{k})"
LINKS = (
    ",\n".join(
        f".card:has(.g{k}:hover) {_PARTS.format(k=k)}, .card:has(.g{k}:focus) {_PARTS.format(k=k)}"
        for k in range(N_LINKED)
    )
    + """ { stroke: #b3005e; outline: 2px solid #b3005e; }
svg.linked { display: block; width: 100%; height: auto; background: #fff; }
svg.linked :is(circle, rect, text) { outline: none; stroke-width: 2; }
svg.linked text { stroke-width: 0.6; }
svg.linked .stick { stroke-width: 2; outline: none; pointer-events: none; }
svg.linked .catch { stroke: transparent; stroke-width: 12; }
"""
)
"""Of a style sheet."""

_WIDTH, _LEFT, _RIGHT = 480, 44, 14
_TOP, _HEIGHT, _BOTTOM = 60, 110, 42
_FONT = 12.5
_MEASURED, _PREDICTED, _MISSED = "#0058a3", "#b34700", "#767676"


def structure_svg(answer: Drawable) -> str:
    """A structure with its atoms' numbers in coloured discs and their shifts beside them."""
    structure = structure_of(answer)
    drawn = sketch(structure)
    width, height = drawn.size
    marks = marks_of(answer)
    numbered = {atom: k for k, mark in enumerate(marks) for atom in mark.group.atoms}
    radius, font = disc_of(drawn.points, drawn.bonds)
    texts = {atom: f"{marks[k].shift_ppm:.1f}" for atom, k in numbered.items()}
    boxes = beside_atoms(
        drawn.points, drawn.bonds, texts, radius=radius, font=font, size=drawn.size
    )
    parts = [drawn.content.decode()]
    for atom, k in numbered.items():
        x, y = drawn.points[atom]
        parts.append(
            f'<circle class="g{k}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" '
            f'fill="{css(marks[k].colour)}"/>'
            + _text(x, y + 0.35 * font, str(atom + 1), size=font, bold=True)
        )
        if box := boxes.get(atom):
            x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            parts.append(_text(x, y + 0.35 * font, texts[atom], size=font))
    name = f"Structure {structure.connectivity}, {structure.formula}, its atoms numbered"
    return _svg(width, height, name, parts, f"max-width:{width}px")


def disc_of(
    points: Sequence[tuple[float, float]], bonds: Sequence[tuple[int, int]]
) -> tuple[float, float]:
    """Radius of the discs of a drawing, and the height of texts, by the length of its bonds."""
    length = min((math.dist(points[a], points[b]) for a, b in bonds), default=40.0)
    radius = min(9.5, max(4.5, 0.26 * length))
    return radius, 1.08 * radius


def spectrum_svg(answer: Drawable, title: str = "") -> str:
    """A spectrum: predicted sticks over their intervals, or measured above predicted ones."""
    return _mirror(answer, title) if fit_of(answer) else _prediction(answer, title)


class _Axis:
    """From ppm to places, high shifts to the left."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def x(self, ppm: float) -> float:
        share = (self.high - ppm) / (self.high - self.low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def drawn(self, y: float, heading: str) -> list[str]:
        """Ticks and the name of the axis below ``y``."""
        step = 10 if self.high - self.low <= 100 else 20
        parts = [_line(_LEFT, y, _WIDTH - _RIGHT, y, "#222")]
        for ppm in range(int(self.low), int(self.high) + 1):
            if ppm % step == 0:
                x = self.x(ppm)
                parts.append(_line(x, y, x, y + 4, "#222"))
                parts.append(_text(x, y + 17, str(ppm)))
        parts.append(_text((_LEFT + _WIDTH) / 2, y + 35, heading))
        return parts


def _prediction(answer: Drawable, title: str) -> str:
    marks, nucleus = marks_of(answer), nucleus_of(answer)
    ends = [end for m in marks for end in (m.group.low_ppm, m.group.high_ppm)]
    axis = _Axis(*shown_range(ends, nucleus))
    base = _TOP + _HEIGHT
    most = max(len(mark.group.atoms) for mark in marks)
    parts = []
    for k, mark in enumerate(marks):
        left, right = axis.x(mark.group.high_ppm), axis.x(mark.group.low_ppm)
        parts.append(
            f'<rect class="g{k}" x="{left:.1f}" y="{_TOP}" width="{max(right - left, 1):.1f}" '
            f'height="{_HEIGHT}" fill="{css(mark.colour)}" fill-opacity="0.6"/>'
        )
    for k, mark in enumerate(marks):
        x = axis.x(mark.group.shift_ppm)
        parts += _stick(k, x, base, base - _HEIGHT * len(mark.group.atoms) / most, _MEASURED)
    parts += _texts([(k, mark.shift_ppm) for k, mark in enumerate(marks)], axis, _TOP - 4)
    for n in range(most + 1):
        if n in (0, most) or most <= 4:
            y = base - _HEIGHT * n / most
            parts.append(_line(_LEFT - 4, y, _LEFT, y, "#222"))
            parts.append(_text(_LEFT - 7, y + 4, str(n), anchor="end"))
    parts.append(_line(_LEFT, _TOP, _LEFT, base, "#222"))
    parts.append(_upright(12, (_TOP + base) / 2, f"{nucleus.noun}s"))
    parts += axis.drawn(base, nucleus.heading)
    shifts = ", ".join(f"{mark.shift_ppm:.1f}" for mark in marks)
    name = f"Predicted {nucleus.name} spectrum {title}: {shifts} ppm"
    return _svg(_WIDTH, base + _BOTTOM, name, parts)


def mirror_of_lists(
    one_ppm: Sequence[float],
    other_ppm: Sequence[float],
    pairs: Sequence[tuple[int, int]],
    nucleus: Nucleus = Carbon13(),
) -> str:
    """Two spectra, one above the other, their pairs joined and linked."""
    name = f"The first {nucleus.name} spectrum above the second"
    return _mirrored(one_ppm, other_ppm, pairs, nucleus, ("first", "second"), name)


def _mirror(answer: Drawable, title: str) -> str:
    found, marks, nucleus = fit_of(answer), marks_of(answer), nucleus_of(answer)
    assert found is not None
    shifts = found.peaks.shifts_ppm
    predicted = [mark.group.shift_ppm for mark in marks]
    pairs = [(mark.peak or 0, k) for k, mark in enumerate(marks) if mark.is_near]
    listed = ", ".join(f"{shift:g}" for shift in shifts)
    name = f"Measured {nucleus.name} spectrum {title} above the predicted one: {listed} ppm"
    return _mirrored(
        shifts, predicted, pairs, nucleus, ("measured", "predicted"), name, by_second=True
    )


def _mirrored(  # noqa: PLR0913 - of one picture
    one_ppm: Sequence[float],
    other_ppm: Sequence[float],
    pairs: Sequence[tuple[int, int]],
    nucleus: Nucleus,
    names: tuple[str, str],
    label: str,
    *,
    by_second: bool = False,
) -> str:
    """Sticks up and down; a pair has the class of its place, or of its place in the second."""
    axis = _Axis(*shown_range([*one_ppm, *other_ppm], nucleus))
    height = 0.7 * _HEIGHT
    middle, base = _TOP + height, _TOP + 2 * height
    classes = [(pair[1] if by_second else k) for k, pair in enumerate(pairs)]
    above = {a: k for (a, _), k in zip(pairs, classes, strict=True)}
    below = {b: k for (_, b), k in zip(pairs, classes, strict=True)}
    parts = [_line(_LEFT, middle, _WIDTH - _RIGHT, middle, "#222")]
    for place, shift in enumerate(one_ppm):
        k = above.get(place)
        colour = _MISSED if k is None else _MEASURED
        parts += _stick(k, axis.x(shift), middle, _TOP, colour, is_dashed=k is None)
    for place, shift in enumerate(other_ppm):
        k = below.get(place)
        own = place if by_second and k is None else k
        colour = _MISSED if k is None else _PREDICTED
        parts += _stick(own, axis.x(shift), middle, base, colour, is_dashed=k is None)
    for a, b in pairs:
        x1, x2 = axis.x(one_ppm[a]), axis.x(other_ppm[b])
        parts.append(_line(x1, middle - 9, x2, middle + 9, "#555"))
    parts += _texts([(above.get(p), shift) for p, shift in enumerate(one_ppm)], axis, _TOP - 4)
    parts.append(_upright(12, middle - height / 2, names[0], _MEASURED))
    parts.append(_upright(26, middle + height / 2, names[1], _PREDICTED))
    parts += axis.drawn(base, nucleus.heading)
    return _svg(_WIDTH, base + _BOTTOM, label, parts)


def _texts(shown: Sequence[tuple[int | None, float]], axis: _Axis, y: float) -> list[str]:
    """Shifts upright above their sticks, moved aside where they would lie on each other."""
    places = [axis.x(shift) for _, shift in shown]
    if len(shown) * (_FONT + 1) > _WIDTH - _LEFT - _RIGHT:
        return []  # The table has them.
    moved = spread(places, _FONT + 1)
    low, high = _LEFT - 6.0, _WIDTH - _FONT / 2
    shift = max(0.0, low - min(moved, default=low)) + min(0.0, high - max(moved, default=high))
    parts = []
    for (k, ppm), place, x in zip(shown, places, moved, strict=True):
        x += shift
        parts.append(_line(place, y + 4, x, y - 6, "#999"))
        klass = "" if k is None else f' class="g{k}"'
        parts.append(
            f'<text{klass} transform="translate({x + 0.35 * _FONT:.1f} {y - 8:.1f}) rotate(-90)" '
            f'font-size="{_FONT}" fill="#222">{ppm:.1f}</text>'
        )
    return parts


def _stick(
    k: int | None, x: float, y1: float, y2: float, colour: str, *, is_dashed: bool = False
) -> list[str]:
    of = "" if k is None else f" g{k}"
    dashes = ' stroke-dasharray="3 3"' if is_dashed else ""
    at = f'x1="{x:.1f}" x2="{x:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"'
    return [
        f'<line class="stick{of}" {at} stroke="{colour}"{dashes}/>',
        f'<line class="catch{of}" {at}/>',
    ]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    at = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {at} stroke="{colour}" stroke-width="1"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: float = _FONT,
    anchor: str = "middle",
    bold: bool = False,
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:.1f}"{weight} '
        f'fill="#222" pointer-events="none">{html.escape(text)}</text>'
    )


def _upright(x: float, y: float, text: str, colour: str = "#222") -> str:
    return (
        f'<text transform="translate({x} {y:.1f}) rotate(-90)" text-anchor="middle" '
        f'font-size="{_FONT}" fill="{colour}">{html.escape(text)}</text>'
    )


def _svg(width: float, height: float, name: str, parts: Sequence[str], style: str = "") -> str:
    return (
        f'<svg class="linked" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{html.escape(name)}" style="{style}" '
        f'font-family="system-ui, sans-serif">{"".join(parts)}</svg>'
    )
