"""Figures of a run, and of several runs: for the report and for W&B."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nmrflow.chem.depiction import draw_structure_png
from nmrflow.chem.structure import Structure
from nmrflow.evaluation.paper.tables import PAPER_CD, PAPER_RCD
from nmrflow.spectra.plot import plot_mirror

Evaluation = Mapping[str, Any]
"""What a run's ``evaluation.json`` holds."""


def learning_curves(runs: Sequence[Evaluation]) -> Figure:
    """Losses and F1 by epoch: the paper's Figure 3. A thin line per run, a thick mean."""
    figure, (losses, scores) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for axes, curves, label in (
        (losses, {"training": "train/loss_y", "validation": "val/loss_y"}, "loss y"),
        (
            scores,
            {"macro": "val/f1_macro", "micro": "val/f1_micro", "±1 bin": "val/f1_within_1_bin"},
            "F1, validation side",
        ),
    ):
        for colour, (name, key) in enumerate(curves.items()):
            _plot_runs(axes, runs, key, name, f"C{colour}")
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False, fontsize="small")
    return figure


def _plot_runs(axes: Axes, runs: Sequence[Evaluation], key: str, name: str, colour: str) -> None:
    tables = [pd.DataFrame(run["epochs"]).set_index("epoch") for run in runs if run["epochs"]]
    values = pd.concat([table[key] for table in tables], axis=1).sort_index()
    if len(runs) > 1:
        axes.plot(values, color=colour, linewidth=0.6, alpha=0.4)
    axes.plot(values.mean(axis=1), color=colour, linewidth=2, marker="o", label=name)


def deviation_curves(runs: Sequence[Evaluation]) -> Figure:
    """Conditional deviation against the noise on z: mean over runs, the paper's beside it."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for axes, kind, paper, label in (
        (panels[0], "cd", PAPER_CD, "conditional deviation of x"),
        (panels[1], "rcd", PAPER_RCD, "relative"),
    ):
        noise: list[float] = []
        for name in ("local", "local_l2", "prior", "prior_l2"):
            found = [run.get(f"conditional/{kind}_{name}") for run in runs]
            curves = [curve for curve in found if curve]
            if not curves:
                continue
            noise = [float(level) for level in curves[0]]
            mean = np.mean([list(curve.values()) for curve in curves], axis=0)
            place = "learned prior" if "prior" in name else "validation z"
            norm, style = ("L2", "--") if name.endswith("l2") else ("L1", "-")
            colour = "C1" if "prior" in name else "C0"
            axes.plot(noise, mean, style, color=colour, marker="o", label=f"{place}, {norm}")
        axes.plot(noise[: len(paper)], paper[: len(noise)], "k:", marker="x", label="paper")
        axes.set(xscale="log", yscale="log", xlabel="noise on z", ylabel=label)
        axes.legend(frameon=False, fontsize="small")
    return figure


def reliability_diagram(runs: Sequence[Evaluation]) -> Figure:
    """Predicted against observed frequency of set bits, a line per run."""
    figure, axes = plt.subplots(figsize=(4.2, 3.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, label="perfect")
    for run in runs:
        points = [
            (point["predicted"], point["observed"]) for point in run["calibration/reliability"]
        ]
        axes.plot(*zip(*points, strict=True), color="C0", marker=".", alpha=0.6)
    axes.set(xlabel="predicted probability of a bit", ylabel="share of bits that are set")
    axes.legend(frameon=False, fontsize="small")
    return figure


def example_spectrum(example: Mapping[str, Any]) -> Figure:
    """A structure beside its measured (up) and predicted (down) spectrum, 220 to 0 ppm."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 2.3), width_ratios=(1, 3.2), layout="constrained"
    )
    png = draw_structure_png(Structure.from_smiles(example["smiles"]))
    left.imshow(plt.imread(io.BytesIO(png), format="png"))
    left.set_axis_off()
    plot_mirror(example["measured_ppm"], example["predicted_ppm"], ax=right)
    seen = "not trained on" if example["side"] == "validation" else "trained on"
    title = f"molecule {example['molecule_id']}, {example['formula']}, {seen}"
    right.set_title(title, fontsize="small", loc="left")
    return figure


def draw_runs(
    runs: Sequence[Evaluation], curves: Sequence[Evaluation], n_examples: int | None = None
) -> dict[str, Figure]:
    """The figures of runs of one kind by name, as far as there is something to draw.

    Learning curves are of ``curves``; examples, ``n_examples`` at most, of the first run.
    """
    drawn = {"reliability": reliability_diagram(runs)}
    if any(run.get("conditional/cd_local") for run in runs):
        drawn["deviation"] = deviation_curves(runs)
    if any(run["epochs"] for run in curves):
        drawn["learning_curves"] = learning_curves(curves)
    for number, example in enumerate(runs[0]["examples"][:n_examples]):
        drawn[f"example_{number}"] = example_spectrum(example)
    return drawn
