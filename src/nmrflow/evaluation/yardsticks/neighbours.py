"""The nearest neighbour: what a look into the training side alone can say."""

import numpy as np
from numpy.typing import NDArray

from nmrflow.chem.similarity import fingerprints, tanimoto
from nmrflow.evaluation.yardsticks.measured import Measured


def nearest_codes(train: Measured, queries: Measured) -> NDArray[np.bool_]:
    """Forward: the code of the training molecule most like each query.

    Likeness is the Tanimoto similarity of Morgan fingerprints. Of equally like ones the first
    in the order of :func:`nmrflow.evaluation.yardsticks.measured.measured` counts.

    Returns:
        ``(n queries, n_bins)``.
    """
    known, asked = fingerprints(train.connectivities), fingerprints(queries.connectivities)
    return np.asarray(train.codes[tanimoto(asked, known).argmax(axis=1)])


def rank_by_code(
    train: Measured, queries: Measured, *, same_formula: bool = False
) -> list[list[str]]:
    """Backward: training molecules, those with the most similar codes first.

    Similarity is the share of common among all set bits (Tanimoto); of equally similar ones
    that comes first which has a bit at most one bin away for more of the query's bits, then
    the first in text. A molecule stands where its most similar spectrum puts it, and once; with
    ``same_formula`` only those of the query's formula are ranked.
    """
    known, asked = train.codes.astype(np.float32), queries.codes.astype(np.float32)
    similarity = tanimoto(asked, known)
    near = known.copy()
    near[:, 1:] += known[:, :-1]
    near[:, :-1] += known[:, 1:]
    n_near = asked @ (near > 0).astype(np.float32).T
    names, formulas = train.connectivities, np.array(train.formulas)
    ranked = []
    for row, formula in enumerate(queries.formulas):
        order = np.lexsort((-n_near[row], -similarity[row]))  # stable, so text decides last
        if same_formula:
            order = order[formulas[order] == formula]
        ranked.append(list(dict.fromkeys(names[k] for k in order)))
    return ranked
