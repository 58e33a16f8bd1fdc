"""What a model configuration describes; read by who trains it and by who uses it."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nmrflow.chem.codecs.codec import MoleculeCodec
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.graph import MolecularGraph
from nmrflow.chem.structure import Structure
from nmrflow.chem.totals import Totals
from nmrflow.config.building import ALLOWED_TO_TRAIN, build
from nmrflow.errors import CheckpointError, ConfigError, SpectrumError, StructureError
from nmrflow.model.schema import check_sizes, load_weights, no_larger_than
from nmrflow.numerics import isolated_rng
from nmrflow.shifts.distribution import to_logits
from nmrflow.shifts.forward import ForwardSide
from nmrflow.shifts.mixture import STRAY
from nmrflow.spectra.axis import ShiftAxis

if TYPE_CHECKING:
    from nmrflow.flow import Flow
    from nmrflow.flow.tokens import Grammar


class Network:
    """Encodings, the bijection between them, and the forward side.

    Args:
        codec: Molecules to cells, and back.
        axis: Shifts to codes.
        forward: From molecules to where their shifts lie; None: the flow's y alone says it.
        make_flow: Makes the flow when it is wanted: who predicts shifts does without it, and
            without what it takes to import it. None: there is none, and no backward side.
    """

    def __init__(
        self,
        codec: MoleculeCodec,
        axis: ShiftAxis,
        forward: ForwardSide | None,
        make_flow: "Callable[[Network], Flow] | None",
    ) -> None:
        self.codec = codec
        self.axis = axis
        self.forward = forward
        self._make_flow = make_flow

    @property
    def domain(self) -> Domain:
        """The molecules that it knows."""
        return self.codec.domain

    @property
    def has_flow(self) -> bool:
        """Whether there is a backward side."""
        return self._make_flow is not None

    @cached_property
    def flow(self) -> "Flow":
        """The bijection.

        Raises:
            SpectrumError: If there is none.
        """
        if self._make_flow is None:
            raise SpectrumError(
                f"this network only predicts ({self.domain.describe()}): it has no backward side "
                "that proposes structures, and no latent space; use another model for that"
            )
        return self._make_flow(self)

    def graph(self, structure: Structure) -> MolecularGraph:
        """A molecule as the forward side reads it."""
        assert self.forward is not None
        return self.forward.features.graph(structure)

    def predict_cells(self, cells: Tensor) -> Tensor:
        """Logits of the codes of molecules given by their cells, by the forward side.

        A row that is no molecule gets the logit of a stray peak in every bin.

        Args:
            cells: Whole numbers, any floating dtype, ``(n, n_cells)``.

        Returns:
            ``(n, n_bins)``, float64, always finite.
        """
        assert self.forward is not None
        whole = cells.double().nan_to_num(nan=-1.0).clamp(-1, 127).to(torch.int8).cpu().numpy()
        # Each molecule once, in its canonical form: what is drawn for a spectrum repeats itself.
        tables, table = np.unique(whole, axis=0, return_inverse=True)
        found = [self._read(row) for row in tables]
        distinct = {s.connectivity: s for s in found if s is not None}
        graphs = [self.graph(distinct[name]) for name in sorted(distinct)]
        no_molecule = to_logits(torch.full((1, self.axis.n_bins), -STRAY, dtype=torch.float64))
        logits = torch.cat([no_molecule, self.forward.logits(graphs)])
        place = {name: k for k, name in enumerate(sorted(distinct), start=1)}
        of_table = np.array([0 if s is None else place[s.connectivity] for s in found])
        return logits[of_table[table.reshape(-1)]].to(cells.device)

    def _read(self, row: np.ndarray[Any, np.dtype[np.int8]]) -> Structure | None:
        try:
            return self.codec.read(row)
        except StructureError:
            return None


def build_network(
    model: Mapping[str, Any],
    seed: int,
    allowed: tuple[str, ...] = ALLOWED_TO_TRAIN,
    weights: Mapping[str, Tensor] | None = None,
) -> Network:
    """Build codec, axis, forward side and flow; the flow's ends follow from the others.

    Args:
        model: The configuration.
        seed: Of the initial weights.
        allowed: As of :func:`nmrflow.config.building.build`.
        weights: Trained ones, by name; the flow is then built when it is first wanted.

    Raises:
        ConfigError: As :func:`nmrflow.config.building.build` and
            :func:`nmrflow.model.schema.check_sizes`, or if a part is missing.
        ShapeError: If the flow does not fit the encodings.
        CheckpointError: If the weights do not fit.
    """
    if not isinstance(model, Mapping):
        raise ConfigError(f"model={model}: a group of settings is needed")
    check_sizes(model, "model")
    if missing := [key for key in ("codec", "axis", "flow") if key not in model]:
        raise ConfigError(f"model lacks {', '.join(missing)}")
    if model["flow"] is None and not model.get("forward"):
        raise ConfigError("model.flow and model.forward are both null: nothing is left")
    parts = {} if "domain" not in model else {"domain": build(model["domain"], Domain, allowed)}
    codec: MoleculeCodec = build(model["codec"], object, allowed, **parts)
    axis: ShiftAxis = build(model["axis"], ShiftAxis, allowed)

    def make_flow(network: Network) -> "Flow":
        from nmrflow.flow import Flow

        own = None if weights is None else part_of(weights, "flow")
        with no_larger_than(own):
            flow: Flow = build(
                model["flow"],
                Flow,
                allowed,
                cell_shape=codec.shape,
                n_bins=axis.n_bins,
                known=_known(network),
                seed=None if weights is None else 0,
            )
        if own is not None:
            load_weights(flow, own)
        return flow

    with isolated_rng(seed):
        forward: ForwardSide | None = None
        own = None if weights is None else part_of(weights, "forward_side")
        if model.get("forward"):
            with no_larger_than(own):
                forward = build(model["forward"], ForwardSide, allowed, axis=axis)
            if own is not None:
                load_weights(forward, own)
        elif own:
            raise CheckpointError("has weights of a forward side, and no configuration of one")
        network = Network(codec, axis, forward, None if model["flow"] is None else make_flow)
        if weights is None and network.has_flow:
            _ = network.flow
    return network


def part_of(weights: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """The weights of ``flow`` or ``forward_side`` among those of a checkpoint."""
    prefix = f"{part}."
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}


def _known(network: Network) -> dict[str, Any]:
    """What nodes may ask for, as plain numbers and functions: they know no chemistry."""
    codec = network.codec
    known: dict[str, Any] = {
        "predictor": None if network.forward is None else network.predict_cells
    }
    if isinstance(codec, TableCodec):
        known["grammar"] = grammar_of(codec)
    return known


def grammar_of(codec: TableCodec) -> "Grammar":
    """How the tables of a codec are told as tokens."""
    from nmrflow.flow.saturated import SaturatedGrammar
    from nmrflow.flow.tokens import Grammar

    valences = [kind.n_bonds for kind in codec.kinds]
    if not codec.tells_hydrogens:
        return Grammar(valences, codec.max_atoms, codec.pairs)
    elements = codec.domain.elements
    counted = [Totals(elements).of_kind(kind) for kind in codec.kinds]
    most_bonds = [Totals.most_bonds(codec.domain, element) for element in elements]
    charges = [kind.type.charge for kind in codec.kinds]
    return SaturatedGrammar(valences, codec.max_atoms, codec.pairs, counted, most_bonds, charges)
