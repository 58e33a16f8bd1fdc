"""The parts of a report, as Markdown; figures are named and drawn elsewhere."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from nmrflow.evaluation.figures import Evaluation
from nmrflow.evaluation.paper.conditional import NOISE_LEVELS
from nmrflow.evaluation.paper.tables import PAPER_CD, PAPER_RCD
from nmrflow.evaluation.report.runs import paper_table, scores_table, seeds, span, summarise

Yardsticks = Mapping[str, Mapping[str, float]]
"""By yardstick its scores, named as a network's are."""

FORWARD = {
    "spectrum/f1_macro": "F1, macro over bins",
    "spectrum/f1_micro": "F1, micro",
    "spectrum/f1_within_1_bin": "F1, within one bin",
    "calibration/ece": "expected calibration error",
    "spectrum/bits_predicted": "set bits per spectrum, predicted",
    "spectrum/bits_true": "set bits per spectrum, measured",
    "spectrum/last_bin_predicted": "share of predictions with the last bin set",
    "spectrum/last_bin_true": "share of measured codes with the last bin set",
}
BACKWARD = {
    "structure/top1": "truth first",
    "structure/top10": "truth among the first ten",
    "structure/tanimoto_top10": "best Tanimoto similarity of the first ten",
    "structure/top1_formula": "truth first, formula known",
    "structure/top10_formula": "truth among the first ten, formula known",
    "structure/tanimoto_top10_formula": "best Tanimoto similarity of the first ten, formula known",
    "structure/coverage": "truth among all samples (lookup: in the corpus)",
    "structure/valid_raw": "samples that are a molecule, nothing repaired",
    "structure/unique": "distinct among a query's valid samples",
    "structure/novel": "distinct valid samples not trained on",
    "structure/n_samples": "samples per query",
    "structure/bond_count_correlation": "number of bonds, real and generated, correlation",
    "structure/aromatic_bond_count_correlation": "the same, aromatic bonds",
}
LATENT = {
    "latent/y_from_z_auroc_linear": "code from z, linear probe, AUROC (0.5: tells nothing)",
    "latent/y_from_z_auroc_mlp": "code from z, two-layer probe, AUROC",
    "latent/dimension_mean_abs": "mean of a dimension of z, absolute, mean over dimensions",
    "latent/dimension_std_mean": "std of a dimension of z, mean over dimensions",
    "latent/dimension_std_min": "the same, least",
    "latent/dimension_std_max": "the same, greatest",
    "conditional/variation_rows_mean": "conditional variation over the last axis of x only",
    "conditional/variation_rows_std": "the same, sd over molecules and rows",
}

PUBLISHED_INVERSE = (
    "**The published test of the inverse** takes each molecule's own z and y back and sets "
    "every cell above 0. It measures the sign of rounding errors in cells that are zero, not "
    "generation: with a cut at one half the same test returns every molecule exactly."
)


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[Any]], n_text: int = 1) -> str:
    """A Markdown table: ``n_text`` columns of text, then numbers, in four digits; None a dash."""
    alignment = ["---"] * n_text + ["---:"] * (len(headings) - n_text)
    lines = [headings, alignment, *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def plain(text: object) -> str:
    """A text of some file, as Markdown that shows it as it is: no picture, no link, no heading."""
    return re.sub(r"[\\`*_\[\]<>!#|]", r"\\\g<0>", " ".join(str(text).split()))


def code(text: object) -> str:
    """The same as code, in which only a backtick would mean anything."""
    return f"`{' '.join(str(text).split()).replace('`', chr(39))}`"


def _cell(value: Any) -> str:  # noqa: ANN401
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return re.sub(r"(?<!\\)\|", r"\|", str(value))


def conditions(runs: Sequence[Evaluation]) -> str:
    """What the figures are of."""
    scores = scores_table(runs)
    first = runs[0]
    digests = sorted({str(run["data_sha256"])[:12] for run in runs})
    return (
        f"{len(runs)} runs of {first['n_epochs']} epochs on {code(first['data'])} (digest "
        f"{plain(', '.join(digests))}), split {code(first['split'])}, split seeds "
        f"{seeds([run['split_seed'] for run in runs])}, seeds "
        f"{seeds([run['seed'] for run in runs])}; trained on {span(scores['n_train'])} spectra, "
        f"scored on the {span(scores['n'])} of the validation side, of which "
        f"{span(scores['n_seen_in_training'])} are of molecules trained on; "
        f"{span(scores['n_excluded'])} rows left out. Scores are the last epoch's."
    )


def paper_section(runs: Sequence[Evaluation], all_lengths: Sequence[Evaluation]) -> str:
    """The paper's figures beside ours."""
    table = paper_table(runs, all_lengths)
    rows = table.to_numpy(dtype=object).tolist()
    return markdown_table([str(name) for name in table], rows, n_text=2)


def comparison(
    runs: Sequence[Evaluation], yardsticks: Sequence[Yardsticks], rows: Mapping[str, str]
) -> str:
    """Our scores, ``rows`` giving names and labels, and the yardsticks', one per split if any."""
    scores = scores_table(runs)
    names = list(dict.fromkeys(name for of_split in yardsticks for name in of_split))
    names = [
        n for n in names if any(key in split.get(n, {}) for split in yardsticks for key in rows)
    ]
    constants = any(_constant(name) in scores for name in rows)
    headings = ["", "network", "sd", "min", "max", *(["best constant"] if constants else [])]
    table = []
    for key, label in rows.items():
        if key not in scores:
            continue
        beside = [scores.get(_constant(key), pd.Series(dtype=object))] if constants else []
        for name in names:
            of_splits = [split.get(name, {}).get(key) for split in yardsticks]
            beside.append(pd.Series(of_splits, dtype=object))
        of = summarise(scores[key])
        row = [label, of["mean"], of["sd"], of["min"], of["max"]]
        table.append([*row, *(summarise(values)["mean"] for values in beside)])
    return markdown_table([*headings, *(plain(name.replace("_", " ")) for name in names)], table)


def _constant(name: str) -> str:
    """The best constant predictor's score of that name, which only spectra have."""
    subject, _, quantity = name.partition("/")
    return f"{subject}/constant/{quantity}"


def deviation_section(runs: Sequence[Evaluation]) -> str:
    """Table 4 in both norms: absolute and relative, around validation z and the prior."""
    scores = scores_table(runs)
    rows: list[list[Any]] = [["paper, absolute", *PAPER_CD], ["paper, relative", *PAPER_RCD]]
    for kind, label in (("cd", "absolute"), ("rcd", "relative")):
        for name, place in (("local", "validation z"), ("prior", "learned prior")):
            for norm in ("", "_l2"):
                keys = [f"conditional/{kind}_{name}{norm}/{level:g}" for level in NOISE_LEVELS]
                if keys[0] in scores:
                    values = [summarise(scores[key])["mean"] for key in keys]
                    rows.append([f"{label}, {place}, {'L2' if norm else 'L1'}", *values])
    return markdown_table(["noise on z", *(f"{level:g}" for level in NOISE_LEVELS)], rows)


def examples_section(run: Evaluation) -> str:
    """The form of the paper's Table 2: measured and predicted bins of single molecules."""
    rows = [
        (
            plain(f"{example['molecule_id']}, {example['formula']}"),
            code(example["smiles"]),
            " ".join(map(str, example["true_bins"])),
            " ".join(map(str, example["predicted_bins"])),
        )
        for example in run["examples"]
    ]
    headings = ["molecule", "structure", "measured bins", "predicted bins"]
    return markdown_table(headings, rows, n_text=4)


def everything(runs: Sequence[Evaluation]) -> str:
    """Every single number that the runs hold."""
    scores = scores_table(runs)
    rows = [[code(name), *summarise(scores[name]).values()] for name in scores if "/" in str(name)]
    return markdown_table(["score", "mean", "sd", "min", "max", "runs"], rows)


def overview(families: Mapping[str, Sequence[Evaluation]]) -> str:
    """Several kinds of runs beside each other, means (min to max)."""
    names = ("structure/top10", "structure/coverage", "structure/valid_raw")
    chosen = FORWARD | {key: BACKWARD[key] for key in names}
    rows = []
    for key, label in chosen.items():
        row: list[Any] = [label]
        for runs in families.values():
            of = summarise(scores_table(runs).get(key, pd.Series(dtype=object)))
            row.append(
                None
                if of["mean"] is None
                else f"{of['mean']:.4g} ({of['min']:.4g} to {of['max']:.4g}; {of['runs']} runs)"
            )
        rows.append(row)
    return markdown_table(["", *families], rows)
