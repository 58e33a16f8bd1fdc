"""Proposed structures: samplers and rankings whose scores are known."""

import numpy as np
import pytest

from nmrflow.chem.similarity import fingerprints, tanimoto
from nmrflow.metrics.structure import (
    mean_or_none,
    ranking_scores,
    sampling_scores,
)

TRUTHS = ["Cc1ccccc1", "CC#CC", "CC(C)C=C", "C1CCCCC1"]
OTHERS = ["CC", "CCC", "CCCC", "C=C", "C#C", "CC=C", "CCC=C", "CC=CC", "C1CC1", "C1CCC1", "CCCCC"]


def nothing_known(_: str) -> bool:
    return False


def test_a_perfect_sampler() -> None:
    scores = sampling_scores([[truth] * 4 for truth in TRUTHS], TRUTHS, nothing_known)
    assert scores == {
        "n_samples": 4,
        "valid_raw": 1,
        "unique": 0.25,  # It says the one right thing, four times.
        "novel": 1,
        "coverage": 1,
    }


@pytest.mark.parametrize("drawn", [[], [None] * 5], ids=["refused", "no molecule"])
def test_a_sampler_without_molecules(drawn: list[None]) -> None:
    assert sampling_scores([drawn] * 4, TRUTHS, nothing_known) == {
        "n_samples": len(drawn),
        "valid_raw": 0 if drawn else None,
        "unique": None,
        "novel": None,
        "coverage": 0,
    }


def test_samples_by_hand() -> None:
    samples = [
        ["CC", "CC", None, TRUTHS[0]],  # 2 distinct of 3, 1 of the 2 unknown.
        [None, "CC", "CC", "CC"],  # 1 distinct of 3, known.
        [None, None, None, None],
        [],  # Refused.
    ]
    scores = sampling_scores(samples, TRUTHS, {"CC"}.__contains__)
    assert scores == pytest.approx(
        {
            "n_samples": 12 / 4,
            "valid_raw": 6 / 12,
            "unique": (2 / 3 + 1 / 3) / 2,
            "novel": (1 / 2 + 0) / 2,
            "coverage": 1 / 4,
        }
    )


def test_a_random_sampler() -> None:
    pool = TRUTHS + OTHERS
    drawn = np.random.default_rng(0).choice(pool, (2000, 5)).tolist()
    truths = np.random.default_rng(1).choice(pool, 2000).tolist()
    scores = sampling_scores(drawn, truths, set(OTHERS).__contains__)
    hit = 1 - (1 - 1 / len(pool)) ** 5
    assert scores["coverage"] == pytest.approx(hit, abs=0.03)
    assert scores["novel"] == pytest.approx(len(TRUTHS) / len(pool), abs=0.02)
    assert scores["unique"] == pytest.approx(hit * len(pool) / 5, abs=0.01)
    first = ranking_scores([list(dict.fromkeys(row)) for row in drawn], truths)
    assert first["top1"] == pytest.approx(1 / len(pool), abs=0.02)
    assert first["top10"] == scores["coverage"]


def test_a_perfect_and_an_empty_ranking() -> None:
    perfect = ranking_scores([[truth, "CC"] for truth in TRUTHS], TRUTHS)
    assert perfect == {"top1": 1, "top10": 1, "tanimoto_top10": pytest.approx(1)}
    empty = ranking_scores([[] for _ in TRUTHS], TRUTHS)
    assert empty == {"top1": 0, "top10": 0, "tanimoto_top10": 0}


@pytest.mark.parametrize(("place", "top1", "top10"), [(0, 1, 1), (1, 0, 1), (9, 0, 1), (10, 0, 0)])
def test_where_the_truth_stands(place: int, top1: float, top10: float) -> None:
    truth = TRUTHS[0]
    scores = ranking_scores([[*OTHERS[:place], truth, *OTHERS[place:]]], [truth])
    assert (scores["top1"], scores["top10"]) == (top1, top10)
    assert (scores["tanimoto_top10"] == pytest.approx(1)) == bool(top10)


def test_similarity_is_the_best_of_the_first_ten_and_queries_are_averaged() -> None:
    ranked = [["CC", "CCc1ccccc1", "CCC"], []]
    scores = ranking_scores(ranked, TRUTHS[:2])
    alike = [tanimoto(fingerprints([c]), fingerprints([TRUTHS[0]]))[0, 0] for c in ranked[0]]
    assert 0 < max(alike) < 1
    assert scores["tanimoto_top10"] == pytest.approx((max(alike) + 0) / 2)


def test_the_mean_of_nothing_is_none() -> None:
    assert mean_or_none([]) is None
    assert mean_or_none([1, 2]) == 1.5
