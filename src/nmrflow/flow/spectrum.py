"""The node that writes the predicted spectrum into y."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from nmrflow.errors import ShapeError
from nmrflow.flow.node import Dims, Node
from nmrflow.numerics import Draws

CODE_LOGIT = 1.0
"""What y says of a measured bit: this, or minus this. Of y only the sign is read."""


class SpectrumCoupling(Node):
    """y = e + s(molecule): the additive coupling that writes the predicted spectrum.

    e are the last ``n_bins`` cells. Where they are zero, y is what s says of the molecule; where
    y is a query, e is what the molecule leaves unexplained. Volume preserving, and exactly
    invertible for any s, which is a function of the molecule's whole numbers only.

    Args:
        n_bins: Width of y.
        predictor: s, from whole numbers ``(n, n_cells)`` to logits ``(n, n_bins)``; None for
            s = 0: then y is whatever the spectrum cells hold.

    Raises:
        ShapeError: As :class:`Node`, and if the input is no vector with room for e.
    """

    asks = ("n_bins", "predictor")
    is_exact_in_float32 = False
    predicts = True

    def __init__(
        self,
        dims_in: Sequence[Dims],
        dims_c: Iterable[Dims] | None = None,
        *,
        n_bins: int,
        predictor: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(dims_in, dims_c)
        if len(self.in_shape) != 1 or self.in_shape[0] <= n_bins:
            raise ShapeError(
                f"SpectrumCoupling takes a vector longer than {n_bins}, got {self.in_shape}"
            )
        self.n_bins = n_bins
        self.predictor = predictor
        self.is_muted = False

    @classmethod
    def n_extra(cls, n_bins: int) -> int:
        """E."""
        return n_bins

    def output_dims(self, input_dims: Sequence[Dims]) -> list[Dims]:
        """The shape stays."""
        return list(input_dims)

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Within it s counts as 0: where y is a query, e + s is that, whatever s."""
        before, self.is_muted = self.is_muted, True
        try:
            yield
        finally:
            self.is_muted = before

    def predict(self, x: Tensor) -> Tensor:
        """S of vectors that begin with the molecule's cells: ``(n, n_bins)``."""
        if self.predictor is None or self.is_muted:
            return x.new_zeros(len(x), self.n_bins)
        return self.predictor(whole_numbers(x[:, : self.in_shape[0] - self.n_bins])).to(x)

    def fill(self, x: Tensor, code: Tensor | None, draws: Draws | None) -> Tensor:  # noqa: ARG002
        """E behind the molecule's cells: 0, or what makes y say the measured codes."""
        x = torch.cat([x, x.new_zeros(len(x), self.n_bins)], 1)
        if code is not None:
            wanted = torch.where(code.to(x.device) > 0.5, CODE_LOGIT, -CODE_LOGIT)
            x[:, -self.n_bins :] = wanted - self.predict(x)
        return x

    def unexplained(self, x: Tensor) -> Tensor:
        """E itself."""
        return x[:, -self.n_bins :]

    def _to_latent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._shifted(x, self.predict(x)), x.new_zeros(len(x))

    def _from_latent(self, h: Tensor) -> tuple[Tensor, Tensor]:
        return self._shifted(h, -self.predict(h)), h.new_zeros(len(h))

    def _shifted(self, x: Tensor, by: Tensor) -> Tensor:
        return torch.cat([x[:, : -self.n_bins], x[:, -self.n_bins :] + by], 1)


def whole_numbers(cells: Tensor) -> Tensor:
    """What cells round to, as floating numbers."""
    return (cells + 0.5).floor()
