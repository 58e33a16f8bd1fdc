"""The i-RevNet nodes: pixel downsampling and additive coupling."""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nmrflow.errors import ShapeError
from nmrflow.flow.node import Dims, Node, SubnetConstructor, check_image


class PixelDownsampling(Node):
    """Exchange a 2 x 2 patch of pixels for four channels (i-RevNet downsampling).

    A permutation: volume preserving, without parameters, and exact in every floating type,
    unlike FrEIA's own node, whose default backend is a convolution and rounds. New channel
    ``4 c + 2 i + j`` holds pixel ``(i, j)`` of the patches of old channel ``c``; this order
    decides which cells of the molecule tensor end in the y slot, so it may never change.

    Raises:
        ShapeError: As :class:`Node`, and if height or width is odd.

    References:
        Jacobsen, Smeulders, Oyallon, *i-RevNet: Deep Invertible Networks*, ICLR 2018,
        https://arxiv.org/abs/1802.07088, section 3.1.

    Example:
        >>> node = PixelDownsampling([(1, 2, 2)])
        >>> (h,), _ = node((torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]]),))
        >>> h.flatten().tolist()
        [0.0, 1.0, 2.0, 3.0]
    """

    def __init__(self, dims_in: Sequence[Dims], dims_c: Iterable[Dims] | None = None) -> None:
        super().__init__(dims_in, dims_c)
        check_image(self)
        _, height, width = self.in_shape
        if height % 2 or width % 2:
            raise ShapeError(f"PixelDownsampling halves the image; {height} x {width} is odd")

    def output_dims(self, input_dims: Sequence[Dims]) -> list[Dims]:
        """``(C, H, W)`` becomes ``(4 C, H / 2, W / 2)``."""
        ((channels, height, width),) = input_dims
        return [(4 * channels, height // 2, width // 2)]

    def _to_latent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return F.pixel_unshuffle(x, 2), x.new_zeros(len(x))

    def _from_latent(self, h: Tensor) -> tuple[Tensor, Tensor]:
        return F.pixel_shuffle(h, 2), h.new_zeros(len(h))


class AdditiveCoupling(Node):
    """The i-RevNet block: each half of the channels is shifted by a network of the other.

    With ``x = [x1, x2]`` cut over channels: ``y2 = x2 + F(x1)``, ``y1 = x1 + G(y2)``; the
    output is ``[y1, y2]``. Volume preserving for any F and G: log|det J| = 0.

    Args:
        subnet: Makes F and G; called with their input and output shapes.

    Raises:
        ShapeError: As :class:`Node`, and if the number of channels is odd.

    References:
        Jacobsen et al., ICLR 2018 (see :class:`PixelDownsampling`); Dinh, Krueger, Bengio,
        *NICE*, https://arxiv.org/abs/1410.8516, for additive couplings.
    """

    def __init__(
        self,
        dims_in: Sequence[Dims],
        dims_c: Iterable[Dims] | None = None,
        *,
        subnet: SubnetConstructor,
    ) -> None:
        super().__init__(dims_in, dims_c)
        check_image(self)
        channels, height, width = self.in_shape
        if channels % 2:
            raise ShapeError(f"a coupling cuts the channels in two halves; {channels} is odd")
        half = (channels // 2, height, width)
        self.f = subnet(half, half)
        self.g = subnet(half, half)

    def output_dims(self, input_dims: Sequence[Dims]) -> list[Dims]:
        """The shape stays."""
        return list(input_dims)

    def _to_latent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x1, x2 = x.chunk(2, dim=1)
        y2 = x2 + self.f(x1)
        y1 = x1 + self.g(y2)
        return torch.cat((y1, y2), dim=1), x.new_zeros(len(x))

    def _from_latent(self, h: Tensor) -> tuple[Tensor, Tensor]:
        y1, y2 = h.chunk(2, dim=1)
        x1 = y1 - self.g(y2)
        x2 = y2 - self.f(x1)
        return torch.cat((x1, x2), dim=1), h.new_zeros(len(h))
