"""Two nodes: a coupling on images, for the published network, and a rotation of z, for any."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from nmrflow.flow.node import Dims, Node, SubnetConstructor, check_image


class ScaledCoupling(Node):
    """x2 becomes x2 exp(s(x1)), with s bounded: an affine coupling without a shift."""

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
        half = (channels // 2, height, width)
        self.subnet = subnet(half, half)

    def output_dims(self, input_dims: Sequence[Dims]) -> list[Dims]:
        return list(input_dims)

    def _to_latent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        one, other = x.chunk(2, dim=1)
        log_scale = 0.1 * torch.tanh(self.subnet(one))
        return torch.cat((other * log_scale.exp(), one), 1), log_scale.flatten(1).sum(1)

    def _from_latent(self, h: Tensor) -> tuple[Tensor, Tensor]:
        other, one = h.chunk(2, dim=1)
        log_scale = 0.1 * torch.tanh(self.subnet(one))
        return torch.cat((one, other * (-log_scale).exp()), 1), -log_scale.flatten(1).sum(1)


class Rotation(Node):
    """Turn z by a fixed orthogonal matrix: a normal z stays normal. Y passes as it is."""

    asks = ("n_bins",)
    is_exact_in_float32 = False

    matrix: Tensor

    def __init__(
        self, dims_in: Sequence[Dims], dims_c: Iterable[Dims] | None = None, *, n_bins: int
    ) -> None:
        super().__init__(dims_in, dims_c)
        self.n = self.in_shape[0] - n_bins
        random = torch.randn(self.n, self.n, generator=torch.Generator().manual_seed(0))
        self.register_buffer("matrix", torch.linalg.qr(random.double()).Q)

    def output_dims(self, input_dims: Sequence[Dims]) -> list[Dims]:
        return list(input_dims)

    def _to_latent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._turned(x, self.matrix.to(x)), x.new_zeros(len(x))

    def _from_latent(self, h: Tensor) -> tuple[Tensor, Tensor]:
        return self._turned(h, self.matrix.T.to(h)), h.new_zeros(len(h))

    def _turned(self, x: Tensor, by: Tensor) -> Tensor:
        return torch.cat((x[:, : self.n] @ by, x[:, self.n :]), 1)
