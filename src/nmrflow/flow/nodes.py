"""The invertible nodes: i-RevNet downsampling and the i-RevNet additive coupling.

A node is a FrEIA ``InvertibleModule`` with one input and one output. To add one: subclass
:class:`Node`, write the two directions and ``output_dims``, and give it one row in
``tests/contracts/test_nodes.py``.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
import torch.nn.functional as F
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from nmrflow.errors import ShapeError

Dims = tuple[int, ...]
SubnetConstructor = Callable[[Dims, Dims], nn.Module]
"""Called with the input and output shapes (without batch) of the network wanted."""


class Node(InvertibleModule):  # type: ignore[misc] # FrEIA carries no types
    """Base of our nodes: one tensor in, one out, the shape checked in both directions.

    Implementing a node:

    - ``_to_latent(x)`` and ``_from_latent(h)``: a tensor to ``(tensor, log_det)``, where
      ``log_det`` has shape ``(batch,)`` and the second is the exact inverse of the first;
    - ``output_dims(input_dims)``: shapes without the batch axis;
    - ``n_conditions``, if it takes some: they follow as further arguments of both.

    Args:
        dims_in: Shape of the one input without the batch axis, ``[(C, H, W)]``.
        dims_c: Shapes of conditions, ``n_conditions`` of them.

    Raises:
        ShapeError: If there is not exactly one image as input, or another number of conditions.
    """

    n_conditions = 0

    def __init__(self, dims_in: Sequence[Dims], dims_c: Iterable[Dims] | None = None) -> None:
        dims_c = list(dims_c or [])
        name = type(self).__name__
        if len(dims_in) != 1 or len(dims_in[0]) != 3:
            raise ShapeError(f"{name} takes one input (channels, height, width), got {dims_in}")
        self._check_conditions(dims_c)
        super().__init__(dims_in, dims_c)
        self.in_shape: Dims = tuple(dims_in[0])

    def forward(
        self,
        x_or_z: Sequence[Tensor],
        c: Sequence[Tensor] | None = None,
        rev: bool = False,  # noqa: FBT001, FBT002 - FrEIA's signature
        jac: bool = True,  # noqa: ARG002, FBT001, FBT002
    ) -> tuple[tuple[Tensor], Tensor]:
        """FrEIA's entry: ``((out,), log_det)`` of either direction."""
        if len(x_or_z) != 1:
            raise ShapeError(f"{type(self).__name__} takes one tensor")
        self._check_conditions(list(c or []))
        (tensor,) = x_or_z
        shape = tuple(self.output_dims([self.in_shape])[0]) if rev else self.in_shape
        if tuple(tensor.shape[1:]) != shape:
            raise ShapeError(
                f"{type(self).__name__} expected (batch, {', '.join(map(str, shape))}), "
                f"got {tuple(tensor.shape)}"
            )
        direction = self._from_latent if rev else self._to_latent
        out, log_det = direction(tensor, *(c or ()))
        return (out,), log_det

    # Written so that a subclass may take its conditions by name.
    _to_latent: Callable[..., tuple[Tensor, Tensor]]
    _from_latent: Callable[..., tuple[Tensor, Tensor]]

    def _check_conditions(self, given: Sequence[object]) -> None:
        if len(given) != self.n_conditions:
            raise ShapeError(
                f"{type(self).__name__} takes {self.n_conditions or 'no'} condition(s), "
                f"got {len(given)}"
            )


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
