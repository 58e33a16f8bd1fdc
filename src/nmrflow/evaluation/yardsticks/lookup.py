"""Looking a spectrum up among generated molecules: the backward yardstick.

Every molecule of the corpus has its predicted spectrum; a query's best candidates are those
under whose prediction the measured bits are likeliest. It can find nothing outside its corpus.
"""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmrflow.chem.structure import Structure
from nmrflow.evaluation.yardsticks.measured import Measured
from nmrflow.evaluation.yardsticks.predictor import ShiftPredictor
from nmrflow.metrics.structure import N_FIRST

_AT_A_TIME = 2_000
_QUERIES_AT_A_TIME = 32


class Corpus(NamedTuple):
    """Molecules with their predicted spectra.

    Args:
        connectivities: Each molecule once.
        formulas: Of each.
        log_unset: Log probability that no bit at all is set, ``(n,)``.
        gain: What each bit adds to that when it is set, ``(n, n_bins)``: its logit.
    """

    connectivities: list[str]
    formulas: NDArray[np.str_]
    log_unset: NDArray[np.float32]
    gain: NDArray[np.float32]


def build_corpus(structures: Iterable[Structure], predictor: ShiftPredictor) -> Corpus:
    """Predict the spectrum of distinct molecules, at least one; few are held at a time."""
    names, formulas, log_unset, gain = [], [], [], []
    waiting = iter(structures)
    while part := list(islice(waiting, _AT_A_TIME)):
        names += [structure.connectivity for structure in part]
        formulas += [structure.formula for structure in part]
        unset = predictor.log_unset(part)
        log_unset.append(unset.sum(axis=1).astype(np.float32))
        gain.append((np.log(-np.expm1(unset)) - unset).astype(np.float32))
    return Corpus(names, np.array(formulas), np.concatenate(log_unset), np.concatenate(gain))


def rank_corpus(
    corpus: Corpus, queries: Measured, *, same_formula: bool = False, n_first: int = N_FIRST
) -> list[list[str]]:
    """The molecules under which each query's measured bits are likeliest, best first.

    The log-likelihood of a code is one number for each molecule plus the sum of the logits of
    the set bits: a matrix product does all queries at once. Of equally likely molecules the
    first in the corpus comes first; with ``same_formula`` only those of the query's are ranked.
    """
    ranked = []
    codes = queries.codes.astype(np.float32)
    formulas = np.array(queries.formulas)
    for start in range(0, len(codes), _QUERIES_AT_A_TIME):
        rows = slice(start, start + _QUERIES_AT_A_TIME)
        scores = codes[rows] @ corpus.gain.T + corpus.log_unset
        for score, formula in zip(scores, formulas[rows], strict=True):
            if same_formula:
                score = np.where(corpus.formulas == formula, score, -np.inf)
            order = np.argsort(-score, kind="stable")[:n_first]
            ranked.append([corpus.connectivities[k] for k in order if np.isfinite(score[k])])
    return ranked
