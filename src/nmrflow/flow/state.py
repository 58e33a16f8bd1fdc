"""What is known of a table before each of its tokens (:mod:`nmrflow.flow.tokens`)."""

from typing import NamedTuple

from torch import Tensor

UNKNOWN = -1
"""A total of a molecule that is not known."""


class State(NamedTuple):
    """What is known before each token.

    Args:
        column: Number of the atom whose bonds are being told, -1 before the first, ``(...)``.
        last_row: The row of its last bond so far, -1 for none, ``(...)``.
        bonds: Sum of bond orders of every atom so far, ``(..., max_atoms)``.
        kinds: Kind of every atom so far, -1 where none is told yet, ``(..., max_atoms)``.
        previous: The token before, ``n_tokens`` at the start, ``(...)``.
        counts: Totals of the whole molecule, or :data:`UNKNOWN`, ``(..., n_counts)``; here number
            of atoms of each kind and sum of all bond orders, all of them known or none.
    """

    column: Tensor
    last_row: Tensor
    bonds: Tensor
    kinds: Tensor
    previous: Tensor
    counts: Tensor
