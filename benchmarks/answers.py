"""What the answers to a chemist are worth, on measured spectra that the network has not seen.

- rank: the truth among 20 isomers of its formula, drawn at random and the nearest by Tanimoto
  similarity: how often it is first; how often "none fits" is said with it (a false alarm) and
  without it (a detection);
- elucidate: whether the probability that the truth is among the first 1, 3 and 10 candidates
  means what it says;
- predict: how many carbons have the peak that they are matched to in their interval.

Isomers come from the corpus of a run on the same split.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nmrflow.answers.assignment import assign
from nmrflow.console import quiet_libraries
from nmrflow.data.records import Record
from nmrflow.data.sources.revmolspec import RevMolSpec
from nmrflow.errors import errors_for_people
from nmrflow.evaluation.trials import (
    N_FIRST,
    N_ISOMERS,
    RankingTrial,
    among_cases,
    calibration_error,
    choose_isomers,
    elucidations,
    question_of,
    rankings,
)
from nmrflow.files.writing import write_text
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow

N_GROUPS = 10


def check_ranking(model: TrainedFlow, trials: list[RankingTrial]) -> dict[str, Any]:
    """Of formulas with enough isomers, and of the others."""
    scores: dict[str, Any] = {}
    for name, part in (
        ("", [trial for trial in trials if len(trial.isomers) == N_ISOMERS]),
        ("_few_isomers", [trial for trial in trials if len(trial.isomers) < N_ISOMERS]),
    ):
        scores[f"n{name}"] = len(part)
        if part:
            scores[f"truth_first{name}"] = _mean(trial.is_first for trial in part)
            scores[f"chance{name}"] = _mean(1 / (1 + len(trial.isomers)) for trial in part)
        told = [trial for trial in part if trial.isomers]
        if model.calibration and told:
            limit = model.calibration.none_fits_below
            for kind, has in (("false_alarms", True), ("detections", False)):
                found = (model.calibration.given(t.case(has_truth=has).evidence) for t in told)
                scores[f"{kind}{name}"] = _mean(p < limit for p in found)
    return scores


def check_intervals(model: TrainedFlow, records: list[Record]) -> dict[str, Any]:
    """Share of carbons whose matched peak lies in their interval, and the intervals' widths."""
    inside, widths = [], []
    for record in records:
        question = question_of(record, tells_formula=False)
        for pair in assign(model, question, record.structure).assigned:
            group, shift = pair.group, pair.measured.shift_ppm
            inside += [group.low_ppm <= shift <= group.high_ppm] * len(group.atoms)
            widths += [group.width_ppm] * len(group.atoms)
    return {
        "n_carbons": len(inside),
        "coverage": _mean(inside),
        "width_ppm_median": float(np.median(widths)),
    }


def _mean(values: Any) -> float:  # noqa: ANN401 - any numbers
    return float(np.mean(list(values)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", help="a name of weights, or a run")
    parser.add_argument("data", help="measured spectra, as the published table")
    parser.add_argument("--corpus", type=Path, required=True, help="RUN/stages/corpus")
    parser.add_argument("--samples", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    quiet_libraries()
    torch.set_num_threads(given.threads)
    with errors_for_people():
        model = load(given.checkpoint)
        records = list(model.split.divide(RevMolSpec(given.data).read().records).validation)
        found: dict[str, Any] = {
            "n": len(records),
            "split_seed": model.split.seed,
            "intervals": check_intervals(model, records),
        }
        answers = {
            tells: elucidations(
                model, records, tells_formula=tells, n_samples=given.samples, seed=given.seed
            )
            for tells in (False, True)
        }
        truths = [record.structure for record in records]
        for tells, name in ((False, ""), (True, "_formula")):
            ranked = [[c.structure.connectivity for c in a.candidates] for a in answers[tells]]
            pairs = list(zip(ranked, truths, strict=True))
            for n in N_FIRST:
                found[f"top{n}{name}"] = _mean(t.connectivity in names[:n] for names, t in pairs)
            if model.calibration:
                cases = [
                    case
                    for answer, truth in zip(answers[tells], truths, strict=True)
                    for case in among_cases(answer, truth)
                ]
                found[f"among{name}"] = calibration_error(model.calibration.among, cases)
        for nearest, name in ((False, "rank_random"), (True, "rank_nearest")):
            isomers = choose_isomers(
                given.corpus, model.network, records, nearest=nearest, seed=given.seed
            )
            found[name] = check_ranking(model, rankings(model, records, isomers, answers[True]))
    text = json.dumps(found, indent=1)
    print(text)
    if given.output:
        write_text(given.output, text + "\n")


if __name__ == "__main__":
    main()
