"""Does the inverse return what went in?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nmrflow.chem.codecs.codec import MoleculeCodec
from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError


def inversion_scores(
    x: NDArray[np.floating],
    x_back: NDArray[np.floating],
    structures: Sequence[Structure],
    codec: MoleculeCodec,
) -> dict[str, float]:
    """Compare x, ``(n, C, H, W)``, n > 0, with f⁻¹(f(x)), cell by cell and molecule by molecule.

    Returns:
        ``max_abs_error`` and ``mean_abs_error`` over all cells, and ``exact_structures``: the
        share of molecules decoded back to the same tensor and the same molecule.
    """
    error = np.abs(np.asarray(x_back, dtype=np.float64) - x)
    n_exact = 0
    for tensor, tensor_back, structure in zip(x, x_back, structures, strict=True):
        try:
            rounded = codec.round(tensor_back)
            same = codec.decode(rounded).connectivity == structure.connectivity
        except StructureError:
            continue
        n_exact += same and bool((rounded == codec.round(tensor)).all())
    return {
        "max_abs_error": float(error.max()),
        "mean_abs_error": float(error.mean()),
        "exact_structures": n_exact / len(structures),
    }
