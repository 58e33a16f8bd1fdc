"""All yardsticks of one split, as scores."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nmrflow.chem.codecs.published import HYDROCARBONS
from nmrflow.chem.generation.walk import generate_molecules
from nmrflow.chem.structure import Structure
from nmrflow.config.building import check_counts
from nmrflow.data.splits import Sides
from nmrflow.errors import ConfigError
from nmrflow.evaluation.scores_file import named
from nmrflow.evaluation.yardsticks.lookup import build_corpus, rank_corpus
from nmrflow.evaluation.yardsticks.measured import Measured, measured
from nmrflow.evaluation.yardsticks.neighbours import nearest_codes, rank_by_code
from nmrflow.evaluation.yardsticks.predictor import N_PARTS, train_predictor
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
    """Train, generate, rank and score on the validation side; takes minutes at full size.

    Returns:
        ``nearest_neighbour``, ``message_passing`` and ``lookup``, each with its scores;
        ``conditions``: ``n_train``, ``n``, ``settings``, ``seconds`` of each, ``n_threads``,
        ``epochs`` and ``threshold`` of the network.
    """
    train, queries = measured(sides.train, axis), measured(sides.validation, axis)
    seconds: Scores = {}
    with _timed(seconds, "nearest_neighbour"):
        progress("nearest neighbour", 0.0)
        neighbour = {
            **_score_forward(nearest_codes(train, queries), queries),
            **_score_backward(
                partial(rank_by_code, train, queries), train.connectivities, queries
            ),
        }
    with _timed(seconds, "message_passing"):
        predictor = train_predictor(
            train,
            axis,
            settings.seed,
            n_networks=settings.n_networks,
            n_epochs=settings.n_epochs,
            progress=lambda share: progress("message passing", share),
        )
        probabilities = predictor.probabilities(queries.structures)
        curve = reliability_curve(probabilities, queries.codes)
        message_passing = {
            **_score_forward(probabilities > predictor.threshold, queries),
            "calibration/ece": expected_calibration_error(curve),
        }
    with _timed(seconds, "lookup"):
        made = generate_molecules(
            train.structures, settings.corpus_size, settings.seed, HYDROCARBONS, with_seeds=True
        )
        counted = _counted(made, settings.corpus_size, lambda s: progress("look-up", s))
        corpus = build_corpus(counted, predictor)
        lookup = _score_backward(
            partial(rank_corpus, corpus, queries), corpus.connectivities, queries
        )
    return {
        "conditions": {
            "n_train": len(train.structures),
            "n": len(queries.structures),
            "settings": asdict(settings),
            "seconds": seconds,
            "n_threads": torch.get_num_threads(),
            "epochs": list(predictor.epochs),
            "threshold": predictor.threshold,
        },
        "nearest_neighbour": neighbour,
        "message_passing": message_passing,
        "lookup": lookup,
    }


def _score_forward(predicted: NDArray[np.bool_], queries: Measured) -> Scores:
    return named("spectrum/", spectrum_scores(predicted, queries.codes))


def _score_backward(
    rank: Callable[..., Sequence[Sequence[str]]], connectivities: Sequence[str], queries: Measured
) -> Scores:
    """``coverage``: share of queries that a ranking of these molecules can find at all."""
    truths, corpus = queries.connectivities, set(connectivities)
    return {
        **named("structure/", ranking_scores(rank(), truths)),
        **named("structure/", ranking_scores(rank(same_formula=True), truths), "_formula"),
        "structure/coverage": float(np.mean([truth in corpus for truth in truths])),
        "structure/n_corpus": len(corpus),
    }


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
