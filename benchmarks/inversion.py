"""How exactly a trained network inverts, in float32 and float64, on every molecule of its data.

x -> h -> x for all molecules, seen in training or not; h -> x -> h for z drawn from the prior
beside each molecule's own y. Errors are the greatest absolute ones, divided by
max(1, greatest absolute x): latents drawn from the prior lead to large x. Mean and standard
deviation of z are of all molecules, its numbers beyond their ends included, where nothing is told
and z is the fraction alone; with ``--probes N`` it is asked, besides, how well y can be told from
z, by probes that learn from N molecules of the training side and are put to as many of the
validation side.
"""

import argparse
import json
from pathlib import Path

import torch

from nmrflow.console import progress
from nmrflow.data.dataset import SpectrumDataset
from nmrflow.data.records import Record
from nmrflow.data.splits import draw
from nmrflow.errors import errors_for_people
from nmrflow.files.writing import write_text
from nmrflow.flow.latent import Latent, join_latent
from nmrflow.metrics.inversion import inversion_scores
from nmrflow.metrics.probes import LinearProbe, TwoLayerProbe
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow
from nmrflow.numerics import Draws, generator_for

_AT_ONCE = 256


@torch.no_grad()
def measure(trained: TrainedFlow, records: list[Record]) -> list[dict[str, float | int | str]]:
    """One row per floating type."""
    rows: list[dict[str, float | int | str]] = []
    for dtype in (torch.float32, torch.float64):
        flow = trained.flow.to(dtype)
        x_error = h_error = greatest = 0.0
        n_exact = 0
        z: list[torch.Tensor] = []
        parts = range(0, len(records), _AT_ONCE)
        for start in progress(parts, len(parts), str(dtype)):
            part = records[start : start + _AT_ONCE]
            dataset = SpectrumDataset(part, trained.codec, trained.axis)
            draws = Draws(generator_for(0, "fill", start), len(part))
            x = flow.fill(dataset.x, dataset.code, draws)
            latent, _ = flow.to_latent(x)
            z.append(latent.z.double())
            back, _ = flow.from_latent(latent)
            draws = Draws(generator_for(0, "inversion", start), len(part))
            asked = Latent(flow.sample_z(draws), latent.y)
            x_sampled, _ = flow.from_latent(asked)
            got, _ = flow.to_latent(x_sampled)
            structures = [record.structure for record in part]
            scores = inversion_scores(x.numpy(), back.numpy(), structures, trained.codec)
            x_error = max(x_error, float(scores["max_abs_error"]))
            n_exact += round(float(scores["exact_structures"]) * len(part))
            own = float(x_sampled.abs().max())
            away = float((join_latent(got) - join_latent(asked)).abs().max())
            h_error, greatest = max(h_error, away / max(1.0, own)), max(greatest, own)
        rows.append(
            {
                "type": str(dtype).removeprefix("torch."),
                "n": len(records),
                "x_h_x_max_error": x_error,
                "exact_structures": n_exact / len(records),
                "h_x_h_max_error": h_error,
                "greatest_sampled_x": greatest,
                "z_mean": float(torch.cat(z).mean()),
                "z_std": float(torch.cat(z).std()),
            }
        )
    return rows


def probed(trained: TrainedFlow, table: str, n: int) -> dict[str, float]:
    """AUROC of y from z, by probe: 0.5 where z tells nothing of the spectrum."""
    sides = trained.split.divide(trained.source_at(table).read().records)
    z, codes = [], []
    for side in (sides.train, sides.validation):
        held = [r for r in side if trained.codec.refusal(r.structure) is None]
        dataset = SpectrumDataset(draw(held, n, 0), trained.codec, trained.axis)
        parts = []
        for number, batch in enumerate(dataset.batches()):
            draws = Draws(generator_for(0, "encode", number), len(batch.x))
            with torch.no_grad():
                parts.append(
                    trained.flow.to_latent(trained.flow.fill(batch.x, batch.code, draws))[0].z
                )
        z.append(torch.cat(parts).numpy())
        codes.append(dataset.code.numpy().astype(bool))
    return {
        f"auroc_{probe.__name__}": probe(z[0], codes[0]).auroc(z[1], codes[1])
        for probe in (LinearProbe, TwoLayerProbe)
    }


def main() -> None:
    """Print a table; write it as JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", help="a name of weights, or a run")
    parser.add_argument("table", type=Path, help="the file that it was trained on")
    parser.add_argument("--most", type=int, help="molecules, drawn by a hash; default: all")
    parser.add_argument("--probes", type=int, default=0, help="molecules of each side: see above")
    parser.add_argument("--output", type=Path, help="where to write the results as JSON")
    arguments = parser.parse_args()
    with errors_for_people():
        trained = load(arguments.checkpoint)
        if arguments.probes:
            print(probed(trained, str(arguments.table), arguments.probes), flush=True)
        read = trained.source_at(str(arguments.table)).read().records
        records = [r for r in read if trained.codec.refusal(r.structure) is None]
        rows = measure(trained, draw(records, arguments.most or len(records), 0))
    for row in rows:
        print("  ".join(f"{key}={value}" for key, value in row.items()))
    if arguments.output:
        write_text(arguments.output, json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
