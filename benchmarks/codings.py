"""What the backward side is told of a spectrum, side by side at an equal budget.

    python benchmarks/codings.py RUN DATA [--molecules 60000] [--n 60] [--width 100]

RUN was trained on the inner split and has its tables of molecules. For each coding a small network
learns from the same molecules in as many steps: exact shifts beside the code of adaptive bins (as
``+experiment=organic``), that code alone, and the code of as many even bins alone. Scores are of
held-out spectra: -log p of the truth, and how often a beam finds it; and the F1 of the codes that
RUN's own forward side predicts.
"""

import argparse
import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nmrflow.answers.prediction import LEVEL
from nmrflow.console import quiet_libraries
from nmrflow.data.question_draw import QuestionDraw
from nmrflow.data.records import Record
from nmrflow.errors import errors_for_people
from nmrflow.evaluation.backward import KNOWN, choose, question_knowing
from nmrflow.flow.search import search
from nmrflow.flow.state import UNKNOWN
from nmrflow.metrics.spectrum import spectrum_scores, to_bits
from nmrflow.model.facts import facts_of
from nmrflow.model.network import Network, build_network
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.training.stages.backward import BackwardStage, structure_node
from nmrflow.training.stages.base import StageContext

SMALL = {"width": 96, "n_layers": 3, "n_heads": 4, "n_peak_layers": 1, "pointer_width": 32}
BATCH = 96
N_LOG_P = 1_000
AT_ONCE = 100
EXTENT_PPM, FINE_PPM = 240.0, 0.05


def codings(model: dict[str, Any]) -> dict[str, tuple[dict[str, Any], float]]:
    """Each coding's model, and the share of questions that tell exact shifts."""
    small = copy.deepcopy(model)
    small["flow"]["nodes"]["structure"]["conditional"].update(SMALL)
    even = copy.deepcopy(small)
    n_bins = len(small["axis"]["edges"]) - 1
    n_fine = round(EXTENT_PPM / FINE_PPM)
    edges = [round(k * n_fine / n_bins) for k in range(n_bins + 1)]
    even["axis"] |= {"edges": edges, "fine_width_ppm": FINE_PPM}
    return {
        "exact shifts and adaptive bins": (small, 0.9),
        "adaptive bins": (small, 0.0),
        "even bins": (even, 0.0),
    }


def predicted_f1(trained: TrainedFlow, axis: ShiftAxis, records: list[Record]) -> dict[str, float]:
    """Scores of the codes that the forward side predicts, and how many bits are set."""
    true = np.stack([axis.code_from_shifts(r.peaks.shifts_ppm) for r in records]).astype(bool)
    logits = []
    for _, distribution in trained.predict_parts([r.structure for r in records], LEVEL):
        logits.append(distribution.logits(axis).numpy())
    return {**spectrum_scores(to_bits(np.concatenate(logits)), true), "bits": true.sum(1).mean()}


@torch.no_grad()
def scores_of(
    network: Network, records: list[Record], *, is_exact: bool, n: int, width: int
) -> dict[str, float]:
    """Of held-out spectra: -log p, and how often a beam finds the truth."""
    node = structure_node(network)
    cells = torch.from_numpy(np.stack([network.codec.encode(r.structure) for r in records]))
    n_facts = node.unknown_condition(1).shape[1]
    found: dict[str, float] = {}
    for known in KNOWN[:2]:
        asked = [question_knowing(record, known) for record in records]
        facts = facts_of(asked, network.codec, n_facts)
        assert facts is not None
        if not is_exact:
            facts[:, node.grammar.n_counts :] = UNKNOWN
        code = torch.from_numpy(np.stack([one.code(network.axis) for one in asked])).bool()
        parts = zip(
            cells.long().split(AT_ONCE), code.split(AT_ONCE), facts.split(AT_ONCE), strict=True
        )
        log_p = torch.cat([node.log_probability(*part) for part in parts])
        hits = []
        for k in range(n):
            tables = node.grammar.to_cells(search(node, code[k], facts[k], width).tokens)
            hits.append(bool((tables == cells[k]).all(1).any()))
        finite = log_p[log_p.isfinite()]
        found[f"nats{known.suffix}"] = -float(finite.mean())
        found[f"median_nats{known.suffix}"] = -float(log_p.median())
        found[f"found{known.suffix}"] = float(np.mean(hits))
    return found


def main() -> None:
    """Print a line for each coding."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("data")
    parser.add_argument("--molecules", type=int, default=60_000, help="gone through in training")
    parser.add_argument("--n", type=int, default=60, help="spectra that a beam is put to")
    parser.add_argument("--width", type=int, default=100, help="of the beam")
    given = parser.parse_args()
    quiet_libraries()
    with errors_for_people():
        trained = load(str(given.run))
        sides = trained.split.divide(trained.source_at(given.data).read().records)
        held_out = choose(trained, sides.validation, N_LOG_P, 0)
        for name, (model, exact) in codings(trained.description["config"]["model"]).items():
            network = build_network(model, seed=0)
            assert network.forward is not None
            assert trained.network.forward is not None
            network.forward.load_state_dict(trained.network.forward.state_dict())
            with tempfile.TemporaryDirectory() as folder:
                context = StageContext(
                    network=network,
                    train=tuple(sides.train),
                    excluded=frozenset(),
                    folder=Path(folder),
                    folders={"molecules": given.run / "stages" / "molecules"},
                    trainer={"accelerator": "cpu", "devices": 1},
                    seed=0,
                )
                stage = BackwardStage(
                    molecules="molecules",
                    n_molecules=given.molecules,
                    n_epochs=3,
                    batch_size=BATCH,
                    share_measured=0.4,
                    questions=QuestionDraw(exact=exact),
                )
                losses = stage.run(context)["structure_nats"]
            row = scores_of(network, held_out, is_exact=exact > 0, n=given.n, width=given.width)
            f1 = predicted_f1(trained, network.axis, sides.validation)
            print(json.dumps({"coding": name, "losses": losses, **row, **f1}), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
