"""Molecule <-> tensor: the bond tensor of the reversible 13C network, exact in both directions."""

import numpy as np
from numpy.typing import NDArray

from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure, sort_bonds
from nmrflow.errors import ShapeError, StructureError

HYDROCARBONS = Domain([["C", 0, 4]], max_atoms=17, min_atoms=2)
"""What the published network knows: methane has no bond, and a table has room for 17 atoms."""


class BondTensorCodec:
    """Hydrocarbons of 2 to 17 carbons as a 4 x 16 x 16 tensor of zeros and ones.

    Cell ``[c, i, k]`` with ``k >= i`` is the bond between atoms ``i`` and ``k + 1`` (0-based);
    channels are single, double, triple and the aromatic flag, which is set in addition to
    the order. The 480 cells with ``k < i`` are zero for every molecule. The same content
    as text is 136 digits, the upper triangle row by row: 0 no bond, 1 to 3 the order, +5
    when the aromatic flag is set.

    The stored Kekulé form, aromatic flags and atom order survive; they also reach the
    network, which is why a network on this codec depends on atom numbering.

    References:
        Kuhn, Dwarka, Grenda, Vainikko, *Reversible Deep Learning for 13C NMR in
        Chemoinformatics: On Structures and Spectra*, arXiv:2602.03875, 2026, section on the
        molecule encoding.

    Example:
        >>> codec = BondTensorCodec()
        >>> codec.encode_digits(Structure.from_smiles("C=CC"))[:18]
        '200000000000000010'
    """

    domain = HYDROCARBONS
    n_digits = 136
    shape = (4, 16, 16)
    depends_on_atom_order = True
    tells_hydrogens = False
    loses = (
        "stereochemistry (cis/trans and R/S forms share one tensor)",
        "methane (it has no bond: its tensor would be all zeros)",
    )

    _AROMATIC_CHANNEL = 3
    _AROMATIC_DIGIT = 5

    def refusal(self, structure: Structure) -> str | None:
        """As :meth:`nmrflow.chem.domain.Domain.refusal`."""
        return self.domain.refusal(structure)

    def encode(self, structure: Structure) -> NDArray[np.uint8]:
        """Write a structure as its bond tensor.

        Returns:
            Array of shape ``(4, 16, 16)``, values 0 and 1.

        Raises:
            StructureError: As :meth:`nmrflow.chem.domain.Domain.check`.
        """
        self.domain.check(structure)
        tensor = np.zeros(self.shape, dtype=np.uint8)
        for bond in structure.bonds:
            tensor[bond.order - 1, bond.begin, bond.end - 1] = 1
            tensor[self._AROMATIC_CHANNEL, bond.begin, bond.end - 1] = bond.aromatic
        return tensor

    def decode(self, tensor: NDArray[np.generic]) -> Structure:
        """Read a bond tensor of exact zeros and ones.

        Args:
            tensor: Array of shape ``(4, 16, 16)``.

        Raises:
            ShapeError: If the shape is another.
            StructureError: If a cell is neither 0 nor 1, lies below the diagonal, has two
                orders or a flag without an order, or the bonds are no valid connected
                molecule.
        """
        if tensor.shape != self.shape:
            raise ShapeError(f"expected a bond tensor of shape {self.shape}, got {tensor.shape}")
        if not np.isin(tensor, (0, 1)).all():
            raise StructureError("a cell is neither 0 nor 1; round the tensor first")
        cells = tensor.astype(np.uint8)
        below = np.tril(np.ones(self.shape[1:], dtype=bool), k=-1)
        if cells[:, below].any():
            raise StructureError("a cell below the diagonal is set; those cells hold no bond")
        orders, flags = cells[: self._AROMATIC_CHANNEL], cells[self._AROMATIC_CHANNEL]
        n_orders = orders.sum(axis=0)
        for problem, cell in (
            ("has two bond orders", n_orders > 1),
            ("has an aromatic flag but no bond", (n_orders == 0) & (flags == 1)),
        ):
            if cell.any():
                i, k = np.argwhere(cell)[0]
                raise StructureError(f"the pair of atoms {i}-{k + 1} {problem}")
        rows, columns = np.nonzero(n_orders)
        if not len(rows):
            raise StructureError("no bonds: an empty tensor is no molecule")
        return Structure(
            ("C",) * (int(columns.max()) + 2),
            sort_bonds(
                (int(i), int(k) + 1, int(orders[:, i, k].argmax()) + 1, bool(flags[i, k]))
                for i, k in zip(rows, columns, strict=True)
            ),
        )

    def read(self, tensor: NDArray[np.generic]) -> Structure:
        """As :meth:`decode`: every numbering has its own tensor."""
        return self.decode(tensor)

    def round(self, tensor: NDArray[np.floating]) -> NDArray[np.uint8]:
        """The nearest 0/1 tensor: cells above one half are set. Nothing is repaired.

        Raises:
            StructureError: If a cell is not a finite number.
        """
        if not np.isfinite(tensor).all():
            raise StructureError("a cell is not a finite number: the inverse has diverged")
        return (np.asarray(tensor) > 0.5).astype(np.uint8)

    def encode_digits(self, structure: Structure) -> str:
        """The 136 digits of a structure; raises as :meth:`encode`."""
        tensor = self.encode(structure).astype(np.int64)
        order = tensor[0] + 2 * tensor[1] + 3 * tensor[2]
        digits = order + self._AROMATIC_DIGIT * tensor[self._AROMATIC_CHANNEL]
        return "".join(str(digit) for digit in digits[np.triu_indices(self.shape[1])])

    def decode_digits(self, digits: str) -> Structure:
        """Read 136 bond digits.

        Raises:
            StructureError: If there are not 136, one is not among 0-3 and 6-8, or the
                bonds are no valid connected molecule.
        """
        if len(digits) != self.n_digits:
            raise StructureError(f"{len(digits)} bond digits instead of {self.n_digits}")
        unknown = sorted(set(digits) - set("0123678"))
        if unknown:
            raise StructureError(
                f"bond digit {', '.join(map(repr, unknown))}; 0-3 and, aromatic, 6-8 are known"
            )
        values = np.zeros(self.shape[1:], dtype=np.int64)
        values[np.triu_indices(self.shape[1])] = [int(digit) for digit in digits]
        flags = values > self._AROMATIC_DIGIT
        orders = values - self._AROMATIC_DIGIT * flags
        tensor = np.stack([*(orders == order for order in (1, 2, 3)), flags])
        return self.decode(tensor.astype(np.uint8))
