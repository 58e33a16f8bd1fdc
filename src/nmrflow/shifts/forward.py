"""The forward side as a subnet of a coupling: a table of bond orders to logits of the code."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nmrflow.chem.codecs.table import N_SLOTS, read_canonical, structure_from_orders
from nmrflow.chem.graph import molecular_graph
from nmrflow.chem.structure import Structure
from nmrflow.errors import ShapeError, StructureError
from nmrflow.shifts.mixture import STRAY, LaplaceMixture
from nmrflow.shifts.network import ShiftEnsemble, ShiftNetwork, collate
from nmrflow.spectra.axis import ShiftAxis

_MAX_ORDER = 3
_AT_ONCE = 100
"""Molecules together: the states of more leave a processor's cache."""


class SpectrumSubnet(nn.Module):
    """Logits of a code's bits, by an ensemble of shift networks on the molecule in the slots.

    A slot is a bond order plus a fraction in [0, 1), which is ignored: the logits follow the
    molecule alone, and no gradient reaches the slots. A row whose orders are no molecule gets
    the logit of a stray peak in every bin. The networks are without dropout: a subnet must
    say the same in both directions of its coupling.

    Args:
        dims_in: Shape of the slots without batch; 136 numbers.
        dims_out: Shape of the logits without batch; their number divides the axis's fine bins.
        n_networks: Members of the ensemble.
        width: As of :class:`ShiftNetwork`, likewise the rest.
        n_steps: Exchanges along bonds.
        n_components: Laplace distributions of each mixture.

    Raises:
        ShapeError: If the slots are not 136.
        SpectrumError: If no axis has that many bins.
    """

    def __init__(
        self,
        dims_in: tuple[int, ...],
        dims_out: tuple[int, ...],
        *,
        n_networks: int = 4,
        width: int = 128,
        n_steps: int = 6,
        n_components: int = 4,
    ) -> None:
        super().__init__()
        if math.prod(dims_in) != N_SLOTS:
            raise ShapeError(f"a table of bond orders has {N_SLOTS} slots; given {dims_in}")
        self.dims_out = tuple(dims_out)
        self.axis = ShiftAxis(n_bins=math.prod(dims_out))
        self.ensemble = ShiftEnsemble(
            ShiftNetwork(width, n_steps, n_components, dropout=0.0) for _ in range(n_networks)
        )

    def forward(self, slots: Tensor) -> Tensor:
        """Logits in the slots' dtype, ``(B, *dims_out)``, always finite.

        Args:
            slots: ``(B, 136)`` or with further dimensions of 1, any floating dtype.

        Raises:
            ShapeError: If a row is not of 136 numbers.
        """
        if slots.shape[1:].numel() != N_SLOTS:
            raise ShapeError(f"expected {N_SLOTS} slots a row, got {tuple(slots.shape)}")
        # Each molecule once, in its canonical form: what is drawn for a spectrum repeats itself.
        tables, table = np.unique(_whole(slots.detach().flatten(1)), axis=0, return_inverse=True)
        names = [_connectivity(orders) for orders in tables]
        distinct = sorted({name for name in names if name})
        unset = torch.full((1 + len(distinct), self.axis.n_bins), -STRAY, dtype=torch.float64)
        for start in range(0, len(distinct), _AT_ONCE):
            part = distinct[start : start + _AT_ONCE]
            batch = collate([read_canonical(name).graph for name in part])
            unset[1 + start :][: len(part)] = self.ensemble.log_unset(batch, self.axis).cpu()
        place = {name: k for k, name in enumerate(distinct, start=1)}
        of_table = np.array([place.get(name, 0) for name in names])
        logits = (torch.log(-torch.expm1(unset)) - unset)[of_table[table]]
        return logits.to(slots.device, slots.dtype).reshape(-1, *self.dims_out)

    @torch.no_grad()
    def shifts(
        self, structures: Sequence[Structure], dtype: torch.dtype = torch.float64
    ) -> LaplaceMixture:
        """Where each atom's shift is expected, float64; only a carbon's means anything.

        The rows are the atoms of the first structure in their order, then those of the second
        and so on; renumbering a structure renumbers them.

        Args:
            structures: Molecules.
            dtype: As of :meth:`ShiftEnsemble.mixtures`.

        Raises:
            StructureError: If RDKit refuses a structure.
        """
        graphs = [molecular_graph(structure) for structure in structures]
        parts = (
            self.ensemble.mixtures(collate(graphs[start : start + _AT_ONCE]), dtype)
            for start in range(0, max(1, len(graphs)), _AT_ONCE)
        )
        return LaplaceMixture(*(torch.cat(part).cpu() for part in zip(*parts, strict=True)))


def _whole(slots: Tensor) -> NDArray[np.int8]:
    """The whole numbers of each row."""
    whole = slots.double().floor().nan_to_num(nan=-1.0).clamp(-1, _MAX_ORDER + 1)
    return whole.to(torch.int8).cpu().numpy()


def _connectivity(orders: NDArray[np.int8]) -> str:
    """The molecule of a row, nothing where there is none."""
    try:
        return structure_from_orders(orders).connectivity
    except StructureError:
        return ""
