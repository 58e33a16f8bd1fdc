"""From a spectrum to what in a library it could be."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from nmrflow.answers.candidates import Candidate, settled, weigh
from nmrflow.answers.elucidation import N_SHOWN
from nmrflow.answers.fit import fit
from nmrflow.answers.hits import Search
from nmrflow.answers.prediction import LEVEL
from nmrflow.answers.question import ask, best_reading
from nmrflow.chem.structure import Structure
from nmrflow.chem.substructure import holds
from nmrflow.console import progress
from nmrflow.errors import SpectrumError
from nmrflow.library.filters import NOTHING, Filters, allowed_by_multiplicities, tells_atoms
from nmrflow.library.library import Library
from nmrflow.library.scan import OPEN, scan, with_strays
from nmrflow.model.questions import Asked
from nmrflow.model.results import PredictedShifts
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.question import Question

DEPTH = 200
"""Molecules of the first pass that are scored by their full distributions."""

_SCREENED_AT_ONCE = 2_000


def search(
    model: TrainedFlow,
    library: Library,
    peaks: Asked,
    filters: Filters = NOTHING,
    *,
    n_shown: int = N_SHOWN,
    depth: int = DEPTH,
) -> Search:
    """Look for the molecules of a library that fit a spectrum.

    What passes the filters is scanned whole (:func:`nmrflow.library.scan.scan`); the best of it
    are predicted anew, matched to the peaks as :func:`nmrflow.rank` does, and ordered by
    :func:`open_score`.

    Args:
        model: The network that labelled the library.
        library: Open.
        peaks: The spectrum.
        filters: What is known beside it; a formula may also stand in a question.
        n_shown: Most hits.
        depth: Molecules that are predicted anew, at least as many as are shown.

    Raises:
        SpectrumError: As :func:`nmrflow.answers.question.ask`, or if a number is below 1.
        StructureError: If the formula is of no molecule that the network knows, or the
            substructure is none.
    """
    if n_shown < 1 or depth < 1:
        raise SpectrumError(f"n_shown={n_shown}, depth={depth}: at least 1")
    question = ask(peaks, model.axis, formula=filters.formula, domain=model.domain)
    filters = replace(filters, formula=question.formula)
    is_held = holds(filters.substructure) if filters.substructure is not None else None
    rows = filters.rows(library)

    def answer(own: Question) -> tuple[Search, float]:
        allowed = rows
        if tells_atoms(own.peaks):
            fits = allowed_by_multiplicities(library.letters, own.peaks, own.nucleus)
            allowed = np.flatnonzero(fits) if rows is None else rows[fits[rows]]
        n_passed = library.n if allowed is None else len(allowed)
        wanted = max(depth, n_shown)
        n_best = wanted if is_held is None else n_passed
        best, _ = scan(library, own.peaks, model.axis, allowed, n_best)
        if is_held is not None:
            best = _screened(library, best, is_held, wanted)
        structures = [Structure.from_smiles(smiles) for smiles in library.smiles(best)]
        scores = open_scores(model, own, structures)
        order = np.argsort(-scores, kind="stable")[:n_shown]
        found = _candidates(model, own, structures, scores, best, order)
        names = tuple(library.names(best[order]))
        told = Search(own, found, names, library.n, n_passed, len(best), filters)
        return told, float(scores[order[0]]) if len(order) else -np.inf

    return best_reading(question, model.domain.max_atoms, answer)[1]


def open_scores(
    model: TrainedFlow, question: Question, structures: Sequence[Structure]
) -> NDArray[np.float64]:
    """Of each structure the log-likelihood of the peaks, as :func:`open_score`."""
    if not structures:
        return np.zeros(0)
    # In float32: to 1e-4 ppm, and thrice as fast.
    parts = model.predict_parts(structures, LEVEL, torch.float32)
    return np.array([open_score(one, question) for part, _ in parts for one in part])


def open_score(shifts: PredictedShifts, question: Question) -> float:
    """Log-likelihood of peaks, in nats, where molecules of any formula compete.

    Each group of equivalent atoms counts once, as it has one peak, whatever its size: the density
    of its peak under its own distribution, or that of a stray one; groups beyond the peaks and
    peaks beyond the groups cost what :data:`nmrflow.library.scan.OPEN` says. The sum that orders
    candidates of one formula (:mod:`nmrflow.answers.candidates`) would put molecules with fewer
    atoms first.
    """
    found = fit(shifts, question.peaks, question.nucleus)
    atoms = torch.tensor([pair.group.atoms[0] for pair in found.assigned])
    at = torch.tensor([[pair.measured.shift_ppm] for pair in found.assigned], dtype=torch.float64)
    density = shifts.distribution.rows(atoms).log_density(at)[:, 0].numpy()
    n_groups, n_used = len(found.assigned), len({pair.peak for pair in found.assigned})
    total = with_strays(density, question.nucleus).sum()
    return float(total + OPEN.shared * (n_groups - n_used) + OPEN.extra * (found.n_peaks - n_used))


def _screened(
    library: Library, rows: NDArray[np.int64], is_held: Callable[[str], bool], n: int
) -> NDArray[np.int64]:
    """The first rows that hold a substructure, which is looked for in no more than it takes."""
    kept: list[int] = []
    parts = [rows[k : k + _SCREENED_AT_ONCE] for k in range(0, len(rows), _SCREENED_AT_ONCE)]
    for part in progress(parts, len(parts), "looking for the substructure"):
        told = zip(part.tolist(), library.smiles(part), strict=True)
        kept += [row for row, smiles in told if is_held(smiles)]
        if len(kept) >= n:
            break
    return np.array(kept[:n], dtype=np.int64)


def _candidates(
    model: TrainedFlow,
    question: Question,
    structures: Sequence[Structure],
    scores: NDArray[np.float64],
    rows: NDArray[np.int64],
    order: NDArray[np.int64],
) -> tuple[Candidate, ...]:
    if not len(order):
        return ()
    weighed = weigh(model, question, [structures[k] for k in order])
    found = [
        replace(candidate, score=float(scores[k]), place=int(rows[k]))
        for candidate, k in zip(weighed, order, strict=True)
    ]
    return settled(model, question, found)
