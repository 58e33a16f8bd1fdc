"""The latent h, and its cut into z and y."""

from typing import NamedTuple

import torch
from torch import Tensor

from nmrflow.errors import ShapeError


class Latent(NamedTuple):
    """The two slots of the latent h = f(x): residual z and spectrum y, in this order in h.

    Args:
        z: ``(batch, n_residual)``.
        y: ``(batch, n_bins)``.
    """

    z: Tensor
    y: Tensor


def split_latent(h: Tensor, n_bins: int) -> Latent:
    """Cut h into the residual slot z (first) and the spectrum slot y (last ``n_bins``).

    Args:
        h: Shape ``(batch, n_residual + n_bins)``.
        n_bins: Width of y.

    Raises:
        ShapeError: If h is no matrix or is not wider than y.
    """
    if h.ndim != 2 or h.shape[1] <= n_bins:
        raise ShapeError(f"expected h of shape (batch, > {n_bins}), got {tuple(h.shape)}")
    return Latent(z=h[:, :-n_bins], y=h[:, -n_bins:])


def join_latent(latent: Latent) -> Tensor:
    """The inverse of :func:`split_latent`.

    Raises:
        ShapeError: If z and y are not matrices over the same batch.
    """
    z, y = latent
    if z.ndim != 2 or y.ndim != 2 or len(z) != len(y):
        raise ShapeError(f"z {tuple(z.shape)} and y {tuple(y.shape)} share no batch axis")
    return torch.cat((z, y), dim=1)
