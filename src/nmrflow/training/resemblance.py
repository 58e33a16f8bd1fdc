"""Which generated molecules are of the kinds that people measure.

Random edits reach far more strained and crowded molecules than anyone has made. A classifier that
tells measured from generated molecules gives the ratio of their densities (Bickel, Brückner and
Scheffer, *Discriminative learning under covariate shift*, JMLR 10, 2009, 2137); drawing by that
ratio teaches the network what to expect, without showing it the measured molecules themselves
over and over.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from nmrflow.data.corpus import Corpus

GREATEST_LOG_RATIO = 4.0
"""Beyond it a ratio rests on too few molecules."""

_N_SHOWN = 20_000
_AT_A_TIME = 50_000


def resemblance(measured: NDArray[np.uint8], corpus: Corpus, seed: int) -> NDArray[np.float64]:
    """How many times likelier each molecule of a corpus is among measured ones than in it.

    Args:
        measured: Counts of each distinct measured molecule, as
            :meth:`nmrflow.chem.graph.AtomFeatures.count_kinds` gives them, ``(n, n_kinds)``.
        corpus: The generated molecules.
        seed: Of the choice of those that the classifier is shown; it has torch's threads.

    Returns:
        ``(n_molecules,)``, of mean 1; 1 everywhere where there is nothing to tell apart.
    """
    if not len(measured):
        return np.ones(corpus.n_molecules)
    random = np.random.default_rng(seed)
    n_shown = min(_N_SHOWN, corpus.n_molecules)
    shown = np.sort(random.choice(corpus.n_molecules, n_shown, replace=False))
    classifier = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=160,
        max_leaf_nodes=8,
        min_samples_leaf=20,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=seed,
    )
    is_measured = np.repeat([1, 0], [len(measured), n_shown])
    n_parts = -(-corpus.n_molecules // _AT_A_TIME)
    with threadpool_limits(torch.get_num_threads()):
        classifier.fit(np.concatenate([measured, corpus.kinds(shown)]), is_measured)
        log_odds = np.concatenate(
            [
                classifier.decision_function(corpus.kinds(rows))
                for rows in np.array_split(np.arange(corpus.n_molecules), n_parts)
            ]
        )
    log_ratio = log_odds - math.log(len(measured) / n_shown)
    ratio: NDArray[np.float64] = np.exp(np.minimum(log_ratio, GREATEST_LOG_RATIO))
    ratio /= ratio.mean()
    return ratio
