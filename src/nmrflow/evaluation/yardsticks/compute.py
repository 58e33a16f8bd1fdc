"""All yardsticks of one split, as scores."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from nmrflow.chem.codecs.published import HYDROCARBONS
from nmrflow.chem.generation.walk import generate_molecules
from nmrflow.chem.structure import Structure
from nmrflow.config import check_counts
from nmrflow.data.splits import Sides
from nmrflow.errors import ConfigError
from nmrflow.evaluation.yardsticks.lookup import build_corpus, rank_corpus
from nmrflow.evaluation.yardsticks.measured import Measured, measured
from nmrflow.evaluation.yardsticks.neighbours import nearest_codes, rank_by_code
from nmrflow.evaluation.yardsticks.predictor import N_PARTS, ShiftPredictor, train_predictor
from nmrflow.metrics.calibration import expected_calibration_error, reliability_curve
from nmrflow.metrics.spectrum import spectrum_scores
from nmrflow.metrics.structure import ranking_scores
from nmrflow.spectra.axis import ShiftAxis

Progress = Callable[[str, float], None]
"""Told what is being done, and the share of it that is done."""

Scores = dict[str, float]


@dataclass(frozen=True)
class Settings:
    """What decides the yardsticks of a split, beside its records.

    Args:
        corpus_size: Molecules that are generated for the look-up.
        n_networks: Message-passing networks whose probabilities are averaged.
        n_epochs: Most epochs of each.
        seed: Of all that is random.

    Raises:
        ConfigError: If a number is too small.
    """

    corpus_size: int = 120_000
    n_networks: int = 2
    n_epochs: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        check_counts(asdict(self), corpus_size=0, n_networks=1, n_epochs=1, seed=0)
        if self.n_networks > N_PARTS:
            raise ConfigError(f"n_networks={self.n_networks}: {N_PARTS} at most")


def compute_yardsticks(
    sides: Sides,
    axis: ShiftAxis,
    settings: Settings,
    progress: Progress = lambda stage, share: None,  # noqa: ARG005
) -> dict[str, dict[str, Any]]:
    """Train, generate, rank and score; takes minutes at full size.

    Args:
        sides: Both sides; the validation side is only scored on.
        axis: Cuts the bins.
        settings: Sizes and seed.
        progress: Told how far it is.

    Returns:
        ``nearest_neighbour``, ``message_passing`` and ``lookup``, each with its scores;
        ``conditions``: ``n_train``, ``n``, ``settings``, ``seconds`` of each, ``n_threads``,
        ``epochs`` and ``threshold`` of the network.
    """
    train, queries = measured(sides.train, axis), measured(sides.validation, axis)
    seconds: Scores = {}
    with _timed(seconds, "nearest_neighbour"):
        progress("nearest neighbour", 0.0)
        neighbour = _score_neighbours(train, queries)
    with _timed(seconds, "message_passing"):
        predictor = train_predictor(
            train,
            axis,
            settings.seed,
            n_networks=settings.n_networks,
            n_epochs=settings.n_epochs,
            progress=lambda share: progress("message passing", share),
        )
        message_passing = _score_predictor(predictor, queries)
    with _timed(seconds, "lookup"):
        made = generate_molecules(
            train.structures, settings.corpus_size, settings.seed, HYDROCARBONS, with_seeds=True
        )
        counted = _counted(made, settings.corpus_size, lambda s: progress("look-up", s))
        lookup = _score_lookup(counted, predictor, queries)
    conditions = {
        "n_train": len(train.structures),
        "n": len(queries.structures),
        "settings": asdict(settings),
        "seconds": seconds,
        "n_threads": torch.get_num_threads(),
        "epochs": list(predictor.epochs),
        "threshold": predictor.threshold,
    }
    return {
        "conditions": conditions,
        "nearest_neighbour": neighbour,
        "message_passing": message_passing,
        "lookup": lookup,
    }


def _score_neighbours(train: Measured, queries: Measured) -> Scores:
    ranked, ranked_formula = (
        rank_by_code(train, queries, same_formula=same) for same in (False, True)
    )
    return {
        **_prefixed("spectrum/", spectrum_scores(nearest_codes(train, queries), queries.codes)),
        **_score_ranking(ranked, ranked_formula, queries),
        **_coverage(train.connectivities, queries),
    }


def _score_predictor(predictor: ShiftPredictor, queries: Measured) -> Scores:
    probabilities = predictor.probabilities(queries.structures)
    curve = reliability_curve(probabilities, queries.codes)
    return {
        **_prefixed(
            "spectrum/", spectrum_scores(probabilities > predictor.threshold, queries.codes)
        ),
        "calibration/ece": expected_calibration_error(curve),
    }


def _score_lookup(
    structures: Iterator[Structure], predictor: ShiftPredictor, queries: Measured
) -> Scores:
    corpus = build_corpus(structures, predictor)
    ranked, ranked_formula = (
        rank_corpus(corpus, queries, same_formula=same) for same in (False, True)
    )
    return {
        **_score_ranking(ranked, ranked_formula, queries),
        **_coverage(corpus.connectivities, queries),
    }


def _score_ranking(
    ranked: Sequence[Sequence[str]], ranked_formula: Sequence[Sequence[str]], queries: Measured
) -> Scores:
    truths = queries.connectivities
    given = ranking_scores(ranked_formula, truths)
    return {
        **_prefixed("structure/", ranking_scores(ranked, truths)),
        **{f"structure/{name}_formula": value for name, value in given.items()},
    }


def _coverage(connectivities: Sequence[str], queries: Measured) -> Scores:
    """Share of queries that a ranking can find at all, and among how many molecules."""
    corpus = set(connectivities)
    found = [truth in corpus for truth in queries.connectivities]
    return {"structure/coverage": float(np.mean(found)), "structure/n_corpus": len(corpus)}


def _prefixed(prefix: str, scores: Mapping[str, float]) -> Scores:
    return {prefix + name: value for name, value in scores.items()}


def _counted(
    structures: Iterator[Structure], n: int, progress: Callable[[float], None]
) -> Iterator[Structure]:
    for k, structure in enumerate(structures):
        if k % 1_000 == 0:
            progress(min(k / n, 1.0))
        yield structure


@contextmanager
def _timed(seconds: Scores, name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - start, 1)
