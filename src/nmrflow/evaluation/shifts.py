"""Scores of a network's shifts on records that assign them to atoms."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from nmrflow.answers.prediction import LEVEL
from nmrflow.chem.carbons import carbon_kinds
from nmrflow.data.records import Record
from nmrflow.evaluation.scores_file import named
from nmrflow.metrics.shifts import coverage, coverage_by_kind, error_scores
from nmrflow.model.trained import TrainedFlow


def shift_scores(trained: TrainedFlow, records: Sequence[Record]) -> dict[str, Any]:
    """``shifts/…``: errors of all assigned shifts, and what the 90 % intervals cover.

    Nothing where the network predicts none, or no record assigns one to a single atom.
    """
    assigned = [(r, p) for r in records for p in r.peaks.peaks if len(p.atoms) == 1]
    if not (trained.predicts_shifts and assigned):
        return {}
    structures = [record.structure for record in records]
    rows, true, kinds = [], [], []
    predicted = trained.predict_shifts(structures, LEVEL, dtype=torch.float32)
    for record, shifts in zip(records, predicted, strict=True):
        told = [(int(p.atoms[0]), p.shift_ppm) for p in record.peaks.peaks if len(p.atoms) == 1]
        own = carbon_kinds(record.structure) if told else []
        for atom, shift in told:
            rows.append((shifts.median_ppm[atom], shifts.low_ppm[atom], shifts.high_ppm[atom]))
            true.append(shift)
            kinds.append(str(own[atom]))
    middle, low, high = np.array(rows).T
    at = np.array(true)
    return named(
        "shifts/",
        {
            "n": len(at),
            **error_scores(middle, at),
            "coverage_90": coverage(low, high, at),
            "coverage_90_by_kind": coverage_by_kind(low, high, at, np.array(kinds)),
        },
    )
