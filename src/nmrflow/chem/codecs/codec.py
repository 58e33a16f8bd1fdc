"""What the rest of nmrflow asks of a codec."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure


class MoleculeCodec(Protocol):
    """A domain, a shape, and two inverse functions.

    ``decode(encode(s)) == s`` for every structure that ``encode`` accepts, and
    ``encode(decode(t)) == t`` for every tensor that ``decode`` accepts; anything else is
    refused with a :class:`StructureError` that says why.
    """

    domain: Domain
    shape: tuple[int, ...]
    depends_on_atom_order: bool
    tells_hydrogens: bool
    loses: tuple[str, ...]

    def refusal(self, structure: Structure) -> str | None:
        """Why ``encode`` refuses a structure, in a sentence, or None where it does not."""
        ...

    def encode(self, structure: Structure) -> NDArray[np.uint8]:
        """The tensor of a structure, whole numbers, of shape :attr:`shape`.

        Raises:
            StructureError: As :meth:`nmrflow.chem.domain.Domain.check`.
        """
        ...

    def decode(self, tensor: NDArray[np.generic]) -> Structure:
        """The structure of a tensor of exact whole numbers."""
        ...

    def read(self, tensor: NDArray[np.generic]) -> Structure:
        """The structure that a rounded tensor shows, although ``encode`` might write it otherwise.

        Where a molecule has one tensor only this is :meth:`decode`. Raises as that does.
        """
        ...

    def round(self, tensor: NDArray[np.floating]) -> NDArray[np.uint8]:
        """The whole numbers nearest to what a network returned; no repair beyond that.

        Raises:
            StructureError: If a cell is not a finite number.
        """
        ...
