"""What a node is: a FrEIA ``InvertibleModule`` with one input and one output.

A node is a FrEIA ``InvertibleModule`` with one input and one output. To add one: subclass
:class:`Node`, write the two directions and ``output_dims``, and give it one row in
``tests/contracts/test_nodes.py``.
"""

from collections.abc import Callable, Iterable, Sequence

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
