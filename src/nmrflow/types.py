"""The tensors that modules hand to each other, by name.

Axes, everywhere: x is ``batch channel height width`` (the bond tensor), z is
``batch n_residual``, y and the code are ``batch n_bins``, h is ``batch n_residual + n_bins``.
"""

from typing import NamedTuple

from torch import Tensor


class Latent(NamedTuple):
    """The two slots of the latent h = f(x): residual z and spectrum y, in this order in h."""

    z: Tensor
    y: Tensor


class Batch(NamedTuple):
    """What a dataset gives: molecule tensors x and measured spectrum codes (0/1, floating)."""

    x: Tensor
    code: Tensor
