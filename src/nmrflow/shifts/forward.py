"""The forward side: from molecules to one distribution of the shift of each atom."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from nmrflow.chem.graph import ELEMENTS, AtomFeatures, MolecularGraph
from nmrflow.shifts.distribution import ShiftDistribution
from nmrflow.shifts.mixture import LaplaceMixture
from nmrflow.shifts.network import ShiftEnsemble, ShiftNetwork, collate
from nmrflow.spectra.axis import ShiftAxis

_AT_ONCE = 1024
"""Molecules together: more share more surroundings, and leave a processor's cache."""


class ForwardSide(nn.Module):
    """What answers ask of a forward side: one distribution for each molecule's atoms.

    Implementing one: a subclass with :meth:`forward`, and an entry ``forward`` in a model's YAML.

    Args:
        axis: Cuts the bins of codes, and says which nucleus is observed.
        features: How its atoms become numbers.
    """

    def __init__(self, axis: ShiftAxis, features: AtomFeatures) -> None:
        super().__init__()
        self.axis = axis
        self.features = features
        self.widening = 1.0
        """Factor on the scales of :meth:`distributions`, as held-out spectra ask for it."""

    def forward(
        self, graphs: Sequence[MolecularGraph], dtype: torch.dtype = torch.float64
    ) -> ShiftDistribution:
        """Of the atoms of molecules in their order; renumbering a molecule renumbers them.

        Args:
            graphs: Molecules with :attr:`features`; few at a time.
            dtype: In which networks compute; what is returned is float64.
        """
        raise NotImplementedError

    @torch.no_grad()
    def distributions(
        self, graphs: Sequence[MolecularGraph], dtype: torch.dtype = torch.float64
    ) -> Iterator[ShiftDistribution]:
        """As :meth:`forward`, of any number of molecules, a few at a time, on the processor."""
        for start in range(0, len(graphs), _AT_ONCE):
            found = self(graphs[start : start + _AT_ONCE], dtype)
            mixture = LaplaceMixture(*(part.cpu() for part in found.mixture))
            mixture = mixture._replace(scale_ppm=self.widening * mixture.scale_ppm)
            yield found._replace(
                mixture=mixture, share=found.share.cpu(), molecule=found.molecule.cpu()
            )

    def logits(self, graphs: Sequence[MolecularGraph]) -> Tensor:
        """Logits of the codes' bits, ``(n, n_bins)``, float64, on the processor."""
        parts = [found.logits(self.axis) for found in self.distributions(graphs)]
        return torch.cat([torch.zeros(0, self.axis.n_bins, dtype=torch.float64), *parts])


class EnsembleForward(ForwardSide):
    """An ensemble of message-passing networks.

    The networks are without dropout: a network inside a coupling must say the same in both
    directions.

    Args:
        axis: As of :class:`ForwardSide`.
        n_networks: Members of the ensemble.
        width: As of :class:`ShiftNetwork`, likewise the rest.
        n_steps: Exchanges along bonds.
        n_components: Laplace distributions of each member's mixture.
        expansion: Hidden numbers of a step, in units of the width.
        elements: Elements with an atom feature of their own.
        tells_charges: As of :class:`nmrflow.chem.graph.AtomFeatures`.
    """

    def __init__(  # noqa: PLR0913 - each by name
        self,
        axis: ShiftAxis,
        *,
        n_networks: int = 4,
        width: int = 128,
        n_steps: int = 6,
        n_components: int = 4,
        expansion: int = 2,
        elements: Sequence[str] = ELEMENTS,
        tells_charges: bool = False,
    ) -> None:
        observed = axis.nucleus.element
        super().__init__(axis, AtomFeatures(elements, observed, tells_charges=tells_charges))
        self.ensemble = ShiftEnsemble(
            ShiftNetwork(
                width,
                n_steps,
                n_components,
                expansion=expansion,
                n_features=self.features.n,
                start_ppm=axis.nucleus.typical_ppm,
            )
            for _ in range(n_networks)
        )

    def forward(
        self, graphs: Sequence[MolecularGraph], dtype: torch.dtype = torch.float64
    ) -> ShiftDistribution:
        """As of :class:`ForwardSide`."""
        found: ShiftDistribution = self.ensemble(collate(graphs), dtype)
        return found
