"""Answers put to the test on measured spectra whose molecule is known.

The same trials choose a calibration (on held-out spectra of the training side) and measure what
it is worth (on the validation side).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from nmrflow.answers.candidates import Candidate, evidence_of, scores_of, settled, weigh
from nmrflow.answers.elucidation import Elucidation, elucidate
from nmrflow.answers.fit import Fit
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.graph import KIND_HYDROGENS
from nmrflow.chem.similarity import fingerprints, tanimoto
from nmrflow.chem.structure import Structure
from nmrflow.console import progress
from nmrflow.data.corpus import Corpus
from nmrflow.data.records import Record
from nmrflow.metrics.calibration import expected_calibration_error, reliability_curve
from nmrflow.model.calibration import Logistic
from nmrflow.model.network import Network
from nmrflow.model.trained import TrainedFlow
from nmrflow.numerics import generator_for
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Question

N_ISOMERS = 20
N_FIRST = (1, 3, 10)
_N_GROUPS = 10


def question_of(record: Record, *, tells_formula: bool) -> Question:
    """The shifts of a record as a question, without what its source knows of the atoms."""
    peaks = PeakList(tuple(Peak(shift) for shift in record.peaks.shifts_ppm))
    return Question(peaks, formula=record.structure.formula if tells_formula else None)


class Case(NamedTuple):
    """Evidence for the truth being among some candidates, and whether it is."""

    evidence: dict[str, float]
    is_among: bool


@dataclass(frozen=True)
class RankingTrial:
    """A truth among isomers, all weighed against its spectrum; the network proposes rivals."""

    truth: Candidate
    isomers: tuple[Candidate, ...]
    rivals: tuple[Candidate, ...]

    @property
    def is_first(self) -> bool:
        """Whether the truth scores above every isomer."""
        return all(self.truth.score > isomer.score for isomer in self.isomers)

    def case(self, *, has_truth: bool) -> Case:
        """Of the isomers with, or without, the truth."""
        given = [*self.isomers, self.truth] if has_truth else list(self.isomers)
        given.sort(key=lambda candidate: -candidate.score)
        return Case(evidence_of(given, scores_of(self.rivals)), has_truth)


def among_cases(answer: Elucidation, truth: Structure) -> list[Case]:
    """Of an elucidation with all candidates: is the truth among the first 1, 3, 10, or all?"""
    scores = scores_of(answer.candidates)
    knows = answer.question.formula is not None
    names = [candidate.structure.connectivity for candidate in answer.candidates]
    sizes = sorted({min(n, len(names)) for n in (*N_FIRST, len(names)) if names})
    return [
        Case(
            evidence_of(answer.candidates[:n], scores, knows_formula=knows),
            truth.connectivity in names[:n],
        )
        for n in sizes
    ]


def calibration_error(calibrated: Logistic, cases: Sequence[Case]) -> dict[str, Any]:
    """Expected calibration error over ten groups of equal width, and what it is the mean of."""
    predicted = np.array([calibrated(case.evidence) for case in cases])
    curve = reliability_curve(predicted, np.array([case.is_among for case in cases]), _N_GROUPS)
    return {
        "n": len(cases),
        "mean_predicted": float(predicted.mean()),
        "mean_true": float(np.mean([case.is_among for case in cases])),
        "expected_calibration_error": expected_calibration_error(curve),
    }


def wrong_fits(answers: Sequence[Elucidation], records: Sequence[Record]) -> list[Fit]:
    """Of each answer the best candidate that is not the truth, where there is one.

    The answers are to the records, which come as often as it takes.
    """
    truths = itertools.cycle(record.structure.connectivity for record in records)
    wrong = (
        [c.fit for c in answer.candidates if c.structure.connectivity != truth]
        for answer, truth in zip(answers, truths, strict=False)
    )
    return [fits[0] for fits in wrong if fits]


def elucidations(
    model: TrainedFlow,
    records: Sequence[Record],
    *,
    tells_formula: bool,
    n_samples: int,
    seed: int,
) -> list[Elucidation]:
    """Every record's spectrum elucidated, all candidates kept."""
    queries = (question_of(record, tells_formula=tells_formula) for record in records)
    title = "elucidating, formula known" if tells_formula else "elucidating"
    return [
        elucidate(model, query, n_samples=n_samples, seed=seed, n_shown=n_samples)
        for query in progress(queries, len(records), title)
    ]


def is_whole(record: Record) -> bool:
    """Whether every carbon of a record has its shift."""
    assigned = {atom for peak in record.peaks.peaks for atom in peak.atoms}
    return len(assigned) == record.structure.elements.count("C")


def choose_isomers(
    corpus: Path, network: Network, records: Sequence[Record], *, nearest: bool, seed: int
) -> list[list[str]]:
    """For each record up to :data:`N_ISOMERS` generated isomers of its molecule, as text.

    From the folder of a corpus of the network's domain; ``nearest`` are the most similar of all
    to the molecule (Tanimoto), else they are drawn at random.
    """
    molecules, codec = Corpus(corpus), network.codec
    assert isinstance(codec, TableCodec)
    assert network.forward is not None
    elements = codec.domain.elements
    columns = [KIND_HYDROGENS, *network.forward.features.columns_of(elements)]
    parts = np.array_split(np.arange(molecules.n_molecules), 100)
    counted = np.concatenate([molecules.kinds(rows)[:, columns] for rows in parts])

    def name(row: np.integer) -> str:
        return codec.structure(molecules.cells(np.array([row]))[0]).connectivity

    found: list[list[str]] = [[] for _ in records]
    # Formula by formula: the fingerprints of all molecules at once would need gigabytes.
    formulas = sorted({record.structure.formula for record in records})
    for formula in progress(formulas, len(formulas), "choosing isomers"):
        one = next(r.structure for r in records if r.structure.formula == formula)
        wanted = [sum(one.n_hydrogens), *(one.elements.count(element) for element in elements)]
        rows = np.flatnonzero((counted == wanted).all(axis=1))
        prints = fingerprints([name(row) for row in rows]) if nearest else None
        for k, record in enumerate(records):
            if record.structure.formula != formula:
                continue
            truth = record.structure.connectivity
            if prints is not None:
                order = np.argsort(-tanimoto(fingerprints([truth]), prints)[0], kind="stable")
            else:
                generator = generator_for(seed, "ranking", k)
                order = torch.randperm(len(rows), generator=generator).numpy()
            names = (name(row) for row in rows[order])
            found[k] = list(
                itertools.islice((other for other in names if other != truth), N_ISOMERS)
            )
    return found


def rankings(
    model: TrainedFlow,
    records: Sequence[Record],
    isomers: Sequence[Sequence[str]],
    rivals: Sequence[Elucidation] | None,
) -> list[RankingTrial]:
    """Every record's molecule among isomers, as of :func:`choose_isomers`.

    The rivals are what the network proposes for it, the formula known; None: it proposes none.
    """
    trials = []
    proposed = [()] * len(records) if rivals is None else [own.candidates for own in rivals]
    told = list(zip(records, isomers, proposed, strict=True))
    for record, others, own in progress(told, len(told), "ranking isomers"):
        structures = [record.structure, *map(Structure.from_smiles, others)]
        question = question_of(record, tells_formula=True)
        first, *rest = settled(model, question, weigh(model, question, structures))
        trials.append(RankingTrial(first, tuple(rest), own))
    return trials
