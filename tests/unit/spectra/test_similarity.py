"""The similarity of peak lists: what must hold for all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.spectra.similarity import compare_peaks

LISTS = st.lists(st.integers(-200, 2600).map(lambda n: n / 10), min_size=1, max_size=12)


@given(LISTS)
def test_equal_ones_have_1(one: list[float]) -> None:
    assert compare_peaks(one, one).similarity == pytest.approx(1.0)


@given(LISTS, LISTS)
def test_symmetric_and_between_0_and_1(one: list[float], other: list[float]) -> None:
    found, turned = compare_peaks(one, other), compare_peaks(other, one)
    assert 0 <= found.similarity <= 1 + 1e-12
    assert found.similarity == turned.similarity
    assert {(b, a) for a, b in found.pairs} == set(turned.pairs) or one == other


@given(LISTS, LISTS, st.randoms())
def test_blind_to_order(one: list[float], other: list[float], random: object) -> None:
    mixed = list(one)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    before, after = compare_peaks(one, other), compare_peaks(mixed, other)
    assert after.similarity == pytest.approx(before.similarity, abs=1e-12)


@given(LISTS, LISTS)
def test_pairs_are_near_and_each_peak_has_one(one: list[float], other: list[float]) -> None:
    pairs = compare_peaks(one, other).pairs
    assert all(abs(one[a] - other[b]) <= 6.0 for a, b in pairs)
    for side in zip(*pairs, strict=True):
        assert len(set(side)) == len(side)


def test_falls_with_noise_and_with_peaks_too_many() -> None:
    generator = np.random.default_rng(0)
    one = generator.uniform(0, 200, (200, 10))
    means = [
        np.mean(
            [compare_peaks(own, own + s * generator.normal(size=10)).similarity for own in one]
        )
        for s in (0.0, 0.3, 1.0, 3.0, 10.0)
    ]
    assert all(np.diff(means) < 0)
    own = one[0].tolist()
    told = [compare_peaks(own, own + [5.0] * n).similarity for n in range(4)]
    assert all(np.diff(told) < 0)


def test_a_peak_beside_a_pair_counts_half() -> None:
    alone, beside = compare_peaks([20.0], [20.0, 90.0]), compare_peaks([20.0], [20.0, 20.0])
    assert alone.similarity == pytest.approx(2 / 3 * 0.5**0.5)
    assert beside.similarity == pytest.approx(2.5 / 3 * 0.5**0.5)
    assert beside.shared == ((), ((1, 0),))
