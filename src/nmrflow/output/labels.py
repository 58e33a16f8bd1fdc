"""Where texts go so that none lies on another."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_DIRECTIONS = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_AWAY = (2.0, 7.0, 13.0, 20.0)
_SEVERE = 100.0


def spread(places: Sequence[float], least: float) -> list[float]:
    """Places in any order, moved as little as it takes to be so far apart.

    Example:
        >>> spread([1.0, 1.0, 5.0], 2.0)
        [0.0, 2.0, 5.0]
    """
    order = np.argsort(places, kind="stable")
    # Clusters of texts side by side, each about the mean of where its texts want to be.
    clusters: list[tuple[float, int]] = []
    for k in order:
        wanted, n = float(places[k]), 1
        while clusters:
            middle, size = clusters[-1]
            if middle + (size + n) * least / 2 <= wanted:
                break
            clusters.pop()
            wanted = (middle * size + wanted * n) / (size + n)
            n += size
        clusters.append((wanted, n))
    moved = [m + (i - (n - 1) / 2) * least for m, n in clusters for i in range(n)]
    found = [0.0] * len(order)
    for place, k in zip(moved, order, strict=True):
        found[k] = place
    return found


def beside_atoms(
    points: Sequence[tuple[float, float]],
    bonds: Sequence[tuple[int, int]],
    texts: Mapping[int, str],
    *,
    radius: float,
    font: float,
    size: tuple[float, float],
) -> dict[int, Box]:
    """A box for the text of each atom, off the bonds where there is room.

    An atom whose text finds no place off the other atoms and texts has none.

    Args:
        points: Of all atoms.
        bonds: Pairs of atoms.
        texts: By atom.
        radius: Of the disc about each atom, which stays free.
        font: Height of the texts.
        size: Of the drawing, beyond which nothing goes.
    """
    at = np.array(points)
    ends = np.array([[points[a], points[b]] for a, b in bonds]).reshape(-1, 2, 2)
    taken: list[Box] = []
    found: dict[int, Box] = {}
    n_bonds = np.bincount(np.array(bonds, dtype=int).ravel(), minlength=len(points))
    for atom in sorted(texts, key=lambda a: (-n_bonds[a], a)):
        half = np.array([0.3 * font * len(texts[atom]) + 1, font / 2 + 0.5])
        best, least = None, np.inf
        for away in _AWAY:
            for angle in _DIRECTIONS:
                step = np.array([np.cos(angle), np.sin(angle)])
                edge = min(half / np.maximum(np.abs(step), 1e-9))
                centre = at[atom] + step * (radius + away + edge)
                box = (*(centre - half), *(centre + half))
                cost = _cost(box, at, ends, taken, radius, size) + away / 10
                if cost < least:
                    best, least = box, cost
            if least < 1.0:
                break
        if best is not None and least < _SEVERE:
            found[atom] = best
            taken.append(best)
    return found


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share more than an edge."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _cost(
    box: Box,
    at: NDArray[np.float64],
    ends: NDArray[np.float64],
    taken: Sequence[Box],
    radius: float,
    size: tuple[float, float],
) -> float:
    left, top, right, bottom = box
    if left < 0 or top < 0 or right > size[0] or bottom > size[1]:
        return _SEVERE
    if any(overlap(box, other) for other in taken):
        return _SEVERE
    nearest = np.clip(at, (left, top), (right, bottom))
    if (np.hypot(*(nearest - at).T) < radius).any():
        return _SEVERE
    # Bonds as points: what of them lies in the box.
    along = np.linspace(0, 1, 9)[:, None, None]
    on = ends[:, 0] * (1 - along) + ends[:, 1] * along
    inside = (on >= (left, top)).all(-1) & (on <= (right, bottom)).all(-1)
    return 8.0 * float(inside.any(0).sum())
