"""The nodes of the published network."""

from collections.abc import Callable, Sequence

from torch import nn

from nmrflow.errors import ShapeError
from nmrflow.flow.couplings import PixelDownsampling


class IRevNet(dict[str, Callable[..., nn.Module]]):
    """Stages of couplings with a downsampling between each two, as nodes by name.

    With blocks ``(2, 2, 4, 6, 8)`` on 4 x 16 x 16 this is the published network: 4 channels at
    16 x 16, 16 at 8 x 8, 64 at 4 x 4, 256 at 2 x 2 and 1,024 at 1 x 1.

    Args:
        n_blocks: Couplings at each stage, from the full image down.
        coupling: The coupling's class, or a ``functools.partial`` of it with its arguments.

    Raises:
        ShapeError: If a number of couplings is negative.
    """

    def __init__(self, n_blocks: Sequence[int], coupling: Callable[..., nn.Module]) -> None:
        super().__init__()
        if min(n_blocks, default=-1) < 0:
            raise ShapeError(f"n_blocks={list(n_blocks)}: a number of couplings for each stage")
        for stage, n in enumerate(n_blocks):
            if stage:
                self[f"downsampling_{stage}"] = PixelDownsampling
            for block in range(n):
                self[f"coupling_{stage}_{block}"] = coupling
