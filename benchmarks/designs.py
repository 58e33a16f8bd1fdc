"""Designs of the bonds' network side by side, as a Markdown table: one row for each run folder.

The runs differ in ``conditional@model.flow.nodes.structure.conditional`` and share split, seed and
budget. Scores are those of each run's ``scores.json`` (``python -m nmrflow.evaluate checkpoint=RUN
output=RUN/scores.json``); sampling is timed here.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import torch

from nmrflow import load_checkpoint
from nmrflow.console import say
from nmrflow.errors import DataError, errors_for_people
from nmrflow.evaluation.scores_file import read_scores
from nmrflow.flow.latent import Latent
from nmrflow.model.trained import TrainedFlow
from nmrflow.numerics import Draws, generator_for

N_DRAWS = 1_024
N_QUERIES = 5
SCORES = "scores.json"

COLUMNS = (
    ("first", "structure/top1"),
    ("first ten", "structure/top10"),
    ("among the draws", "structure/coverage"),
    ("first, formula known", "structure/top1_formula"),
    ("first ten, formula known", "structure/top10_formula"),
    ("among the draws, formula known", "structure/coverage_formula"),
    ("valid", "structure/valid_raw"),
    ("log p of the truth", "structure/log_p_truth"),
    ("log p, formula known", "structure/log_p_truth_formula"),
)


@torch.no_grad()
def sampling_seconds(trained: TrainedFlow) -> float:
    """Seconds in which the bonds of a thousand draws are made, mean over random queries."""
    flow = trained.flow
    seconds = 0.0
    with flow.given_query():
        for k in range(N_QUERIES + 1):
            generator = generator_for(0, "query", k)
            bits = torch.rand(flow.n_bins, generator=generator) < 0.06
            y = torch.where(bits, 1.0, -1.0).to(flow.dtype).expand(N_DRAWS, -1)
            z = flow.sample_z(Draws(generator, N_DRAWS))
            started = time.perf_counter()
            flow.from_latent(Latent(z, y))
            if k:  # The first one warms up.
                seconds += time.perf_counter() - started
    return seconds / N_QUERIES


def row_of(run: Path) -> dict[str, str]:
    """What a run's row says."""
    trained = load_checkpoint(run)
    scores: dict[str, Any] = read_scores(run / SCORES)
    missing = [name for _, name in COLUMNS if name not in scores]
    if missing:
        raise DataError(
            f"{run / SCORES}: lacks {', '.join(missing)}; write it anew with "
            f"python -m nmrflow.evaluate checkpoint={run} output={run / SCORES}"
        )
    nodes = trained.description["config"]["model"]["flow"]["nodes"]
    n = sum(weight.numel() for weight in trained.flow.node("structure").parameters())
    seconds = trained.description["training_side"]["stage_seconds"]["bonds"]
    return {
        "network": nodes["structure"]["conditional"]["_target_"].rsplit(".", 1)[-1],
        **{title: f"{scores[name]:.3f}" for title, name in COLUMNS},
        "training, s": f"{seconds:.0f}",
        f"{N_DRAWS} draws, s": f"{sampling_seconds(trained):.2f}",
        "weights": f"{n:,}",
        "n": str(scores["n"]),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="run folders")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with errors_for_people():
        rows = [row_of(run) for run in given.runs]
    titles = list(rows[0])
    say("| " + " | ".join(titles) + " |")
    say("|" + " --- |" * len(titles))
    for row in rows:
        say("| " + " | ".join(row[title] for title in titles) + " |")


if __name__ == "__main__":
    main()
