"""The cut of the latent h into z and y."""

import torch
from torch import Tensor

from nmrflow.errors import ShapeError
from nmrflow.types import Latent


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
