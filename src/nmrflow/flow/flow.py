"""The bijection between molecule tensors and latents: one FrEIA SequenceINN with shape checks."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from FrEIA.framework import SequenceINN
from torch import Tensor, nn

from nmrflow.errors import ConfigError, ShapeError
from nmrflow.flow.couplings import AdditiveCoupling, PixelDownsampling
from nmrflow.flow.latent import join_latent, split_latent
from nmrflow.flow.subnets import ConvSubnet
from nmrflow.numerics import Draws, full_precision, isolated_rng
from nmrflow.types import Latent

_TYPES = (torch.float32, torch.float64)


class SpectrumFlow(nn.Module):
    """One bijection f: x to h = [z, y], where y is the spectrum slot and z the residual.

    Stages of couplings with a downsampling between each two: with blocks
    ``(2, 2, 4, 6, 8)`` on 4 x 16 x 16 this is the published network, 4 channels at 16 x 16,
    16 at 8 x 8, 64 at 4 x 4, 256 at 2 x 2 and 1,024 at 1 x 1.

    Only the part of FrEIA that its PyPI and GitHub versions share is used:
    ``SequenceINN.append(Class, **kwargs)``.

    Args:
        in_shape: Shape of x without batch, ``(C, H, W)``.
        n_bins: Width of y; the last ``n_bins`` numbers of h.
        n_blocks: Couplings at each stage, from the full image down.
        coupling: The coupling's class, or a ``functools.partial`` of it with its arguments.
        seed: Seed of the initial weights; global random states stay untouched.

    Raises:
        ShapeError: If y does not leave room for z, or a stage does not fit the image.
    """

    takes_formula = False
    batch_size = 256
    """Records at a time where no gradient is needed; bounds memory."""
    n_structural: int
    """How many of the first dimensions of z carry the structure: all of them, here."""

    def __init__(
        self,
        *,
        in_shape: Sequence[int] = (4, 16, 16),
        n_bins: int = 128,
        n_blocks: Sequence[int] = (2, 2, 4, 6, 8),
        coupling: Callable[..., nn.Module] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.in_shape = tuple(in_shape)
        self.n_bins = n_bins
        self.n_residual = math.prod(self.in_shape) - n_bins
        if len(self.in_shape) != 3 or n_bins < 1 or self.n_residual < 1:
            raise ShapeError(f"{self.in_shape} is no image with room for {n_bins} bins and a z")
        self.n_structural = self.n_residual
        if min(n_blocks, default=-1) < 0:
            raise ShapeError(f"n_blocks={list(n_blocks)}: a number of couplings for each stage")
        coupling = coupling or partial(AdditiveCoupling, subnet=ConvSubnet)
        node_class, kwargs = _unwrap(coupling)
        with isolated_rng(seed):
            self.inn = SequenceINN(*self.in_shape)
            for stage, n in enumerate(n_blocks):
                if stage:
                    self.inn.append(PixelDownsampling)
                for _ in range(n):
                    self.inn.append(node_class, **kwargs)
        self._close()

    def _close(self) -> None:
        self.latent_shape: tuple[int, ...] = tuple(self.inn.shapes[-1])
        if math.prod(self.latent_shape) != math.prod(self.in_shape):
            raise ShapeError(f"the nodes turn {self.in_shape} into {self.latent_shape}")

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of the tensors that go in and come out: that of the weights."""
        return next(self.parameters(), torch.empty(0)).dtype

    @property
    def device(self) -> torch.device:
        """Where the tensors must lie."""
        return next(self.parameters(), torch.empty(0)).device

    def fill(
        self,
        x: Tensor,
        code: Tensor | None = None,  # noqa: ARG002 - for subclasses
        draws: Draws | None = None,  # noqa: ARG002
    ) -> Tensor:
        """An encoded molecule as f takes it, with cells filled that the code of bonds leaves open.

        Here there are none, and x comes back in the flow's own type.

        Args:
            x: As the codec encodes it, ``(batch, C, H, W)``.
            code: Measured codes ``(batch, n_bins)``, where y shall say them.
            draws: What is random, for each row of x; without, the middle of it.
        """
        return x.to(self.device, self.dtype)

    def predict(self, x: Tensor, latent: Latent | None = None) -> Tensor:
        """Y where nothing is asked: logits of each molecule's bits, ``(batch, n_bins)``.

        Args:
            x: Molecule tensors, as :meth:`to_latent` takes them.
            latent: f(x), if it is at hand: spares computing it.
        """
        return (latent or self.to_latent(x)[0]).y

    def predicted_within(self, x: Tensor, latent: Latent) -> Tensor:  # noqa: ARG002
        """As :meth:`predict`, of a pair that belongs together, without computing it again.

        Args:
            x: f⁻¹(latent).
            latent: f(x), whatever was asked of y.
        """
        return latent.y

    def given_query(self) -> AbstractContextManager[None]:
        """For training and likelihoods, where y is the measured code: spares predicting it."""
        return nullcontext()

    def draw_formula(
        self,
        x: Tensor,  # noqa: ARG002
        draws: Draws,  # noqa: ARG002
    ) -> Tensor | None:
        """What a training step is told of its molecules' formulas; nothing, here."""
        return None

    def to_latent(self, x: Tensor, formula: Tensor | None = None) -> tuple[Latent, Tensor]:
        """f: molecule tensors to latents.

        Args:
            x: Shape ``(batch, C, H, W)``, in the flow's :attr:`dtype`.
            formula: What is known of each molecule's formula, for flows that take it
                (see :attr:`takes_formula`), ``(batch, 2)``; all unknown if None.

        Returns:
            The latent (z ``(batch, n_residual)``, y ``(batch, n_bins)``), and
            log|det ∂h/∂x| of shape ``(batch,)``.

        Raises:
            ShapeError: If x has another shape, or a floating type that is not 32 or 64 bits.
        """
        if x.ndim != 4 or tuple(x.shape[1:]) != self.in_shape or not len(x):
            raise ShapeError(
                f"expected molecule tensors (batch, {', '.join(map(str, self.in_shape))}), "
                f"got {tuple(x.shape)}"
            )
        self._check_dtype(x)
        with full_precision(x.device):
            h, log_det = self.inn(x, c=self._conditions(len(x), formula))
        return split_latent(h.flatten(1), self.n_bins), log_det

    def from_latent(self, latent: Latent, formula: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """f⁻¹: latents to molecule tensors.

        Args:
            latent: z ``(batch, n_residual)`` and y ``(batch, n_bins)``.
            formula: As of :meth:`to_latent`.

        Returns:
            x of shape ``(batch, C, H, W)`` and log|det ∂x/∂h| of shape ``(batch,)``.

        Raises:
            ShapeError: If z or y has another width, or as :meth:`to_latent`.
        """
        h = join_latent(latent)
        if latent.z.shape[1] != self.n_residual or latent.y.shape[1] != self.n_bins:
            raise ShapeError(
                f"expected z (batch, {self.n_residual}) and y (batch, {self.n_bins}), "
                f"got {tuple(latent.z.shape)} and {tuple(latent.y.shape)}"
            )
        self._check_dtype(h)
        with full_precision(h.device):
            conditions = self._conditions(len(h), formula)
            x, log_det = self.inn(h.reshape(-1, *self.latent_shape), c=conditions, rev=True)
        return x, log_det

    def log_probability(self, x: Tensor, code: Tensor, formula: Tensor | None = None) -> Tensor:
        """Log p of each molecule given a measured code, for flows that have one, ``(batch,)``."""
        raise NotImplementedError

    def log_probability_drawn(self, z: Tensor, log_det: Tensor) -> Tensor | None:  # noqa: ARG002
        """Log p of each molecule tensor that :meth:`from_latent` made, for flows that have one.

        Args:
            z: ``(batch, n_residual)``.
            log_det: As :meth:`from_latent` returned it.

        Returns:
            Of the table as it is numbered, given what was asked, ``(batch,)``; None without.
        """
        return None

    def sample_z(self, draws: Draws) -> Tensor:
        """Residuals from the prior N(0, I), one a row, on the flow's own device and type."""
        return draws.normal(self.n_residual).to(self.device, self.dtype)

    def _conditions(self, n: int, formula: Tensor | None) -> list[Tensor] | None:  # noqa: ARG002
        """What FrEIA hands to the nodes, for n molecules."""
        if formula is not None:
            raise ShapeError("this flow takes no formula")
        return None

    def _check_dtype(self, tensor: Tensor) -> None:
        own = self.dtype if any(True for _ in self.parameters()) else tensor.dtype
        if tensor.dtype != own or own not in _TYPES:
            raise ShapeError(
                f"a flow works in float32 or float64; this one in {own}, got {tensor.dtype}"
            )

    def extra_repr(self) -> str:
        """Shapes, for print."""
        return f"in_shape={self.in_shape}, n_residual={self.n_residual}, n_bins={self.n_bins}"


def _unwrap(coupling: Callable[..., nn.Module]) -> tuple[Callable[..., nn.Module], dict[str, Any]]:
    """The class and its keyword arguments, as ``SequenceINN.append`` wants them."""
    if isinstance(coupling, partial):
        if coupling.args:
            raise ConfigError("a coupling's arguments are given by name")
        return coupling.func, dict(coupling.keywords)
    return coupling, {}
