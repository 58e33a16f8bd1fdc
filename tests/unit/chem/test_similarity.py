"""Tanimoto similarity against a count on sets; fingerprints know molecules, not numberings."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nmrflow.chem.similarity import N_BITS, fingerprints, tanimoto

rows = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 5), st.just(6)), elements=st.sampled_from([0, 1])
)


@given(rows, rows)
def test_tanimoto_is_the_share_of_common_among_all_set_bits(
    one: np.ndarray, other: np.ndarray
) -> None:
    found = tanimoto(one, other)
    assert found.shape == (len(one), len(other))
    for i, a in enumerate(one):
        for k, b in enumerate(other):
            first, second = set(np.flatnonzero(a)), set(np.flatnonzero(b))
            either = first | second
            assert found[i, k] == (len(first & second) / len(either) if either else 0)


def test_fingerprints_tell_molecules_apart_and_not_spellings() -> None:
    found = fingerprints(["Cc1ccccc1", "c1ccccc1C", "C1CCCCC1C"])
    assert found.shape == (3, N_BITS)
    assert set(np.unique(found)) == {0, 1}
    similarity = tanimoto(found, found)
    assert similarity[0, 1] == 1
    assert 0 < similarity[0, 2] < 0.5


def test_no_molecule_has_no_fingerprint() -> None:
    assert fingerprints([]).shape == (0, N_BITS)
