"""How alike structures are: Tanimoto similarity of Morgan fingerprints."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

RADIUS = 2
"""Bonds around each atom that a fingerprint sees (as far as ECFP4 does)."""

N_BITS = 2048


def fingerprints(connectivities: Sequence[str]) -> NDArray[np.float32]:
    """Morgan fingerprints of molecules given by their connectivity.

    Args:
        connectivities: Canonical SMILES, as :attr:`nmrflow.chem.structure.Structure.connectivity`.

    Returns:
        Zeros and ones, ``(n, 2048)``.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=N_BITS)
    rows = [
        generator.GetFingerprintAsNumPy(Chem.MolFromSmiles(connectivity))
        for connectivity in connectivities
    ]
    return np.array(rows, dtype=np.float32).reshape(len(rows), N_BITS)


def tanimoto(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Tanimoto similarity of every row of one with every row of the other.

    Args:
        one: Zeros and ones, ``(m, b)``.
        other: Zeros and ones, ``(n, b)``.

    Returns:
        Shares of common among all set bits, ``(m, n)``; 0 where neither row has a bit.
    """
    common = (one @ other.T).astype(np.float64)
    either = one.sum(axis=1)[:, None] + other.sum(axis=1)[None, :] - common
    return np.asarray(np.divide(common, either, where=either > 0, out=np.zeros_like(common)))
