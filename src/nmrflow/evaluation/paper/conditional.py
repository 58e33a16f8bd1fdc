"""How the inverse reacts when z changes and y stays: the paper's equations 1 to 5.

Distances are between tensors as f⁻¹ returns them, before any rounding.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nmrflow.numerics import generator_for

Inverse = Callable[[Tensor, Tensor], Tensor]
"""f⁻¹: z ``(n, n_residual)`` and y ``(n, n_bins)`` to x, rows in the same order."""

NOISE_LEVELS = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Standard deviations of the noise on z: the columns of the paper's Table 4."""

N_DISTURBED = 16
"""Molecules on which the deviation under noise is measured: it takes 245 inverses each."""

N_DRAWS = 8
"""Noise draws per z, and draws of z for the variation."""

N_PRIOR_DRAWS = 4
"""Residuals drawn per molecule from the prior learned on the training side."""

_BATCH = 64
"""Rows at a time; what is inverted at once is several times as many."""


class Deviation(NamedTuple):
    """By noise level the mean over molecules and draws of the norm of what it changes in x (cd).

    rcd is the same over the mean norm of the undisturbed x; None if that is 0. The norm is L1,
    or L2 where a name says so.
    """

    cd: dict[str, float]
    rcd: dict[str, float | None]
    cd_l2: dict[str, float]
    rcd_l2: dict[str, float | None]


def conditional_scores(
    inverse: Inverse, z: Tensor, y: Tensor, z_train: Tensor | None, seed: int
) -> dict[str, Any]:
    """Deviation of a few molecules around their own z and around the prior, and variation.

    Residuals z are ``(n, n_residual)``, n > 0, spectrum slots y ``(n, n_bins)``. The prior is
    learned from ``z_train``, the training side's; without, the deviation around it is None.

    Returns:
        ``n_molecules`` of the deviation; the fields of :class:`Deviation`, of which ``cd_l2``
        around ``local`` residuals is ``cd_local_l2``; what :func:`conditional_variation` gives.
    """
    chosen = np.unique(np.linspace(0, len(z) - 1, N_DISTURBED).round().astype(int))
    z_local, y_local = z[chosen], y[chosen]
    drawn = None
    if z_train is not None:
        drawn = draw_from_prior(z_train, len(z_local), generator_for(seed, "learned prior"))
    scores: dict[str, Any] = {"n_molecules": len(chosen)}
    for name, around in (("local", z_local), ("prior", drawn)):
        deviation: dict[str, Any] = dict.fromkeys(Deviation._fields)
        if around is not None:
            repeated = y_local.repeat(len(around) // len(y_local), 1)
            generator = generator_for(seed, "noise", name)
            deviation = conditional_deviation(inverse, around, repeated, generator)._asdict()
        for field, value in deviation.items():
            head, *norm = field.split("_")
            scores["_".join([head, name, *norm])] = value
    generator = generator_for(seed, "variation")
    return scores | conditional_variation(inverse, y, z.shape[1], generator)


def conditional_deviation(
    inverse: Inverse,
    z: Tensor,
    y: Tensor,
    generator: torch.Generator,
    *,
    levels: Sequence[float] = NOISE_LEVELS,
    n_draws: int = N_DRAWS,
) -> Deviation:
    """How far x = f⁻¹(z, y) moves when noise is added to z.

    The draws of noise are common to all levels: a level differs from another by its size only.
    Levels are its standard deviations; z and y are as for :func:`conditional_scores`.
    """
    sums = {level: [0.0, 0.0] for level in levels}
    base_sums = [0.0, 0.0]
    for z_part, y_part in _batches(z, y):
        base = inverse(z_part, y_part)
        _add_norms(base_sums, base)
        for _ in range(n_draws):
            noise = torch.randn(z_part.shape, generator=generator).to(z_part)
            disturbed = torch.cat([z_part + level * noise for level in levels])
            moved = inverse(disturbed, y_part.repeat(len(levels), 1))
            for level, part in zip(levels, moved.chunk(len(levels)), strict=True):
                _add_norms(sums[level], part - base)
    tables: list[Any] = []
    for norm in (0, 1):
        base_norm = base_sums[norm] / len(z)
        cd = {f"{level:g}": sums[level][norm] / (len(z) * n_draws) for level in levels}
        rcd = {level: value / base_norm if base_norm else None for level, value in cd.items()}
        tables += [cd, rcd]
    return Deviation(*tables)


def draw_from_prior(
    z_train: Tensor, n: int, generator: torch.Generator, n_draws: int = N_PRIOR_DRAWS
) -> Tensor:
    """Residuals from the learned prior: independent normals, mean and std per dimension.

    Learned on residuals of the training side ``(m, n_residual)``, m > 0, for n molecules:
    ``(n_draws * n, n_residual)``, all molecules once, then all again.
    """
    mean, std = z_train.mean(dim=0), z_train.std(dim=0, correction=0)
    noise = torch.randn((n_draws * n, z_train.shape[1]), generator=generator)
    return mean + std * noise.to(z_train)


def conditional_variation(
    inverse: Inverse, y: Tensor, n_residual: int, generator: torch.Generator
) -> dict[str, float]:
    """How far the structures for one y lie apart when z is drawn from N(0, I).

    For each row of y eight draws; the mean L2 distance of the eight x from their mean.

    Returns:
        ``variation_mean`` and ``variation_std`` over molecules (population std);
        ``variation_rows_mean`` and ``variation_rows_std``: the same with the distance taken
        over the last axis of x only, over molecules and all other axes.
    """
    whole, rows = [], []
    for (part,) in _batches(y):
        z = torch.randn((N_DRAWS, len(part), n_residual), generator=generator).to(part)
        x = inverse(z.flatten(0, 1), part.repeat(N_DRAWS, 1)).double()
        x = x.reshape(N_DRAWS, len(part), *x.shape[1:])
        apart = x - x.mean(dim=0)
        whole.append(torch.linalg.vector_norm(apart.flatten(2), dim=2).mean(dim=0))
        rows.append(torch.linalg.vector_norm(apart, dim=-1).mean(dim=0).flatten())
    values = {"variation": torch.cat(whole), "variation_rows": torch.cat(rows)}
    return {
        f"{name}_{what}": float(number)
        for name, value in values.items()
        for what, number in (("mean", value.mean()), ("std", value.std(correction=0)))
    }


def _add_norms(sums: list[float], x: Tensor) -> None:
    flat = x.flatten(1).double()
    for index, order in enumerate((1, 2)):
        sums[index] += float(torch.linalg.vector_norm(flat, ord=order, dim=1).sum())


def _batches(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(torch.split(tensor, _BATCH) for tensor in tensors), strict=True)
