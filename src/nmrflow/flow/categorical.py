"""Categories as standard normals: a bijection whose density is the categorical probability.

A category k of a categorical distribution owns an interval of [0, 1) as long as its
probability. A point u in [0, 1) picks a place in that interval, and the normal quantile of the
place is z. So k + u and z determine each other; where u is uniform and the probabilities are
right z is standard normal; and the density of k + u is exactly the probability of k.
"""

import math

import torch
from torch import Tensor

_LOG_SQRT_2_PI = 0.5 * math.log(2 * math.pi)


def to_normal(value: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Turn k + u into z.

    Args:
        value: From 0 to less than K, ``(...)``: the category and the place in its interval.
        p: Probabilities ``(..., K)``, sum 1; that of the category given must not be 0.

    Returns:
        z ``(...)``, and log|dz/dvalue| ``(...)``: with the log density of z under N(0, 1) it
        adds up to log p of the category. Both in float64, whatever was given: an interval of
        1e-6 has no room for a place in float32.
    """
    value, p = value.double(), p.double()
    k = value.floor().long().clamp(0, p.shape[-1] - 1)
    u = value - k
    own = p.gather(-1, k[..., None])[..., 0]
    below, above = (edge.gather(-1, k[..., None])[..., 0] for edge in _edges(p))
    place, place_from_above = below + u * own, above + (1 - u) * own
    # Each tail from its own end: 1 - place would lose the upper one's digits.
    z = torch.where(
        place < 0.5, torch.special.ndtri(place), -torch.special.ndtri(place_from_above)
    )
    return z, own.log() + 0.5 * z.square() + _LOG_SQRT_2_PI


def from_normal(z: Tensor, p: Tensor) -> Tensor:
    """Turn z into k + u: the inverse of :func:`to_normal`, in float64.

    Categories of probability 0 are never chosen.
    """
    z, p = z.double(), p.double()
    below, above = _edges(p)
    # By way of its logarithm: ndtr itself is 0 from about -8 on.
    place, place_from_above = (torch.special.log_ndtr(side).exp()[..., None] for side in (z, -z))
    upper = z[..., None] > 0
    # k is the last category that begins at or before the place.
    begun = torch.where(upper, above + p >= place_from_above, below <= place) & (p > 0)
    index = torch.arange(p.shape[-1], device=p.device)
    k = torch.where(begun, index, -1).amax(-1, keepdim=True).clamp(min=0)
    own = p.gather(-1, k)
    from_below = (place - below.gather(-1, k)) / own
    from_above = 1 - (place_from_above - above.gather(-1, k)) / own
    value = k[..., 0] + torch.where(upper, from_above, from_below)[..., 0].clamp(0.0, 1.0)
    return value.clamp(max=torch.nextafter(k + 1.0, k.double())[..., 0])


def _edges(p: Tensor) -> tuple[Tensor, Tensor]:
    """What lies below and above each category's interval, each summed from its own end."""
    # By products: on GPUs cumulative sums of floating numbers are not deterministic.
    n = p.shape[-1]
    earlier = torch.ones(n, n, dtype=p.dtype, device=p.device).triu(1)
    return p @ earlier, p @ earlier.T
