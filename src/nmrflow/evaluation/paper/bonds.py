"""The paper's test of the inverse: numbers of bonds and of aromatic bonds, real and generated.

They are counted in tensors that need not be a molecule, so each codec has its own way to count;
of a codec that has none here nothing is said.
"""

from collections.abc import Iterable
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.errors import StructureError

Counts = NDArray[np.int64] | None
"""Numbers of bonds and of aromatic bonds, ``(n, 2)``; None where the codec cannot say."""

_AROMATIC_CHANNEL = 3


@singledispatch
def count_bonds(codec: object, cells: NDArray[np.generic]) -> tuple[int, int] | None:  # noqa: ARG001
    """Numbers of bonds and of aromatic bonds that set cells stand for, molecule or not.

    Args:
        codec: Says what a cell means.
        cells: Whole numbers, or whether each is set.

    Returns:
        None for a codec that is not known here.
    """
    return None


@count_bonds.register
def _(codec: BondTensorCodec, cells: NDArray[np.generic]) -> tuple[int, int]:  # noqa: ARG001
    """Pairs of atoms with an order set, and with the flag set; not those below the diagonal."""
    upper = np.triu(np.asarray(cells).astype(bool))
    orders, flags = upper[:_AROMATIC_CHANNEL], upper[_AROMATIC_CHANNEL]
    return int(orders.any(axis=0).sum()), int(flags.sum())


@count_bonds.register
def _(codec: TableCodec, cells: NDArray[np.generic]) -> tuple[int, int]:
    """Pairs of atoms with a bond, and aromatic bonds where the table is a molecule."""
    table = codec.round(np.asarray(cells, dtype=np.float64))
    try:
        bonds = codec.read(table).bonds
    except StructureError:
        return int(np.count_nonzero(table[codec.n_kind_cells :])), 0
    return len(bonds), sum(bond.aromatic for bond in bonds)


def bond_counts(codec: object, tensors: Iterable[NDArray[np.generic]]) -> Counts:
    """:func:`count_bonds` of several tensors."""
    counts = [count_bonds(codec, cells) for cells in tensors]
    return None if None in counts else np.array(counts)


def set_cells(x: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Cells that count as set in the published code's test of the inverse."""
    return x > 0


def bond_correlations(prefix: str, real: Counts, generated: Counts) -> dict[str, float | None]:
    """Correlation of real and generated counts over molecules; None where there are none."""
    names = (f"{prefix}bond_count_correlation", f"{prefix}aromatic_bond_count_correlation")
    if real is None or generated is None:
        return dict.fromkeys(names)
    return {name: count_correlation(real[:, k], generated[:, k]) for k, name in enumerate(names)}


def count_correlation(real: NDArray[np.number], generated: NDArray[np.number]) -> float | None:
    """Pearson correlation of two series of counts; None where one does not vary."""
    if np.ptp(real) == 0 or np.ptp(generated) == 0:
        return None
    return float(np.corrcoef(real, generated)[0, 1])
