"""What a network that elucidates must hold to, checked on measured spectra.

- latents: proposals put through f with their query give the z drawn and the y asked;
- numbering: predicted bits and log p under random orders of the atoms;
- one query: seconds from a peak list to ten ranked candidates, and whether the same seed gives
  the same list.
"""

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nmrflow import load_checkpoint, load_pretrained
from nmrflow.data.records import MoleculeSpectrum
from nmrflow.data.sources.revmolspec import RevMolSpec
from nmrflow.errors import errors_for_people
from nmrflow.inference import TrainedFlow
from nmrflow.pretrained import names

N_PROPOSALS = 100
N_MOLECULES = 50
N_ORDERS = 20


def check_latents(trained: TrainedFlow, records: list[MoleculeSpectrum]) -> dict[str, float]:
    """One proposal for each of a hundred spectra, with and without its formula."""
    codes = np.stack([trained.axis.code_from_fine(r.fine_bins) for r in records[:N_PROPOSALS]])
    formulas = [record.structure.formula for record in records[:N_PROPOSALS]]
    side = trained.description["training_side"]
    asked = np.where(codes == 1, side["mean_logit_true"], side["mean_logit_false"])
    errors: dict[str, float] = {"n": len(codes)}
    for name, told in (("", None), ("_formula", formulas)):
        proposals = [drawn[0] for drawn in trained.propose_structures(codes, 1, 0, told)]
        latent = trained.to_latent(proposals, formulas=told)
        drawn_z = np.stack([proposal.z for proposal in proposals])
        errors[f"z_max_error{name}"] = float(np.abs(latent.z.numpy() - drawn_z).max())
        errors[f"y_max_error{name}"] = float(np.abs(latent.y.numpy() - asked).max())
    return errors


def check_numbering(trained: TrainedFlow, records: list[MoleculeSpectrum]) -> dict[str, float]:
    """Greatest change of a logit and of log p under random orders of the atoms."""
    rng = random.Random(0)
    logit_change = log_p_change = 0.0
    for record in records[:N_MOLECULES]:
        structure = record.structure
        orders = [rng.sample(range(structure.n_atoms), structure.n_atoms) for _ in range(N_ORDERS)]
        same = [structure, *(structure.permuted(order) for order in orders)]
        code = trained.axis.code_from_fine(record.fine_bins)
        logits = trained.predict_logits(same)
        log_p = trained.log_p(same, np.tile(code, (len(same), 1)))
        logit_change = max(logit_change, float(np.ptp(logits, axis=0).max()))
        log_p_change = max(log_p_change, float(np.ptp(log_p)))
    return {
        "n": min(N_MOLECULES, len(records)),
        "n_orders": N_ORDERS,
        "logit_max_change": logit_change,
        "log_p_max_change": log_p_change,
    }


def check_query(
    trained: TrainedFlow, records: list[MoleculeSpectrum], n_samples: int
) -> dict[str, Any]:
    """Seconds of single queries, with and without the formula."""
    seconds, same = [], True
    for record in records[:5]:
        code = trained.axis.code_from_fine(record.fine_bins)[None]
        for told in (None, [record.structure.formula]):
            lists = []
            for _ in range(2):
                started = time.perf_counter()
                (drawn,) = trained.iterate_proposals(code, n_samples, 0, told)
                ranked = trained.rank(drawn, code[0], None if told is None else told[0])[:10]
                seconds.append(time.perf_counter() - started)
                lists.append([c.structure.connectivity for c in ranked])
            same &= lists[0] == lists[1]
    return {
        "n_samples": n_samples,
        "seconds_median": float(np.median(seconds)),
        "seconds_max": float(np.max(seconds)),
        "same_list": same,
    }


def main() -> None:
    """Print the checks; write them as JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", help="a checkpoint, a run's folder, or a name")
    parser.add_argument("table", type=Path, help="the paper's table, CSV")
    parser.add_argument("--samples", type=int, default=600, help="residuals drawn per query")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, help="where to write the results as JSON")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with errors_for_people():
        load = load_pretrained if given.checkpoint in names() else load_checkpoint
        trained = load(given.checkpoint)
        data = RevMolSpec(str(given.table)).read(trained.axis)
        records = list(trained.split.divide(data.records).validation)
        results = {
            "latents": check_latents(trained, records),
            "numbering": check_numbering(trained, records),
            "one query": check_query(trained, records, given.samples),
        }
    for name, row in results.items():
        print(name, json.dumps(row))
    if given.output:
        given.output.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
