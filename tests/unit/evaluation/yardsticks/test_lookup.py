"""Looking up ranks a corpus exactly by the likelihood of the measured bits."""

import numpy as np
import pytest

from embedded.enumeration import enumerate_hydrocarbons
from nmrflow.chem.structure import Structure
from nmrflow.evaluation.yardsticks.lookup import build_corpus, rank_corpus
from nmrflow.evaluation.yardsticks.measured import Measured
from nmrflow.evaluation.yardsticks.predictor import NETWORK, ShiftPredictor
from nmrflow.metrics.calibration import log_likelihood
from nmrflow.shifts.network import ShiftNetwork
from nmrflow.spectra.axis import ShiftAxis

STRUCTURES = list(enumerate_hydrocarbons(["alkanes", "alkenes"]))[:60]


@pytest.fixture
def predictor() -> ShiftPredictor:
    network = ShiftNetwork(**NETWORK).eval()
    return ShiftPredictor((network,), ShiftAxis(), 0.5, (1,))


@pytest.fixture
def queries() -> Measured:
    codes = np.random.default_rng(1).random((5, 128)) < 0.05
    return Measured(tuple(STRUCTURES[10:60:10]), codes)


def logits(predictor: ShiftPredictor, structures: list[Structure]) -> np.ndarray:
    p = predictor.probabilities(structures)
    return np.log(p / (1 - p))


def test_the_order_is_that_of_the_likelihood(predictor: ShiftPredictor, queries: Measured) -> None:
    corpus = build_corpus(iter(STRUCTURES), predictor)
    assert corpus.connectivities == [s.connectivity for s in STRUCTURES]
    found = rank_corpus(corpus, queries, n_first=20)
    of_all = logits(predictor, STRUCTURES)
    names = [s.connectivity for s in STRUCTURES]
    for code, ranked in zip(queries.codes, found, strict=True):
        likelihood = log_likelihood(of_all, code)
        values = [likelihood[names.index(name)] for name in ranked]
        np.testing.assert_allclose(values, np.sort(likelihood)[::-1][:20], atol=1e-3)


def test_with_formula_only_isomers_are_ranked(
    predictor: ShiftPredictor, queries: Measured
) -> None:
    corpus = build_corpus(STRUCTURES, predictor)
    everything = rank_corpus(corpus, queries, n_first=len(STRUCTURES))
    isomers = rank_corpus(corpus, queries, same_formula=True, n_first=len(STRUCTURES))
    formula = {s.connectivity: s.formula for s in STRUCTURES}
    for structure, ranked, among in zip(queries.structures, everything, isomers, strict=True):
        assert among == [name for name in ranked if formula[name] == structure.formula]
        assert structure.connectivity in among


def test_a_formula_that_is_not_in_the_corpus_finds_nothing(
    predictor: ShiftPredictor, queries: Measured
) -> None:
    corpus = build_corpus(STRUCTURES[:3], predictor)
    assert rank_corpus(corpus, queries, same_formula=True)[-1] == []
