"""Resemblance: the ratio of two densities, from counts alone."""

from pathlib import Path

import numpy as np
import pytest

from nmrflow.data.corpus import Corpus, CorpusWriter, Shard
from nmrflow.training.resemblance import GREATEST_LOG_RATIO, resemblance

N = 4_000


def written(folder: Path, kinds: np.ndarray) -> Corpus:
    """A corpus of which only the kinds say anything."""
    writer = CorpusWriter(folder)
    for part in np.array_split(kinds, 3):
        n = len(part)
        packed = np.zeros((n, 1, 2), dtype=np.uint8)
        writer.add(Shard(np.zeros((n, 136), np.uint8), packed, np.ones(n, np.uint8), part))
    writer.close(16)
    return Corpus(folder)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Kinds 0 to 3, as many of each, in the first count; noise in the second."""
    random = np.random.default_rng(0)
    return written(
        tmp_path, np.stack([np.arange(N) % 4, random.integers(0, 9, N)], 1).astype(np.uint8)
    )


def measured_like(share: list[float], n: int = 2_000) -> np.ndarray:
    random = np.random.default_rng(1)
    first = random.choice(len(share), n, p=share)
    return np.stack([first, random.integers(0, 9, n)], 1).astype(np.uint8)


def test_it_is_the_ratio_of_densities(corpus: Corpus) -> None:
    share = [0.55, 0.3, 0.1, 0.05]
    found = resemblance(measured_like(share), corpus, seed=0)
    assert found.shape == (N,)
    assert found.mean() == pytest.approx(1.0)
    by_kind = [found[np.arange(N) % 4 == kind].mean() for kind in range(4)]
    np.testing.assert_allclose(by_kind, np.array(share) / 0.25, rtol=0.2)


def test_no_molecule_counts_for_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is measured is of a kind that one generated molecule in two hundred is of."""
    kinds = np.stack([np.arange(N) % 200 == 0, np.arange(N) % 9], 1).astype(np.uint8)
    corpus = written(tmp_path, kinds)
    measured = measured_like([0.0, 1.0])
    clipped = resemblance(measured, corpus, seed=0)
    monkeypatch.setattr("nmrflow.training.resemblance.GREATEST_LOG_RATIO", 100.0)
    whole = resemblance(measured, corpus, seed=0)
    is_rare = kinds[:, 0] == 1
    spread = [np.log(r[is_rare].mean() / r[~is_rare].mean()) for r in (clipped, whole)]
    assert spread[1] > spread[0] + 0.5
    rest = np.exp(spread[0])
    assert rest > np.exp(GREATEST_LOG_RATIO)  # the others lie below 1, the rare ones at the limit


def test_the_same_seed_gives_the_same(corpus: Corpus) -> None:
    measured = measured_like([0.4, 0.3, 0.2, 0.1])
    one, again = (resemblance(measured, corpus, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    resemblance(measured, corpus, seed=3)
    assert np.random.random() == expected  # noqa: NPY002 - the caller's own numbers


def test_with_nothing_measured_all_are_alike(corpus: Corpus) -> None:
    found = resemblance(np.zeros((0, 2), np.uint8), corpus, seed=0)
    np.testing.assert_array_equal(found, np.ones(N))
