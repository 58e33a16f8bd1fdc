"""Structures for published spectra, the formula known, and the kinds of carbon too.

    python benchmarks/published.py MODEL LITERATURE... [--most N] [--output FILE]

Of each file, as of ``peers.py``, N spectra are drawn by a hash, of molecules that have a table and
were not trained on; those that were are left out and counted. Published peaks have no atoms: the
kinds of carbon are told as numbers of C, CH, CH2 and CH3, from the structure.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from organic import literature
from peers import published

from nmrflow.answers.elucidation import elucidate
from nmrflow.chem.structure import Structure
from nmrflow.console import progress, quiet_libraries
from nmrflow.data.records import Record
from nmrflow.data.splits import draw
from nmrflow.errors import SpectrumError, errors_for_people
from nmrflow.evaluation.backward import SIZES
from nmrflow.files.writing import write_text
from nmrflow.formats.counts import CARBONS
from nmrflow.model.drawing import WIDE_BEAM
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.question import Conditions, Count

WAYS = ("formula", "formula and numbers of C, CH, CH2, CH3")


def carbons_of(structure: Structure) -> tuple[Count, ...]:
    """How many carbons of each kind a structure has; of methane's nothing is told."""
    atoms = zip(structure.elements, structure.n_hydrogens, strict=True)
    own = Counter(n for element, n in atoms if element == "C")
    return tuple(Count(name, own[n], own[n]) for n, name in enumerate(CARBONS))


def place(model: TrainedFlow, record: Record, conditions: Conditions | None) -> int | None:
    """Where the truth stands among the candidates, from 0; None where it is not among them."""
    truth = record.structure
    try:
        found = elucidate(
            model,
            record.peaks,
            formula=None if sum(truth.charges) else truth.formula,
            conditions=conditions,
            n_shown=WIDE_BEAM,
        )
    except SpectrumError:  # More peaks than are read.
        return None
    names = [c.structure.connectivity for c in found.candidates]
    return names.index(truth.connectivity) if truth.connectivity in names else None


def scores(places: list[int | None]) -> dict[str, Any]:
    """Shares of spectra."""
    return {
        "n": len(places),
        "top1": float(np.mean([p == 0 for p in places])),
        "top10": float(np.mean([p is not None and p < 10 for p in places])),
        "found": float(np.mean([p is not None for p in places])),
    }


def main() -> None:
    """Print as JSON, and write it on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    quiet_libraries()
    told: dict[str, Any] = {}
    with errors_for_people():
        model = load(given.model)
        for file in given.files:
            known = [s for s, _ in published(file) if model.domain.refusal(s) is None]
            own = literature(model, file)
            held = [r for r in own if model.codec.refusal(r.structure) is None]
            records = draw(held, given.most, 0)
            row: dict[str, Any] = {
                "trained_on": len(known) - len(own),
                "larger": len(own) - len(held),
            }
            for way, tells in zip(WAYS, (False, True), strict=True):
                places = []
                for record in progress(records, len(records), way):
                    carbons = carbons_of(record.structure)
                    conditions = Conditions(carbons=carbons) if tells else None
                    places.append(place(model, record, conditions))
                sizes = np.array([record.structure.n_atoms for record in records])
                row[way] = scores(places)
                for low, high in SIZES:
                    of_size = [p for p, n in zip(places, sizes, strict=True) if low <= n <= high]
                    if of_size:
                        row[f"{way}, {low} to {high} heavy atoms"] = scores(of_size)
            told[file.name] = row
    text = json.dumps(told, indent=1) + "\n"
    print(text)
    if given.output:
        write_text(given.output, text)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
