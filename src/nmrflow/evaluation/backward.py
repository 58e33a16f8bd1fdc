"""The backward side of a network of many kinds of atoms, put to the test on measured spectra."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from nmrflow.answers.elucidation import elucidate
from nmrflow.console import progress
from nmrflow.data.records import Record
from nmrflow.data.splits import draw, structure_hash
from nmrflow.evaluation.scores_file import named
from nmrflow.evaluation.trials import Case, among_cases, calibration_error
from nmrflow.metrics import structure
from nmrflow.model.drawing import WIDE_BEAM
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Question

SIZES = ((2, 10), (11, 15), (16, 20), (21, 32))
"""Heavy atoms of the molecules that are told apart in the scores."""


class Known(NamedTuple):
    """What is told beside the shifts.

    Args:
        suffix: Of the scores' names.
        formula: The formula.
        kinds: Of every peak, whether it is of C, CH, CH2 or CH3.
    """

    suffix: str
    formula: bool = False
    kinds: bool = False


KNOWN = (
    Known(""),
    Known("_formula", formula=True),
    Known("_formula_kinds", formula=True, kinds=True),
)


def question_knowing(record: Record, known: Known) -> Question:
    """A record's peaks as a question: each shift once, or once for each kind of carbon.

    Of an ion the formula is not told: what is read as a formula is a neutral molecule's.
    """
    told = dict.fromkeys(
        (peak.shift_ppm, peak.multiplicity if known.kinds else None) for peak in record.peaks.peaks
    )
    peaks = PeakList(tuple(Peak(shift, letter) for shift, letter in told))
    is_told = known.formula and not sum(record.structure.charges)
    return Question(peaks, formula=record.structure.formula if is_told else None)


def choose(trained: TrainedFlow, records: Sequence[Record], n: int, seed: int) -> list[Record]:
    """So many of the records that have a table, drawn by a hash of their molecules."""
    held = (r for r in records if trained.codec.refusal(r.structure) is None)
    return draw(held, n, seed)


@torch.no_grad()
def backward_scores(
    trained: TrainedFlow, records: Sequence[Record], *, n_samples: int, seed: int
) -> dict[str, Any]:
    """Scores for every set of what is known, of all records and by size.

    Args:
        trained: A network whose codec tells hydrogens.
        records: Whose multiplicities follow from the structure; in the network's tables.
        n_samples: Draws for each question, for the scores of samples; candidates are found as
            :func:`nmrflow.model.drawing.find` does best.
        seed: Of the draws.

    Returns:
        As of :func:`nmrflow.metrics.structure.sampling_scores` and ``ranking_scores``;
        ``found`` and ``top1_given_found``, of the candidates; ``log_p_truth``, mean and median;
        where there is a calibration, its error: ``among_expected_calibration_error``;
        each with the suffix of what was known, and behind it ``/LOW-HIGH`` of one size.
    """
    scores: dict[str, Any] = {"structure/n": len(records)}
    sizes = np.array([record.structure.n_atoms for record in records])
    for known in KNOWN:
        found = _propose(trained, records, known, n_samples=n_samples, seed=seed)
        parts = {"": np.ones(len(records), dtype=bool)}
        parts |= {f"/{low}-{high}": (sizes >= low) & (sizes <= high) for low, high in SIZES}
        for part, rows in parts.items():
            if rows.any():
                suffix = known.suffix + part
                scores |= named(
                    "structure/", _scores(trained, found, np.flatnonzero(rows)), suffix
                )
    return scores


class _Proposed(NamedTuple):
    truths: list[str]
    samples: list[list[str | None]]
    ranked: list[list[str]]
    cases: list[list[Case]]
    log_p: np.ndarray[Any, np.dtype[np.float64]]


def _propose(
    trained: TrainedFlow, records: Sequence[Record], known: Known, *, n_samples: int, seed: int
) -> _Proposed:
    questions = [question_knowing(record, known) for record in records]
    samples: list[list[str | None]] = []
    ranked: list[list[str]] = []
    cases: list[list[Case]] = []
    drawn = trained.iterate_proposals(questions, n_samples, seed, explains=False)
    title = f"backward test{known.suffix.replace('_', ', ')}"
    told = zip(records, questions, drawn, strict=True)
    for record, question, proposals in progress(told, len(questions), title):
        samples.append([None if p.structure is None else _name(p) for p in proposals])
        answer = elucidate(trained, question, seed=seed, n_shown=WIDE_BEAM)
        ranked.append([c.structure.connectivity for c in answer.candidates])
        cases.append([] if answer.outside else among_cases(answer, record.structure))
    truths = [record.structure for record in records]
    names = [truth.connectivity for truth in truths]
    return _Proposed(names, samples, ranked, cases, trained.log_p(truths, questions))


def _name(proposal: Proposal) -> str:
    assert proposal.structure is not None
    return proposal.structure.connectivity


def _scores(
    trained: TrainedFlow, found: _Proposed, rows: np.ndarray[Any, np.dtype[np.intp]]
) -> dict[str, Any]:
    truths = [found.truths[k] for k in rows]
    samples = [found.samples[k] for k in rows]
    ranked = [found.ranked[k] for k in rows]
    covered = [truth in names for truth, names in zip(truths, ranked, strict=True)]
    first = [truth in names[:1] for truth, names in zip(truths, ranked, strict=True)]
    among: dict[str, Any] = {}
    cases = [case for k in rows for case in found.cases[k]]
    if cases and trained.calibration and (calibrated := trained.calibration.among):
        among = {f"among_{name}": v for name, v in calibration_error(calibrated, cases).items()}
    given = [hit for hit, is_covered in zip(first, covered, strict=True) if is_covered]
    log_p = found.log_p[rows]
    seen = set(trained.description["training_side"]["structure_hashes"])
    return {
        "n": len(rows),
        **structure.sampling_scores(samples, truths, lambda name: structure_hash(name) in seen),
        **structure.ranking_scores([names[: structure.N_FIRST] for names in ranked], truths),
        **among,
        "found": float(np.mean(covered)),
        "top1_given_found": structure.mean_or_none(given),
        "log_p_truth": float(log_p[np.isfinite(log_p)].mean()),
        "log_p_truth_median": float(np.median(log_p)),
    }
