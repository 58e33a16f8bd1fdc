"""Spectra as pictures: sticks on a shift axis, high shifts to the left."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from nmrflow.spectra.nucleus import Carbon13, Nucleus


def plot_mirror(
    measured_ppm: Sequence[float],
    predicted_ppm: Sequence[float],
    *,
    labels: tuple[str, str] = ("measured", "predicted"),
    nucleus: Nucleus = Carbon13(),
    ax: Axes | None = None,
    legend: bool = True,
) -> Axes:
    """Draw two peak lists, one upwards and one downwards.

    Args:
        measured_ppm: Shifts in ppm, drawn upwards.
        predicted_ppm: Shifts in ppm, drawn downwards.
        labels: Their names.
        nucleus: Whose shifts they are.
        ax: Where to draw; a new figure if None.
        legend: Whether the names stand above.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 2.6), layout="constrained")
    for shifts, height, label, colour in (
        (measured_ppm, 1.0, labels[0], "C0"),
        (predicted_ppm, -1.0, labels[1], "C1"),
    ):
        ax.vlines(list(shifts), 0.0, height, color=colour, label=f"{label} ({len(set(shifts))})")
    draw_axis(ax, nucleus, (-1.1, 1.1))
    if legend:
        ax.legend(
            loc="lower right", bbox_to_anchor=(1, 1), frameon=False, ncols=2, fontsize="small"
        )
    return ax


def draw_axis(ax: Axes, nucleus: Nucleus, heights: tuple[float, float]) -> None:
    """The line that sticks stand on, and the shift axis beneath; sticks end within the heights."""
    ax.axhline(0.0, color="black", linewidth=0.8)
    ax.set(xlim=nucleus.shown_ppm, ylim=heights, yticks=[], xlabel=nucleus.heading)
