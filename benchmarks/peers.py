"""Shifts of molecules not trained on: by a network, a look-up of surroundings, and a peer.

    python benchmarks/peers.py RUN DATA [--literature FILE...] [--csp5 PYTHON]

RUN is a training of ``+experiment=organic``, DATA what it was trained on. The look-up learns the
same training side: of each carbon the median shift of those with the same surroundings, as many
bonds deep as are found. Literature files hold JSON lines with ``smiles`` and ``c13``; molecules
that stand in training are left out and counted. Their peaks have no atoms: they are matched to
distinct carbons so that the sum of differences is least, of each predictor to its own. PYTHON is
the interpreter of an environment with the package csp5 (0.3), whose training is not known.
"""

import argparse
import gzip
import json
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from nmrflow.chem.structure import Structure
from nmrflow.console import quiet_libraries, show_table
from nmrflow.data.records import Record
from nmrflow.data.splits import structure_hash
from nmrflow.errors import NmrflowError, errors_for_people
from nmrflow.formats.text_reader import read_peaks
from nmrflow.metrics.shifts import error_scores
from nmrflow.model.pretrained import load

N_SPHERES = 6
LEVEL = 0.9

Shifts = list[float | None]
"""Of each atom of a structure; None where there is none."""

CSP5 = """
import json, sys
from csp5 import predict_smiles
for line in sys.stdin:
    try:
        rows = predict_smiles(json.loads(line), nucleus="13C").predictions
        found = dict(zip(map(int, rows["atom_index"]), map(float, rows["shift_ppm"])))
    except Exception:
        found = None
    print(json.dumps(found), flush=True)
"""


class Surroundings:
    """The look-up: medians of the training side's shifts by what lies around an atom."""

    def __init__(self, records: Sequence[Record]) -> None:
        shifts: dict[int, list[float]] = defaultdict(list)
        for record in records:
            spheres = self._spheres(record.structure)
            for peak in record.peaks.peaks:
                for sphere in spheres:
                    shifts[sphere[int(peak.atoms[0])]].append(peak.shift_ppm)
        self._medians = {key: statistics.median(own) for key, own in shifts.items()}

    def __call__(self, structures: Sequence[Structure]) -> list[Shifts]:
        """The shifts of structures."""
        found = []
        for structure in structures:
            deepest = self._spheres(structure)[::-1]
            found.append(
                [
                    next((self._medians[s[k]] for s in deepest if s[k] in self._medians), None)
                    if element == "C"
                    else None
                    for k, element in enumerate(structure.elements)
                ]
            )
        return found

    @staticmethod
    def _spheres(structure: Structure) -> list[list[int]]:
        """A number for what lies within 0, 1, 2, ... bonds of each atom."""
        mol = structure.to_mol()
        own = [
            hash((a.GetAtomicNum(), a.GetTotalNumHs(), a.GetFormalCharge(), a.GetIsAromatic()))
            for a in mol.GetAtoms()
        ]
        around: list[list[tuple[int, int]]] = [[] for _ in own]
        for bond in mol.GetBonds():
            a, b, kind = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), int(bond.GetBondType())
            around[a].append((kind, b))
            around[b].append((kind, a))
        spheres = [own]
        for _ in range(N_SPHERES):
            last = spheres[-1]
            spheres.append(
                [
                    hash((len(spheres), last[a], *sorted((k, last[b]) for k, b in beside)))
                    for a, beside in enumerate(around)
                ]
            )
        return spheres


Predictor = Callable[[Sequence[Structure]], list[Shifts]]


def network(run: str) -> Predictor:
    """A trained network's medians."""
    model = load(run)

    def predict(structures: Sequence[Structure]) -> list[Shifts]:
        found = model.predict_shifts(structures, LEVEL, dtype=torch.float32)
        return [list(one.median_ppm) for one in found]

    return predict


def peer(python: str) -> Predictor:
    """The package csp5, in an environment of its own."""

    def predict(structures: Sequence[Structure]) -> list[Shifts]:
        text = "".join(json.dumps(s.connectivity) + "\n" for s in structures)
        done = subprocess.run([python, "-c", CSP5], input=text, capture_output=True, text=True)
        done.check_returncode()
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        found: list[Shifts] = []
        for structure, answer in zip(structures, answers, strict=True):
            # Its atoms are numbered as the SMILES that it was given.
            canonical = Structure.from_smiles(structure.connectivity).to_mol()
            order = structure.to_mol().GetSubstructMatch(canonical)
            shifts: Shifts = [None] * structure.n_atoms
            for atom, ppm in (answer or {}).items():
                shifts[order[int(atom)]] = ppm
            found.append(shifts)
        return found

    return predict


def assigned_errors(
    predict: Predictor, records: Sequence[Record]
) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and measured shifts of the atoms that records assign them to."""
    found = predict([record.structure for record in records])
    pairs = [
        (shifts[int(peak.atoms[0])], peak.shift_ppm)
        for record, shifts in zip(records, found, strict=True)
        for peak in record.peaks.peaks
    ]
    return _columns([pair for pair in pairs if pair[0] is not None])


def matched_errors(
    predict: Predictor, spectra: Sequence[tuple[Structure, list[float]]]
) -> tuple[np.ndarray, np.ndarray]:
    """The same of peaks without atoms, matched to distinct carbons."""
    pairs: list[tuple[float, float]] = []
    found = predict([structure for structure, _ in spectra])
    for (structure, peaks), shifts in zip(spectra, found, strict=True):
        first: dict[int, float] = {}
        for name, shift in zip(structure.symmetry_classes, shifts, strict=True):
            if shift is not None:
                first.setdefault(name, shift)
        own, measured = np.array(list(first.values())), np.array(peaks)
        if len(own):
            rows, columns = linear_sum_assignment(np.abs(own[:, None] - measured))
            pairs += zip(own[rows], measured[columns], strict=True)
    return _columns(pairs)


def _columns(pairs: Sequence[tuple[float | None, float]]) -> tuple[np.ndarray, np.ndarray]:
    predicted, true = np.array(pairs, dtype=float).reshape(-1, 2).T
    return predicted, true


def published(path: Path) -> Iterator[tuple[Structure, list[float]]]:
    """The readable spectra of a literature file, each with its molecule."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for line in lines:
            told = json.loads(line)
            try:
                peaks = read_peaks(told["c13"])
                yield Structure.from_smiles(told["smiles"]), list(peaks.shifts_ppm)
            except (NmrflowError, KeyError):
                continue


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("data")
    parser.add_argument("--literature", nargs="*", type=Path, default=[])
    parser.add_argument("--csp5", metavar="PYTHON")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    quiet_libraries()
    torch.set_num_threads(given.threads)
    with errors_for_people():
        model = load(given.run)
        sides = model.split.divide(model.source_at(given.data).read().records)
        predictors: dict[str, Predictor] = {
            "network": network(given.run),
            "look-up": Surroundings(sides.train),
        }
        if given.csp5:
            predictors["csp5"] = peer(given.csp5)
        rows = []

        def add(where: str, n: int, name: str, both: tuple[np.ndarray, np.ndarray]) -> None:
            scores = error_scores(*both)
            numbers = [f"{value:.3f}" for value in scores.values()]
            rows.append([f"{n:,}", f"{len(both[0]):,}", *numbers, name, where])

        for name, predict in predictors.items():
            if name != "csp5":  # Thousands of molecules would take it an hour.
                n, both = len(sides.validation), assigned_errors(predict, sides.validation)
                add("validation side", n, name, both)
        known = set(model.description["training_side"]["structure_hashes"])
        for file in given.literature:
            every = [(s, p) for s, p in published(file) if model.domain.refusal(s) is None]
            own = [(s, p) for s, p in every if structure_hash(s.connectivity) not in known]
            where = f"{file.name} ({len(every) - len(own):,} trained on left out)"
            for name, predict in predictors.items():
                add(where, len(own), name, matched_errors(predict, own))
        show_table(
            "Errors of shifts in ppm",
            ["molecules", "shifts", "mean", "median", "within 2 ppm", "by", "of"],
            rows,
            n_left=2,
        )


if __name__ == "__main__":
    main()
