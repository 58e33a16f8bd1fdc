"""Networks that live inside a coupling. They are never inverted, so they may be anything.

Anything but random: Dropout inside a coupling gives each direction other numbers and
destroys the inverse in training mode.
"""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from nmrflow.errors import ShapeError
from nmrflow.flow.node import Dims


class ConvSubnet(nn.Sequential):
    """Convolution, ReLU, convolution, with 3 x 3 kernels and the image size kept.

    On a 1 x 1 image a 3 x 3 kernel only ever meets its centre tap, the padding being zero;
    there a linear map takes its place: the same functions with a ninth of the weights.
    It starts like that centre tap, from the fan-in of the 3 x 3 kernel, because the fan-in
    of the linear map itself would start the network with logits nearly twice as wide.

    Args:
        dims_in: Shape of the input without batch, ``(C, H, W)``.
        dims_out: Shape of the output; same height and width.
        width: Channels in between; the number of output channels if None.

    Raises:
        ShapeError: If height or width differ between input and output.
    """

    KERNEL_SIZE = 3

    def __init__(self, dims_in: Dims, dims_out: Dims, width: int | None = None) -> None:
        if dims_in[1:] != dims_out[1:]:
            raise ShapeError(f"ConvSubnet keeps the image size; asked for {dims_in} to {dims_out}")
        width = dims_out[0] if width is None else width
        layer = _CentreTap if dims_in[1:] == (1, 1) else _convolution
        super().__init__(layer(dims_in[0], width), nn.ReLU(), layer(width, dims_out[0]))


def _convolution(n_in: int, n_out: int) -> nn.Module:
    size = ConvSubnet.KERNEL_SIZE
    return nn.Conv2d(n_in, n_out, size, padding=size // 2)


class _CentreTap(nn.Linear):
    """What a padded convolution does to a 1 x 1 image."""

    def reset_parameters(self) -> None:
        # torch draws a convolution's weights and biases from U(-b, b), b = 1 / sqrt(fan_in).
        bound = 1 / math.sqrt(self.in_features * ConvSubnet.KERNEL_SIZE**2)
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input.flatten(1), self.weight, self.bias)[:, :, None, None]
