"""What the residual z looks like."""

import numpy as np
from numpy.typing import NDArray


def residual_statistics(z: NDArray[np.floating]) -> dict[str, float]:
    """The paper's statistics of z: mean and std of each molecule's z, then over molecules.

    Args:
        z: Residuals ``(n, n_residual)``, n > 0.

    Returns:
        ``z_mean_mean`` and ``z_mean_std`` over molecules of the mean over a molecule's z;
        ``z_std_mean`` and ``z_std_std`` of its standard deviation, all of the population (no
        n - 1). Under the prior N(0, I): 0, 1/√n_residual, 1, about 1/√(2 n_residual).

    References:
        Kuhn, Dwarka, Grenda, Vainikko, arXiv:2602.03875, 2026, Table 3.
    """
    z = np.asarray(z, dtype=np.float64)
    means, stds = z.mean(axis=1), z.std(axis=1)
    return {
        "z_mean_mean": float(means.mean()),
        "z_mean_std": float(means.std()),
        "z_std_mean": float(stds.mean()),
        "z_std_std": float(stds.std()),
    }


def dimension_statistics(z: NDArray[np.floating]) -> dict[str, float | list[float]]:
    """Mean and std of each dimension of z over molecules, and how far they are from 0 and 1.

    z as for :func:`residual_statistics`, std of the population; ``dimension_mean`` and
    ``dimension_std`` are ``n_residual`` numbers each, the others are over these.
    """
    z = np.asarray(z, dtype=np.float64)
    means, stds = z.mean(axis=0), z.std(axis=0)
    return {
        "dimension_mean_abs": float(np.abs(means).mean()),
        "dimension_std_mean": float(stds.mean()),
        "dimension_std_min": float(stds.min()),
        "dimension_std_max": float(stds.max()),
        "dimension_mean": means.round(6).tolist(),
        "dimension_std": stds.round(6).tolist(),
    }
