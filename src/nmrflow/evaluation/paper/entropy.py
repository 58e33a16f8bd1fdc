"""How much there is to know of a tensor of zeros and ones."""

import numpy as np
from numpy.typing import NDArray


def cell_entropy_bits(x: NDArray[np.generic]) -> float:
    """Sum over cells of the entropy of each cell's frequency, in bits.

    The paper's estimate for its molecules. An upper bound of the entropy of x: cells are
    taken as independent.

    Args:
        x: Zeros and ones ``(n, ...)``, n > 0.
    """
    set_ = np.asarray(x, dtype=np.float64).mean(axis=0)
    p = np.stack([set_, 1.0 - set_])
    return float(-(p * np.log2(p, where=p > 0, out=np.zeros_like(p))).sum())
