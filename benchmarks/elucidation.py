"""What a network that elucidates must hold to, checked on measured spectra.

- latents: proposals put through f with their query give the z drawn and the y asked;
- numbering: predicted shifts, bits and log p under random orders of the atoms;
- one query: seconds from a peak list to ten ranked candidates, and whether the same seed gives
  the same list;
- lookup, with ``--corpus``: what ranking the molecules that the network learned from finds, each
  by how well its predicted spectrum explains the query. The network itself looks nothing up.
"""

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nmrflow.answers.candidates import order, weigh_drawn
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.console import progress
from nmrflow.data.corpus import Corpus
from nmrflow.data.records import Record
from nmrflow.data.sources.revmolspec import RevMolSpec
from nmrflow.errors import DataError, errors_for_people
from nmrflow.evaluation.trials import question_of
from nmrflow.evaluation.yardsticks.lookup import Corpus as LookupCorpus
from nmrflow.evaluation.yardsticks.lookup import rank_corpus
from nmrflow.evaluation.yardsticks.measured import measured
from nmrflow.files.writing import write_text
from nmrflow.metrics.structure import ranking_scores
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow
from nmrflow.shifts.distribution import to_logits

N_PROPOSALS = 100
N_MOLECULES = 50
N_ORDERS = 20
AT_A_TIME = 1_024


def check_latents(trained: TrainedFlow, records: list[Record]) -> dict[str, float]:
    """One proposal for each of a hundred spectra, with and without its formula."""
    records = records[:N_PROPOSALS]
    codes = np.stack([trained.axis.code_from_shifts(r.peaks.shifts_ppm) for r in records])
    side = trained.description["training_side"]
    asked = np.where(codes == 1, side["mean_logit_true"], side["mean_logit_false"])
    errors: dict[str, float] = {"n": len(codes)}
    for name, tells in (("", False), ("_formula", True)):
        questions = [question_of(record, tells_formula=tells) for record in records]
        proposals = [drawn[0] for drawn in trained.propose_structures(questions, 1, 0)]
        latent = trained.to_latent(proposals, questions)
        drawn_z = np.stack([proposal.z for proposal in proposals])
        errors[f"z_max_error{name}"] = float(np.abs(latent.z.numpy() - drawn_z).max())
        errors[f"y_max_error{name}"] = float(np.abs(latent.y.numpy() - asked).max())
    return errors


def check_numbering(trained: TrainedFlow, records: list[Record]) -> dict[str, float]:
    """Greatest change of a shift, a logit and log p under random orders of the atoms."""
    rng = random.Random(0)
    logit_change = log_p_change = shift_change = 0.0
    for record in records[:N_MOLECULES]:
        structure = record.structure
        orders = [rng.sample(range(structure.n_atoms), structure.n_atoms) for _ in range(N_ORDERS)]
        same = [structure, *(structure.permuted(order) for order in orders)]
        code = trained.axis.code_from_shifts(record.peaks.shifts_ppm)
        shifts = [predicted.median_ppm for predicted in trained.predict_shifts(same)]
        moved = zip(shifts[1:], orders, strict=True)
        changes = [np.abs(s - shifts[0][order]).max() for s, order in moved]
        shift_change = max(shift_change, float(max(changes)))
        logits = trained.predict_logits(same)
        log_p = trained.log_p(same, np.tile(code, (len(same), 1)))
        logit_change = max(logit_change, float(np.ptp(logits, axis=0).max()))
        log_p_change = max(log_p_change, float(np.ptp(log_p)))
    return {
        "n": min(N_MOLECULES, len(records)),
        "n_orders": N_ORDERS,
        "shift_max_change_ppm": shift_change,
        "logit_max_change": logit_change,
        "log_p_max_change": log_p_change,
    }


def check_query(trained: TrainedFlow, records: list[Record], n_samples: int) -> dict[str, Any]:
    """Seconds of single queries, with and without the formula, of the largest molecules."""
    seconds, same = [], True
    for record in sorted(records, key=lambda record: -record.structure.n_atoms)[:5]:
        for tells in (False, True):
            question = question_of(record, tells_formula=tells)
            lists = []
            for _ in range(2):
                started = time.perf_counter()
                (drawn,) = trained.iterate_proposals([question], n_samples, 0, explains=False)
                ranked = order(weigh_drawn(trained, question, drawn))[:10]
                seconds.append(time.perf_counter() - started)
                lists.append([c.structure.connectivity for c in ranked])
            same &= lists[0] == lists[1]
    return {
        "n_samples": n_samples,
        "seconds_median": float(np.median(seconds)),
        "seconds_max": float(np.max(seconds)),
        "same_list": same,
    }


def check_lookup(trained: TrainedFlow, records: list[Record], folder: Path) -> dict[str, float]:
    """Scores of a search through a corpus, with and without the formula."""
    queries = measured(records, trained.axis)
    corpus = _labelled(trained, folder)
    names = set(corpus.connectivities)
    scores = {
        "n": len(records),
        "n_corpus": len(names),
        "coverage": float(np.mean([truth in names for truth in queries.connectivities])),
    }
    for suffix, same_formula in (("", False), ("_formula", True)):
        ranked = rank_corpus(corpus, queries, same_formula=same_formula)
        found = ranking_scores(ranked, queries.connectivities)
        scores |= {f"{name}{suffix}": value for name, value in found.items()}
    return scores


@torch.no_grad()
def _labelled(trained: TrainedFlow, folder: Path) -> LookupCorpus:
    """A training corpus with the spectra that the network predicts, in float32."""
    stored, codec = Corpus(folder), trained.codec
    forward = trained.network.forward
    if not isinstance(codec, TableCodec) or forward is None:
        raise DataError(f"{folder}: a corpus is of tables, which this network does not know")
    names, formulas, log_unset, gain = [], [], [], []
    starts = range(0, stored.n_molecules, AT_A_TIME)
    for start in progress(starts, len(starts), "predicting"):
        rows = np.arange(start, min(start + AT_A_TIME, stored.n_molecules))
        structures = [codec.structure(cells) for cells in stored.cells(rows)]
        names += [structure.connectivity for structure in structures]
        formulas += [structure.formula for structure in structures]
        graphs = [trained.network.graph(structure) for structure in structures]
        for found in forward.distributions(graphs, torch.float32):
            unset = found.log_unset(trained.axis)
            log_unset.append(unset.sum(1).float().numpy())
            gain.append(to_logits(unset).float().numpy())
    return LookupCorpus(names, np.array(formulas), np.concatenate(log_unset), np.concatenate(gain))


def main() -> None:
    """Print the checks; write them as JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", help="a checkpoint, a run's folder, or a name")
    parser.add_argument("table", type=Path, help="the paper's table, CSV")
    parser.add_argument("--samples", type=int, default=600, help="residuals drawn per query")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, help="where to write the results as JSON")
    parser.add_argument("--corpus", type=Path, help="a run's stages/corpus: also look up in it")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with errors_for_people():
        trained = load(given.checkpoint)
        data = RevMolSpec(str(given.table)).read()
        records = list(trained.split.divide(data.records).validation)
        results = {
            "latents": check_latents(trained, records),
            "numbering": check_numbering(trained, records),
            "one query": check_query(trained, records, given.samples),
        }
        if given.corpus:
            results["lookup"] = check_lookup(trained, records, given.corpus)
    for name, row in results.items():
        print(name, json.dumps(row))
    if given.output:
        write_text(given.output, json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
