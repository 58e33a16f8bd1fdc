"""The bijection between molecule tensors and latents: one FrEIA SequenceINN of named nodes."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from FrEIA.framework import SequenceINN
from torch import Tensor, nn

from nmrflow.errors import ConfigError, ShapeError
from nmrflow.flow.latent import Latent, join_latent, split_latent
from nmrflow.flow.node import Node, unwrap
from nmrflow.numerics import Draws, full_precision, isolated_rng

_TYPES = (torch.float32, torch.float64)

Conditions = Mapping[str, Tensor]
"""What is told of molecules, by name; what is missing is unknown."""


class Flow(nn.Module):
    """One bijection f: x to h = [z, y], where y is the spectrum slot and z the residual.

    What it can do beyond inverting follows from its nodes: whether it has a likelihood, which
    conditions it takes, whether the predicted spectrum is y itself or what a node says.

    Only the part of FrEIA that its PyPI and GitHub versions share is used:
    ``SequenceINN.append(Class, **kwargs)``.

    Args:
        nodes: By name, from x to h: the class of each, or a ``functools.partial`` of it.
        cell_shape: Shape of an encoded molecule; x has further cells where a node wants them.
        n_bins: Width of y; the last ``n_bins`` numbers of h.
        known: What nodes may ask for by name, ``n_bins`` beside it.
        draw_width: How many normal numbers are drawn for a z, of which the first are used; None:
            as many as z has. Another changes which z a seed means.
        seed: Of the initial weights, global random states staying untouched; None: they are
            drawn from the caller's.

    Raises:
        ShapeError: If y does not leave room for z, or a node does not fit.
        ConfigError: If there is no node, or one asks for what is not known.
    """

    def __init__(
        self,
        *,
        nodes: Mapping[str, Callable[..., nn.Module]],
        cell_shape: Sequence[int],
        n_bins: int,
        known: Mapping[str, Any] | None = None,
        draw_width: int | None = None,
        seed: int | None = 0,
    ) -> None:
        super().__init__()
        known = {**(known or {}), "n_bins": n_bins}
        made = [unwrap(name, node, known) for name, node in nodes.items()]
        if not made:
            raise ConfigError("a flow needs a node")
        self.names = tuple(nodes)
        self.n_bins = n_bins
        self.cell_shape = tuple(cell_shape)
        n_extra = sum(cls.n_extra(n_bins) for cls, _ in made)
        if n_extra and len(self.cell_shape) != 1:
            raise ShapeError(f"{self.cell_shape} is no vector that further cells could follow")
        self.in_shape = (self.cell_shape[0] + n_extra,) if n_extra else self.cell_shape
        self.n_residual = math.prod(self.in_shape) - n_bins
        if not self.in_shape or n_bins < 1 or self.n_residual < 1:
            raise ShapeError(f"{self.in_shape} has no room for {n_bins} bins and a z")
        self.draw_width = draw_width or self.n_residual
        if self.draw_width < self.n_residual:
            raise ConfigError(f"draw_width={draw_width}: z has {self.n_residual} numbers")
        self.conditions = tuple(dict.fromkeys(c.condition for c, _ in made if c.condition))
        with nullcontext() if seed is None else isolated_rng(seed):
            self.inn = SequenceINN(*self.in_shape)
            for cls, kwargs in made:
                if cls.condition is not None:
                    # Its shape is its node's business; FrEIA wants to hear of one.
                    place = self.conditions.index(cls.condition)
                    kwargs |= {"cond": place, "cond_shape": (1,)}
                self.inn.append(cls, **kwargs)
        self.latent_shape: tuple[int, ...] = tuple(self.inn.shapes[-1])
        if math.prod(self.latent_shape) != math.prod(self.in_shape):
            raise ShapeError(f"the nodes turn {self.in_shape} into {self.latent_shape}")

    def node(self, name: str) -> Node:
        """A node by its name.

        Raises:
            ConfigError: If there is none.
        """
        if name not in self.names:
            raise ConfigError(f"no node {name!r}; there are {', '.join(self.names)}")
        found: Node = self.inn.module_list[self.names.index(name)]
        return found

    @property
    def nodes(self) -> Iterator[Node]:
        """All nodes, from x to h."""
        yield from self.inn.module_list

    @property
    def has_likelihood(self) -> bool:
        """Whether single molecules have a probability: :meth:`log_probability`."""
        return self.likely is not None

    @property
    def likely(self) -> Node | None:
        """The node that says how probable single molecules are, or None."""
        return next((node for node in self.nodes if node.has_likelihood), None)

    @property
    def batch_size(self) -> int:
        """Records at a time where no gradient is needed; bounds memory."""
        return max(node.batch_size for node in self.nodes)

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of the tensors that go in and come out: the weights', or float64."""
        if not all(node.is_exact_in_float32 for node in self.nodes):
            return torch.float64
        return next(self.parameters(), torch.empty(0)).dtype

    @property
    def device(self) -> torch.device:
        """Where the tensors must lie."""
        return next(self.parameters(), torch.empty(0)).device

    def fill(self, x: Tensor, code: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """An encoded molecule as f takes it, with what its code leaves open filled.

        Args:
            x: As the codec encodes it, ``(batch, *cell_shape)``.
            code: Measured codes ``(batch, n_bins)``, where y shall say them.
            draws: What is random, for each row of x; without, the middle of it.
        """
        x = x.to(self.device, self.dtype)
        for node in self.nodes:
            x = node.fill(x, code, draws)
        return x

    def predict(self, x: Tensor, latent: Latent | None = None) -> Tensor:
        """Logits of each molecule's bits where nothing is asked, ``(batch, n_bins)``.

        Args:
            x: Molecule tensors, as :meth:`to_latent` takes them.
            latent: f(x), if it is at hand: spares computing it.
        """
        for node in self.nodes:
            if node.predicts:
                return node.predict(x.to(self.device, self.dtype))
        return (latent or self.to_latent(x)[0]).y

    def predicted_within(self, x: Tensor, latent: Latent) -> Tensor:
        """As :meth:`predict`, of a pair that belongs together, without computing it again.

        Args:
            x: f⁻¹(latent).
            latent: f(x), whatever was asked of y.
        """
        y = latent.y
        for node in self.nodes:
            rest = node.unexplained(x)
            y = y if rest is None else y - rest
        return y

    @contextmanager
    def given_query(self) -> Iterator[None]:
        """For where y is the measured code: spares predicting what cancels."""
        with ExitStack() as stack:
            for node in self.nodes:
                stack.enter_context(node.muted())
            yield

    def draw_conditions(self, x: Tensor, draws: Draws) -> dict[str, Tensor]:
        """What a training step is told of its encoded molecules ``(batch, *cell_shape)``."""
        x = x.to(self.device)
        return {n.condition: n.draw_condition(x, draws) for n in self.nodes if n.condition}

    def to_latent(self, x: Tensor, told: Conditions | None = None) -> tuple[Latent, Tensor]:
        """f: molecule tensors to latents.

        Args:
            x: Shape ``(batch, *in_shape)``, in the flow's :attr:`dtype`.
            told: What is known of the molecules, of :attr:`conditions`.

        Returns:
            The latent (z ``(batch, n_residual)``, y ``(batch, n_bins)``), and
            log|det ∂h/∂x| of shape ``(batch,)``.

        Raises:
            ShapeError: If x has another shape, or a floating type that is not 32 or 64 bits, or
                a condition is told that no node takes.
        """
        if tuple(x.shape[1:]) != self.in_shape or not len(x):
            raise ShapeError(
                f"expected molecule tensors (batch, {', '.join(map(str, self.in_shape))}), "
                f"got {tuple(x.shape)}"
            )
        self._check_dtype(x)
        with full_precision(x.device):
            h, log_det = self.inn(x, c=self._conditions(len(x), told))
        return split_latent(h.flatten(1), self.n_bins), log_det

    def from_latent(self, latent: Latent, told: Conditions | None = None) -> tuple[Tensor, Tensor]:
        """f⁻¹: latents to molecule tensors.

        Args:
            latent: z ``(batch, n_residual)`` and y ``(batch, n_bins)``.
            told: As of :meth:`to_latent`.

        Returns:
            x of shape ``(batch, *in_shape)`` and log|det ∂x/∂h| of shape ``(batch,)``.

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
            conditions = self._conditions(len(h), told)
            x, log_det = self.inn(h.reshape(-1, *self.latent_shape), c=conditions, rev=True)
        return x, log_det

    def log_probability(
        self, cells: Tensor, code: Tensor, told: Conditions | None = None
    ) -> Tensor:
        """Log p of each molecule given a measured code: exact, ``(batch,)``.

        Args:
            cells: As the codec encodes them, whole numbers ``(batch, *cell_shape)``.
            code: Measured codes ``(batch, n_bins)``.
            told: As of :meth:`to_latent`: of the molecule among those that it is true of.

        Raises:
            ShapeError: If the flow has no likelihood.
        """
        node = self.likely
        if node is None:
            raise ShapeError("this flow has no likelihood of molecules")
        by_name = self._by_name(len(cells), told)
        condition = by_name[node.condition] if node.condition else cells.new_zeros(len(cells), 0)
        cells, code = cells.long().to(self.device), code.to(self.device) > 0.5
        return node.log_probability(cells, code, condition)

    def log_probability_drawn(self, z: Tensor, log_det: Tensor) -> Tensor:
        """Log p of each molecule tensor that :meth:`from_latent` made of a likely flow.

        log N(z; 0, I) - log|det ∂x/∂h|: of the table as it is numbered, given what was asked.

        Args:
            z: ``(batch, n_residual)``.
            log_det: As :meth:`from_latent` returned it.
        """
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1) - log_det

    def sample_z(self, draws: Draws) -> Tensor:
        """Residuals from the prior N(0, I), one a row, on the flow's own device and type."""
        return draws.normal(self.draw_width)[:, : self.n_residual].to(self.device, self.dtype)

    def _by_name(self, n: int, told: Conditions | None) -> dict[str, Tensor]:
        told = told or {}
        if foreign := sorted(set(told) - set(self.conditions)):
            raise ShapeError(f"this flow takes no {', '.join(foreign)}")
        found = {}
        for node in self.nodes:
            if node.condition is None:
                continue
            unknown = node.unknown_condition(n)
            given = told.get(node.condition, unknown)
            if given.shape != unknown.shape:
                raise ShapeError(
                    f"expected {node.condition} of shape {tuple(unknown.shape)}, "
                    f"got {tuple(given.shape)}"
                )
            found[node.condition] = given.long().to(self.device)
        return found

    def _conditions(self, n: int, told: Conditions | None) -> list[Tensor] | None:
        """What FrEIA hands to the nodes, for n molecules."""
        return list(self._by_name(n, told).values()) or None

    def _check_dtype(self, tensor: Tensor) -> None:
        own = self.dtype if any(True for _ in self.parameters()) else tensor.dtype
        if tensor.dtype != own or own not in _TYPES:
            raise ShapeError(
                f"a flow works in float32 or float64; this one in {own}, got {tensor.dtype}"
            )

    def extra_repr(self) -> str:
        """Shapes, for print."""
        return f"in_shape={self.in_shape}, n_residual={self.n_residual}, n_bins={self.n_bins}"
