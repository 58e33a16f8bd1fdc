"""What a library finds, and what a scan costs.

    python benchmarks/libraries.py search MODEL DATA LIB WORK [--most N] [--literature FILE...]
    python benchmarks/libraries.py scan [--rows N...]

``search``: spectra of the validation side in which every carbon has its shift, N of them drawn by
a hash, and their molecules added to a copy of LIB in the folder WORK (hard links: LIB stays as it
is): how often the truth is among the first 1, 10 and 100 hits, by the spectrum alone, by mass
within 10 ppm and by formula, beside what chance would give; then the same spectra against
predicted ones in a pool of molecules, by our similarity and by two published ones. Literature, as
of ``peers.py``, is searched likewise, of molecules that were not trained on.

``scan``: one first pass over libraries made at random: processor time and memory.

MODEL is the name or run that labelled LIB, DATA what it was trained on.
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from organic import literature
from scipy.optimize import linear_sum_assignment

from nmrflow.answers.search import search
from nmrflow.chem.mass import monoisotopic_mass
from nmrflow.console import progress, quiet_libraries
from nmrflow.data.records import Record
from nmrflow.data.splits import draw
from nmrflow.errors import errors_for_people
from nmrflow.evaluation.trials import is_whole, question_of
from nmrflow.files.writing import write_text
from nmrflow.library.build import add
from nmrflow.library.dataset import MANIFEST, read_manifest
from nmrflow.library.filters import Filters
from nmrflow.library.labels import code_of
from nmrflow.library.library import Library, cells_of, words
from nmrflow.library.scan import scan
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.similarity import compare_peaks

N_FIRST = (1, 10, 100)
POOL, N_SIMILAR = 2_000, 100


def with_truths(folder: Path, work: Path, records: Sequence[Record]) -> Path:
    """A copy of a library, and the molecules of records added to it."""
    own, molecules = work / "library", work / "truths.smi"
    own.mkdir(parents=True, exist_ok=True)
    if not (own / MANIFEST).exists():
        for shard in read_manifest(folder).shards:
            os.link(folder / shard.file, own / shard.file)
        write_text(own / MANIFEST, (folder / MANIFEST).read_text())
        truths = sorted({record.structure.connectivity for record in records})
        write_text(molecules, "".join(f"{smiles}\n" for smiles in truths))
        add([molecules], own)
    return own


def searched(
    model: TrainedFlow, library: Library, records: Sequence[Record], condition: str, depth: int
) -> dict[str, Any]:
    """How often the truth is among the first hits."""
    ranks, chances, seconds = [], [], []
    for record in progress(records, len(records), condition):
        truth = record.structure
        filters = Filters(
            formula=truth.formula if condition == "formula" else None,
            mass=monoisotopic_mass(truth) if condition == "mass" else None,
        )
        question = question_of(record, tells_formula=False)
        begun = time.process_time()
        found = search(model, library, question, filters, n_shown=N_FIRST[-1], depth=depth)
        seconds.append(time.process_time() - begun)
        names = [one.structure.connectivity for one in found.candidates]
        ranks.append(names.index(truth.connectivity) + 1 if truth.connectivity in names else None)
        chances.append([min(1.0, k / found.n_passed) for k in N_FIRST])
    return {
        "n": len(records),
        **{f"truth_in_{k}": np.mean([r is not None and r <= k for r in ranks]) for k in N_FIRST},
        **{f"chance_in_{k}": np.mean([c[i] for c in chances]) for i, k in enumerate(N_FIRST)},
        "processor_seconds": np.median(seconds),
    }


def solver(one: np.ndarray, other: np.ndarray) -> float:
    """NMR-Solver's matcher (YongqiJin/NMR-Solver, src/utils/nmr_match.py, s = 10 ppm)."""
    worth = np.exp(-((one[:, None] - other) ** 2) / (2 * 10.0**2))
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return float(worth[rows, columns].sum() / np.sqrt(worth.size))


def smear(shifts: np.ndarray) -> np.ndarray:
    """NMR-Solver's vector: 128 points from -10 to 230 ppm, s = 2 ppm, of length 1."""
    points = np.linspace(-10, 230, 128)
    found = np.exp(-((points[:, None] - shifts) ** 2) / (2 * 2.0**2)).sum(axis=1)
    return found / np.linalg.norm(found)


def similar(library: Library, records: Sequence[Record], seed: int) -> dict[str, Any]:
    """Retrieval by the similarity of measured and predicted spectra, in a pool of molecules."""
    generator = np.random.default_rng(seed)
    smiles = library.smiles(range(library.n))
    place = {name: k for k, name in enumerate(smiles)}
    truths = [place[record.structure.connectivity] for record in records]
    drawn = generator.choice(library.n, POOL, replace=False)
    pool = np.array(list(dict.fromkeys([*truths, *drawn.tolist()]))[:POOL])
    places = library.places_ppm(library.axis)
    cells = [library.cells[library.starts[k] : library.starts[k + 1]] for k in pool]
    predicted = [places[own % len(places)] for own in cells]
    smeared = np.stack([smear(own) for own in predicted])
    methods: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "similarity": lambda q: np.array(
            [compare_peaks(cast("Any", q), cast("Any", p)).similarity for p in predicted]
        ),
        "NMR-Solver's matcher": lambda q: np.array([solver(q, p) for p in predicted]),
        "cosine of 128 points": lambda q: smeared @ smear(q),
    }
    found = {}
    for name, method in methods.items():
        ranks = []
        for record in progress(records, len(records), name):
            worth = method(np.array(sorted(set(record.peaks.shifts_ppm))))
            own = worth[pool.tolist().index(place[record.structure.connectivity])]
            ranks.append(int((worth > own).sum() + (worth == own).sum()))  # Of equals the last.
        found[name] = {f"truth_in_{k}": np.mean([r <= k for r in ranks]) for k in (1, 10)}
    return {"n": len(records), "pool": len(pool), "chance_in_1": 1 / len(pool), **found}


def scanned(n: int, axis: ShiftAxis) -> dict[str, Any]:
    """A first pass over molecules made at random."""
    generator = np.random.default_rng(0)
    sizes = generator.integers(5, 22, n)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    cells = np.empty(starts[-1], dtype=np.int32)
    codes = []
    for first in range(0, n, 100_000):
        own = starts[first : first + 100_001]
        shifts = generator.uniform(0, 200, own[-1] - own[0])
        scales = generator.integers(40, 130, len(shifts))
        cells[own[0] : own[-1]] = cells_of(shifts, scales, axis)
        codes.append(generator.integers(0, 256, (len(own) - 1, axis.n_bins // 8), dtype=np.uint8))
        codes[-1] &= generator.integers(0, 256, codes[-1].shape, dtype=np.uint8)
    assert code_of(np.array([1.0]), axis).sum() == 1
    made = SimpleNamespace(
        n=n, starts=starts, cells=cells, codes=np.concatenate([words(c) for c in codes])
    )
    peaks = PeakList(tuple(Peak(float(s)) for s in generator.uniform(0, 200, 15)))
    held = made.starts.nbytes + made.cells.nbytes + made.codes.nbytes
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(3):
        begun = time.process_time()
        scan(cast("Library", made), peaks, axis, None, 200)
        times.append(time.process_time() - begun)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "rows": n,
        "processor_seconds": min(times),
        "columns_mb": held / 1e6,
        "more_memory_mb": (after - before) / 1e3,
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    what = parser.add_subparsers(dest="what", required=True)
    of_search, of_scan = what.add_parser("search"), what.add_parser("scan")
    of_scan.add_argument("--rows", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    of_search.add_argument("model")
    of_search.add_argument("data")
    of_search.add_argument("library", type=Path)
    of_search.add_argument("work", type=Path)
    of_search.add_argument("--literature", nargs="*", type=Path, default=[])
    of_search.add_argument("--most", type=int, default=1000)
    of_search.add_argument("--truths", type=int, default=1000)
    of_search.add_argument("--depth", type=int, default=200)
    of_search.add_argument("--seed", type=int, default=0)
    of_search.add_argument("--output", type=Path)
    given = parser.parse_args()
    quiet_libraries()
    torch.set_num_threads(1)
    with errors_for_people():
        if given.what == "scan":
            for n in given.rows:
                print(json.dumps(scanned(n, ShiftAxis())), flush=True)
            return
        model = load(given.model)
        everything = model.source_at(given.data).read().records
        held_out = model.split.divide(everything).validation
        records = draw(filter(is_whole, held_out), given.truths, given.seed)
        papers = {
            file.name: draw(literature(model, file), given.most, given.seed)
            for file in given.literature
        }
        wanted = [*records, *(record for own in papers.values() for record in own)]
        library = Library(with_truths(given.library, given.work, wanted), model)
        found: dict[str, Any] = {"molecules": library.n, "split_seed": model.split.seed}
        for name, own in {"validation side": records[: given.most], **papers}.items():
            for condition in ("13C alone", "mass", "formula"):
                told = searched(model, library, own, condition, given.depth)
                found[f"{name}, {condition}"] = told
                print(f"{name}, {condition}: {json.dumps(told)}", flush=True)
        found["similarity"] = similar(library, records[:N_SIMILAR], given.seed)
        text = json.dumps(found, indent=1)
        print(text)
        if given.output:
            write_text(given.output, text + "\n")


if __name__ == "__main__":
    main()
