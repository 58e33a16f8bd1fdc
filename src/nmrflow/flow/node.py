"""What a node is: a FrEIA ``InvertibleModule`` with one input and one output.

To add one: subclass :class:`Node`, write the two directions and ``output_dims``, and give it one
row in ``tests/contracts/test_nodes.py``. What it can do beyond inverting it says itself, by the
capabilities that it overrides.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from nmrflow.errors import ConfigError, ShapeError
from nmrflow.numerics import Draws

Dims = tuple[int, ...]
SubnetConstructor = Callable[[Dims, Dims], nn.Module]
"""Called with the input and output shapes (without batch) of the network wanted."""


class Node(InvertibleModule):  # type: ignore[misc] # FrEIA carries no types
    """Base of our nodes: one tensor in, one out, the shape checked in both directions.

    Implementing a node:

    - ``_to_latent(x)`` and ``_from_latent(h)``: a tensor to ``(tensor, log_det)``, where
      ``log_det`` has shape ``(batch,)`` and the second is the exact inverse of the first;
    - ``output_dims(input_dims)``: shapes without the batch axis;
    - :attr:`asks`, if the constructor wants what only the network knows;
    - :attr:`condition`, if it takes one: it follows as a further argument of both.

    Args:
        dims_in: Shape of the one input without the batch axis, ``[(C, H, W)]`` or ``[(N,)]``.
        dims_c: Shape of the condition, if it takes one.

    Raises:
        ShapeError: If there is not exactly one input, or another number of conditions.
    """

    asks: tuple[str, ...] = ()
    """Keyword arguments that the flow hands to the constructor (see :class:`Flow`)."""

    condition: str | None = None
    """Name of the condition it takes."""

    is_exact_in_float32 = True
    """Whether tensors may be float32; else they are float64, whatever the weights are."""

    has_likelihood = False
    """Whether the density of z, and :meth:`log_probability`, are those of single molecules."""

    predicts = False
    """Whether :meth:`predict` says the spectrum of a molecule; else y does, as f gives it."""

    batch_size = 256
    """Records at a time where no gradient is needed; bounds memory."""

    def __init__(self, dims_in: Sequence[Dims], dims_c: Iterable[Dims] | None = None) -> None:
        dims_c = list(dims_c or [])
        if len(dims_in) != 1:
            raise ShapeError(f"{type(self).__name__} takes one input, got {dims_in}")
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

    # Written so that a subclass may take its condition by name.
    _to_latent: Callable[..., tuple[Tensor, Tensor]]
    _from_latent: Callable[..., tuple[Tensor, Tensor]]

    @classmethod
    def n_extra(cls, n_bins: int) -> int:  # noqa: ARG003 - for subclasses
        """How many cells x has for this node's sake, behind those of the molecule."""
        return 0

    def fill(
        self,
        x: Tensor,
        code: Tensor | None,  # noqa: ARG002 - for subclasses
        draws: Draws | None,  # noqa: ARG002
    ) -> Tensor:
        """An encoded molecule with what the code of cells leaves open; arguments as of the flow's.

        Called node by node in their order; here nothing is open.
        """
        return x

    def draw_condition(self, x: Tensor, draws: Draws) -> Tensor:
        """What a training step is told of its encoded molecules, for nodes with a condition."""
        raise NotImplementedError

    def unknown_condition(self, n: int) -> Tensor:
        """The condition where nothing is known of n molecules."""
        raise NotImplementedError

    def predict(self, x: Tensor) -> Tensor:
        """Logits of each molecule's bits, ``(batch, n_bins)``, for nodes that predict.

        Args:
            x: Cells, the molecule's first.
        """
        raise NotImplementedError

    def unexplained(self, x: Tensor) -> Tensor | None:  # noqa: ARG002 - for subclasses
        """What of y is not the molecule's own prediction, as it stands in x; None: nothing."""
        return None

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Within it the node may leave out what cancels where y is the measured code."""
        yield

    def log_probability(self, cells: Tensor, code: Tensor, told: Tensor) -> Tensor:
        """Log p of molecules given codes, ``(batch,)``, for nodes that have a likelihood.

        Args:
            cells: Whole numbers, as the codec encodes them.
            code: Bits, bool, ``(batch, n_bins)``.
            told: The condition.
        """
        raise NotImplementedError

    def _check_conditions(self, given: Sequence[object]) -> None:
        wanted = 0 if self.condition is None else 1
        if len(given) != wanted:
            raise ShapeError(
                f"{type(self).__name__} takes {wanted or 'no'} condition(s), got {len(given)}"
            )


def check_image(node: Node) -> None:
    """Refuse an input that is no image.

    Raises:
        ShapeError: If its shape is not ``(C, H, W)``.
    """
    if len(node.in_shape) != 3:
        raise ShapeError(
            f"{type(node).__name__} takes one input (channels, height, width), got {node.in_shape}"
        )


def unwrap(
    name: str, node: Callable[..., nn.Module], known: Mapping[str, Any]
) -> tuple[type[Node], dict[str, Any]]:
    """A node's class and its keyword arguments, as ``SequenceINN.append`` wants them.

    Args:
        name: Of the node, for messages.
        node: The class, or a ``functools.partial`` of it.
        known: What it may ask for.

    Raises:
        ConfigError: If it is no node, or asks for what is not known.
    """
    if isinstance(node, partial) and node.args:
        raise ConfigError(f"node {name}: its arguments are given by name")
    cls = node.func if isinstance(node, partial) else node
    if not (isinstance(cls, type) and issubclass(cls, Node)):
        raise ConfigError(f"node {name}: {cls!r} is none")
    if missing := [ask for ask in cls.asks if ask not in known]:
        raise ConfigError(f"node {name} asks for {', '.join(missing)}, which is not known here")
    kwargs = dict(node.keywords) if isinstance(node, partial) else {}
    return cls, {**{ask: known[ask] for ask in cls.asks}, **kwargs}
