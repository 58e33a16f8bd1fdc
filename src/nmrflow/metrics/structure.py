"""Scores of proposed structures: what sampling gives, and what ranking makes of it.

Molecules are named by their connectivity (canonical SMILES without stereo), one text each.
A query that was refused has no samples and no candidates; it counts as a miss.
"""

from collections.abc import Callable, Sequence

import numpy as np

from nmrflow.chem.similarity import fingerprints, tanimoto

N_FIRST = 10
"""How many candidates a chemist is expected to look at: the 10 of top10."""


def sampling_scores(
    samples: Sequence[Sequence[str | None]],
    truths: Sequence[str],
    is_known: Callable[[str], bool],
) -> dict[str, float | None]:
    """What came out of the inverse for each query, None being no molecule, before any ranking.

    ``is_known`` says whether a molecule stands on the training side.

    Returns:
        ``n_samples``: samples per query (mean);
        ``valid_raw``: share of all samples that are a molecule;
        ``unique``: share of distinct molecules among a query's valid samples, mean over the
        queries that have any;
        ``novel``: share of unknown ones among the distinct molecules, likewise;
        ``coverage``: share of queries with the truth among their samples.
        None where no sample is valid.
    """
    valid = [[molecule for molecule in drawn if molecule is not None] for drawn in samples]
    n_drawn = sum(map(len, samples))
    found = [molecules for molecules in valid if molecules]
    novel = [np.mean([not is_known(m) for m in sorted(set(molecules))]) for molecules in found]
    hits = [truth in molecules for molecules, truth in zip(valid, truths, strict=True)]
    return {
        "n_samples": n_drawn / len(truths),
        "valid_raw": sum(map(len, valid)) / n_drawn if n_drawn else None,
        "unique": mean_or_none([len(set(m)) / len(m) for m in found]),
        "novel": mean_or_none(novel),
        "coverage": float(np.mean(hits)),
    }


def ranking_scores(ranked: Sequence[Sequence[str]], truths: Sequence[str]) -> dict[str, float]:
    """Where the truths, n > 0, stand among distinct candidates, best first; ten are enough.

    Returns:
        ``top1``, ``top10``: share of queries with the truth first, in the first ten;
        ``tanimoto_top10``: the greatest Tanimoto similarity (Morgan, radius 2) to the truth
        among the first ten, 0 without candidates, mean over queries.
    """
    pairs = list(zip(ranked, truths, strict=True))
    best = [
        tanimoto(fingerprints(list(first[:N_FIRST])), fingerprints([truth])).max(initial=0.0)
        for first, truth in pairs
    ]
    return {
        "top1": float(np.mean([truth in first[:1] for first, truth in pairs])),
        "top10": float(np.mean([truth in first[:N_FIRST] for first, truth in pairs])),
        "tanimoto_top10": float(np.mean(best)),
    }


def mean_or_none(values: Sequence[float | np.floating]) -> float | None:
    """The mean, or None of nothing."""
    return float(np.mean(np.array(values))) if len(values) else None
