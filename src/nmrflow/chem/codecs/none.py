"""No cells: for networks that only predict."""

from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError


class NoCells:
    """A codec of networks without a flow: it says which molecules are known, and no more.

    Args:
        domain: What a network knows.
    """

    shape: tuple[int, ...] = (0,)
    depends_on_atom_order = False
    tells_hydrogens = False
    loses: tuple[str, ...] = ("stereochemistry (cis/trans and R/S forms get one prediction)",)

    def __init__(self, domain: Domain) -> None:
        self.domain = domain

    def refusal(self, structure: Structure) -> str | None:
        """As :meth:`nmrflow.chem.domain.Domain.refusal`."""
        return self.domain.refusal(structure)

    def encode(self, structure: Structure) -> NDArray[np.uint8]:
        """Nothing, ``(0,)``; raises as :meth:`nmrflow.chem.domain.Domain.check`."""
        self.domain.check(structure)
        return np.zeros(self.shape, dtype=np.uint8)

    def decode(self, tensor: NDArray[np.generic]) -> NoReturn:
        """No molecule can be made of no cells."""
        raise StructureError(f"{tensor.size} cells: a network that only predicts knows none")

    read = decode

    def round(self, tensor: NDArray[np.floating]) -> NDArray[np.uint8]:
        """The same, as whole numbers."""
        return np.zeros(tensor.shape, dtype=np.uint8)
