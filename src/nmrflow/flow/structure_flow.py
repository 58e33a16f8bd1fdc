"""The flow that elucidates: z is normal whatever y, and every structure has a probability."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from FrEIA.framework import SequenceINN
from torch import Tensor, nn

from nmrflow.errors import ConfigError, ShapeError
from nmrflow.flow.bond_nodes import BondCells, BondCoupling, SpectrumCoupling, orders_in
from nmrflow.flow.conditionals.transformer import BondTransformer
from nmrflow.flow.flow import SpectrumFlow
from nmrflow.flow.tokens import N_SLOTS, UNKNOWN, formula_of
from nmrflow.numerics import Draws, isolated_rng
from nmrflow.types import Latent

if TYPE_CHECKING:
    from nmrflow.flow.node import SubnetConstructor

CODE_LOGIT = 1.0
"""What y says of a measured bit: this, or minus this. Of y only the sign is read."""

_SHARE_KNOWN = 0.5
"""Of the training records whose formula is told."""


class StructureFlow(SpectrumFlow):
    """One bijection between bond images and latents [z, y], three nodes long.

    :class:`BondCells` puts the cells in order, :class:`SpectrumCoupling` writes the spectrum
    that the molecule is predicted to have into y, :class:`BondCoupling` turns the bonds into
    normal numbers, reading y.

    An image's cells are 136 bond slots, ``n_bins`` spectrum cells, and others that hold nothing
    and pass as they are: they are filled with noise, have no part in any likelihood, and the
    inverse ignores them. Tensors are float64 throughout, weights float32 or float64: the place
    within a rare category's interval needs the digits.

    Args:
        in_shape: Shape of x without batch, ``(C, 16, 16)``.
        n_bins: Width of y.
        conditional: Network of the bonds, a class or a ``functools.partial`` of it.
        spectrum: Network that predicts y's logits from the slots (called with their shapes);
            None while the bonds are learned: then y is whatever the spectrum cells hold.
        floor: As of :class:`BondCoupling`.
        seed: Seed of the initial weights; global random states stay untouched.

    Raises:
        ShapeError: If y does not leave room for the slots.
    """

    takes_formula = True
    batch_size = 2400

    def __init__(
        self,
        *,
        in_shape: Sequence[int] = (4, 16, 16),
        n_bins: int = 128,
        conditional: Callable[..., nn.Module] = BondTransformer,
        spectrum: "SubnetConstructor | None" = None,
        floor: float = 5e-4,
        seed: int = 0,
    ) -> None:
        nn.Module.__init__(self)
        self.in_shape = tuple(in_shape)
        self.n_bins = n_bins
        n_cells = int(torch.Size(self.in_shape).numel())
        self.n_residual = n_cells - n_bins
        self.n_structural = N_SLOTS
        if len(self.in_shape) != 3 or self.n_residual < N_SLOTS:
            raise ShapeError(f"{self.in_shape} has no room for {N_SLOTS} slots and {n_bins} bins")
        if isinstance(conditional, partial) and conditional.args:
            raise ConfigError("a conditional's arguments are given by name")
        nodes: list[tuple[type[nn.Module], dict[str, Any]]] = [
            (BondCells, {}),
            (SpectrumCoupling, {"n_bins": n_bins, "subnet": spectrum}),
        ]
        with isolated_rng(seed):
            self.inn = SequenceINN(*self.in_shape)
            for node, kwargs in nodes:
                self.inn.append(node, **kwargs)
            self.inn.append(
                BondCoupling,
                cond=0,
                cond_shape=(2,),
                n_bins=n_bins,
                conditional=conditional,
                floor=floor,
            )
        self._close()

    @property
    def dtype(self) -> torch.dtype:
        """float64, whatever the weights are."""
        return torch.float64

    @property
    def spectrum(self) -> SpectrumCoupling:
        """The node that predicts."""
        node: SpectrumCoupling = self.inn.module_list[1]
        return node

    @property
    def bonds(self) -> BondCoupling:
        """The node that elucidates."""
        node: BondCoupling = self.inn.module_list[2]
        return node

    def fill(
        self,
        x: Tensor,
        code: Tensor | None = None,
        draws: Draws | None = None,
    ) -> Tensor:
        """Encoded molecules with each slot off its middle, noise where nothing is, and a query.

        Args:
            x: Bond images, ``(batch, C, 16, 16)``: orders in the slots, whole numbers.
            code: Measured codes: the spectrum cells become what makes y say them. None: they
                are 0, and y is the predicted spectrum.
            draws: Of both; without, slots stay in their middle and noise is zero.
        """
        vector = self._ordered(x.to(self.device, self.dtype)).clone()
        vector[:, N_SLOTS:] = 0.0
        if draws is not None:
            off = draws.uniform(N_SLOTS, dtype=self.dtype) - 0.5
            noise = draws.normal(self.n_residual - N_SLOTS, dtype=self.dtype)
            vector[:, : self.n_residual] += torch.cat([off, noise], 1).to(self.device)
        if code is not None:
            wanted = torch.where(code.to(self.device) > 0.5, CODE_LOGIT, -CODE_LOGIT)
            predicted = self.spectrum.predict(vector[..., None, None])[..., 0, 0]
            vector[:, -self.n_bins :] = wanted - predicted
        return self._imaged(vector)

    def formula_of(self, x: Tensor) -> Tensor:
        """Number of atoms and sum of bond orders of bond images: the condition's two numbers."""
        return formula_of(self._orders(x))

    def given_query(self) -> AbstractContextManager[None]:
        """Within it nothing is predicted: where y is a query, e + s is that, whatever s."""
        return self.spectrum.muted()

    def draw_formula(self, x: Tensor, draws: Draws) -> Tensor:
        """The molecules' formulas, each known or unknown with equal chance: for training."""
        known = draws.uniform(1).to(self.device) < _SHARE_KNOWN
        return torch.where(known, self.formula_of(x), UNKNOWN)

    def predict(self, x: Tensor, latent: Latent | None = None) -> Tensor:  # noqa: ARG002
        """Logits of the code's bits, as the molecules themselves say: ``(batch, n_bins)``."""
        vector = self._ordered(x.to(self.device, self.dtype))
        return self.spectrum.predict(vector[..., None, None])[..., 0, 0]

    def predicted_within(self, x: Tensor, latent: Latent) -> Tensor:
        """As :meth:`predict`: y = e + s, and e stands in x."""
        return latent.y - self._ordered(x)[:, -self.n_bins :]

    def log_probability(self, x: Tensor, code: Tensor, formula: Tensor | None = None) -> Tensor:
        """Log p of each molecule's bonds given a measured code: exact, ``(batch,)``.

        Args:
            x: Bond images ``(batch, C, 16, 16)``.
            code: Measured codes ``(batch, n_bins)``.
            formula: As of :meth:`to_latent`: with it, of the molecule among those of the
                formula.
        """
        (condition,) = self._conditions(len(x), formula)
        return self.bonds.log_probability(self._orders(x), code.to(self.device) > 0.5, condition)

    def log_probability_drawn(self, z: Tensor, log_det: Tensor) -> Tensor:
        """As of :class:`SpectrumFlow`: log N(z; 0, I) - log|det ∂x/∂h|, of the slots alone."""
        slots = z[:, : self.n_structural]
        return -0.5 * (slots.square() + math.log(2 * math.pi)).sum(1) - log_det

    def _orders(self, x: Tensor) -> Tensor:
        return orders_in(self._ordered(x.to(self.device))[:, :N_SLOTS]).long()

    def _ordered(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, self.inn.module_list[0].order]

    def _imaged(self, vector: Tensor) -> Tensor:
        return vector[:, self.inn.module_list[0].back].reshape(-1, *self.in_shape)

    def _conditions(self, n: int, formula: Tensor | None) -> list[Tensor]:
        if formula is None:
            formula = torch.full((n, 2), UNKNOWN)
        if tuple(formula.shape) != (n, 2):
            raise ShapeError(f"expected formulas of shape ({n}, 2), got {tuple(formula.shape)}")
        return [formula.long().to(self.device)]
