"""How exactly a trained network inverts, in float32 and float64, on every molecule of a table.

x -> h -> x for all molecules, seen in training or not; h -> x -> h for z drawn from the prior
beside each molecule's own y. Errors are the greatest absolute ones, divided by
max(1, greatest absolute x): latents drawn from the prior lead to large x.
"""

import argparse
import json
from pathlib import Path

import torch

from nmrflow.data.dataset import SpectrumDataset
from nmrflow.data.sources.revmolspec import RevMolSpec
from nmrflow.errors import errors_for_people
from nmrflow.files.writing import write_text
from nmrflow.flow.latent import Latent, join_latent
from nmrflow.metrics.inversion import inversion_scores
from nmrflow.model.pretrained import load
from nmrflow.numerics import Draws, generator_for


@torch.no_grad()
def measure(checkpoint: str, table: Path) -> list[dict[str, float | int | str]]:
    """One row per floating type."""
    trained = load(checkpoint)
    records = RevMolSpec(str(table)).read().records
    dataset = SpectrumDataset(records, trained.codec, trained.axis)
    structures = [record.structure for record in records]
    rows: list[dict[str, float | int | str]] = []
    for dtype in (torch.float32, torch.float64):
        flow = trained.flow.to(dtype)
        x = flow.fill(dataset.x, dataset.code, Draws(generator_for(0, "fill"), len(records)))
        latent, _ = flow.to_latent(x)
        back, _ = flow.from_latent(latent)
        asked = Latent(flow.sample_z(Draws(generator_for(0, "inversion"), len(x))), latent.y)
        x_sampled, _ = flow.from_latent(asked)
        got, _ = flow.to_latent(x_sampled)
        scores = inversion_scores(x.numpy(), back.numpy(), structures, trained.codec)
        h_error = (join_latent(got) - join_latent(asked)).abs().max()
        rows.append(
            {
                "type": str(dtype).removeprefix("torch."),
                "n": len(x),
                "x_h_x_max_error": scores["max_abs_error"],
                "exact_structures": scores["exact_structures"],
                "h_x_h_max_error": float(h_error / max(1.0, float(x_sampled.abs().max()))),
                "greatest_sampled_x": float(x_sampled.abs().max()),
            }
        )
    return rows


def main() -> None:
    """Print a table; write it as JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", help="a name of weights, or a run")
    parser.add_argument("table", type=Path, help="the paper's table, CSV")
    parser.add_argument("--output", type=Path, help="where to write the results as JSON")
    arguments = parser.parse_args()
    with errors_for_people():
        rows = measure(arguments.checkpoint, arguments.table)
    for row in rows:
        print("  ".join(f"{key}={value}" for key, value in row.items()))
    if arguments.output:
        write_text(arguments.output, json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
