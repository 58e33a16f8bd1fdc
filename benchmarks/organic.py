"""What a network that only predicts is worth to who ranks, assigns and checks.

    python benchmarks/organic.py MODEL DATA --isomers FILE... [--literature FILE...] [--most N]
      [--output FILE]

On spectra of the validation side in which every carbon has its shift, N of them drawn:

- rank: the truth among 20 isomers, at random and the nearest by Tanimoto: how often it is first,
  how often it is said that none fits with the truth among them (false alarms) and without it;
- assign: peaks without atoms matched to the structure, without and with their multiplicities:
  how many groups of carbons get their own;
- check: the isomer nearest to the truth in its place, and two peaks over 5 ppm apart exchanged:
  how often that is noticed, and how often something is wrong with the truth as it is assigned.

MODEL is a name or a run, DATA what it was trained on, the isomers lists of SMILES. Literature, as
of ``peers.py``, is ranked likewise, N spectra drawn of molecules that were not trained on.
"""

import argparse
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers import published

from nmrflow.answers.assignment import assign
from nmrflow.answers.check import Verdict, check
from nmrflow.console import progress, quiet_libraries
from nmrflow.data.records import Record
from nmrflow.data.splits import draw, structure_hash
from nmrflow.errors import errors_for_people
from nmrflow.evaluation.isomers import IsomerLists
from nmrflow.evaluation.trials import N_ISOMERS, RankingTrial, is_whole, question_of, rankings
from nmrflow.files.writing import write_text
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Question

ALIKE_PPM = 0.1
APART_PPM = 5.0


def ranked(model: TrainedFlow, trials: Sequence[RankingTrial]) -> dict[str, Any]:
    """Of molecules with as many isomers as are wanted; the others are counted."""
    full = [trial for trial in trials if len(trial.isomers) == N_ISOMERS]
    found: dict[str, Any] = {
        "n": len(full),
        "fewer_isomers": len(trials) - len(full),
        "truth_first": mean(trial.is_first for trial in full),
        "chance": 1 / (1 + N_ISOMERS),
    }
    if (calibration := model.calibration) is not None:
        for name, has in (("false_alarms", True), ("detections", False)):
            said = (calibration.given(trial.case(has_truth=has).evidence) for trial in full)
            found[f"none_fits_{name}"] = mean(p < calibration.none_fits_below for p in said)
    return found


def assigned(
    model: TrainedFlow, records: Sequence[Record], *, tells_multiplicity: bool
) -> dict[str, Any]:
    """Groups of carbons that are given their own peak, or one within 0.1 ppm of it."""
    right = []
    for record in progress(records, len(records), "assigning"):
        own = shifts_of(record)
        question = question_of(record, tells_formula=False)
        if tells_multiplicity:
            told = dict.fromkeys((p.shift_ppm, p.multiplicity) for p in record.peaks.peaks)
            question = Question(PeakList(tuple(Peak(p, multiplicity=m) for p, m in told)))
        found = assign(model, question, record.structure)
        for pair in found.assigned:
            distances = [abs(pair.measured.shift_ppm - own[atom]) for atom in pair.group.atoms]
            right.append(min(distances) <= ALIKE_PPM + 1e-9)
    return {"n": len(records), "n_groups": len(right), "right": mean(right)}


def checked(
    model: TrainedFlow, records: Sequence[Record], nearest: Sequence[Sequence[str]], seed: int
) -> dict[str, Any]:
    """Whether what is wrong is noticed, and nothing where nothing is."""
    alarms, isomers, exchanges = [], [], []
    generator = np.random.default_rng(seed)
    told = list(zip(records, nearest, strict=True))
    for record, others in progress(told, len(told), "checking"):
        own, question = shifts_of(record), question_of(record, tells_formula=False)
        found = check(model, question, record.structure, own)
        alarms.append(found.verdict == Verdict.NO_FIT or bool(found.exchanges))
        if others:
            other = check(model, question, others[0])
            isomers.append(other.verdict == Verdict.NO_FIT)
        shifts = sorted(set(own.values()))
        pairs = [(a, b) for a in shifts for b in shifts if b - a > APART_PPM]
        if pairs:
            one, two = pairs[generator.integers(len(pairs))]
            swap = {one: two, two: one}
            wrong = {atom: swap.get(shift, shift) for atom, shift in own.items()}
            found = check(model, question, record.structure, wrong)
            named = [
                {pair.one.measured.shift_ppm, pair.other.measured.shift_ppm}
                for pair in found.exchanges
            ]
            exchanges.append({one, two} in named)
    return {
        "n": len(alarms),
        "false_alarms": mean(alarms),
        "n_isomers": len(isomers),
        "isomer_noticed": mean(isomers),
        "n_exchanged": len(exchanges),
        "exchange_named": mean(exchanges),
    }


def literature(model: TrainedFlow, file: Path) -> list[Record]:
    """The spectra of a literature file whose molecules were not trained on."""
    known = set(model.description["training_side"]["structure_hashes"])
    return [
        Record(str(k), str(k), structure, PeakList(tuple(map(Peak, shifts))), file.name)
        for k, (structure, shifts) in enumerate(published(file))
        if model.domain.refusal(structure) is None
        and structure_hash(structure.connectivity) not in known
    ]


def shifts_of(record: Record) -> dict[int, float]:
    """The shift of each atom."""
    return {int(a): peak.shift_ppm for peak in record.peaks.peaks for a in peak.atoms}


def mean(values: Iterable[Any]) -> float | None:
    """None of nothing."""
    every = list(values)
    return float(np.mean(every)) if every else None


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--isomers", nargs="+", type=Path, required=True)
    parser.add_argument("--literature", nargs="*", type=Path, default=[])
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    quiet_libraries()
    torch.set_num_threads(given.threads)
    with errors_for_people():
        model = load(given.model)
        everything = model.source_at(given.data).read().records
        held_out = model.split.divide(everything).validation
        records = draw(filter(is_whole, held_out), given.most, given.seed)
        papers = {
            file.name: draw(literature(model, file), given.most, given.seed)
            for file in given.literature
        }
        wanted = [*records, *itertools.chain.from_iterable(papers.values())]
        lists = IsomerLists(given.isomers, everything, wanted, model.domain, given.seed)
        found: dict[str, Any] = {"n": len(records), "split_seed": model.split.seed}
        for name, own in {"": records, **papers}.items():
            for near in (False, True):
                isomers = lists.choose(own, nearest=near, seed=given.seed)
                title = " ".join(("rank", "nearest" if near else "random", name)).strip()
                found[title] = ranked(model, rankings(model, own, isomers, None))
                if near and own is records:
                    nearest = isomers
        for tells, name in ((False, "assign"), (True, "assign with multiplicities")):
            found[name] = assigned(model, records, tells_multiplicity=tells)
        found["check"] = checked(model, records, nearest, given.seed)
        text = json.dumps(found, indent=1)
        print(text)
        if given.output:
            write_text(given.output, text + "\n")


if __name__ == "__main__":
    main()
