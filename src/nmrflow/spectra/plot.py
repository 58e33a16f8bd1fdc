"""Spectra as pictures: sticks on a shift axis from 220 to 0 ppm."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

SHIFT_RANGE_PPM = (220.0, -5.0)
"""What is shown, left to right: the order in which chemists draw 13C spectra."""


def plot_mirror(
    measured_ppm: Sequence[float],
    predicted_ppm: Sequence[float],
    *,
    labels: tuple[str, str] = ("measured", "predicted"),
    ax: Axes | None = None,
) -> Axes:
    """Draw two peak lists, one upwards and one downwards.

    Args:
        measured_ppm: Shifts in ppm, drawn upwards.
        predicted_ppm: Shifts in ppm, drawn downwards.
        labels: Their names.
        ax: Where to draw; a new figure if None.

    Returns:
        The axes drawn on.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 2.6), layout="constrained")
    for shifts, height, label, colour in (
        (measured_ppm, 1.0, labels[0], "C0"),
        (predicted_ppm, -1.0, labels[1], "C1"),
    ):
        ax.vlines(list(shifts), 0.0, height, color=colour, label=f"{label} ({len(set(shifts))})")
    ax.axhline(0.0, color="black", linewidth=0.8)
    ax.set(xlim=SHIFT_RANGE_PPM, ylim=(-1.1, 1.1), yticks=[], xlabel="13C shift / ppm")
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, ncols=2, fontsize="small")
    return ax
