"""Molecules by the hundred thousand, with the spectra that the network itself predicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nmrflow.chem.codecs.table import CanonicalMolecule, TableCodec
from nmrflow.chem.generation.walk import generate_molecules
from nmrflow.chem.graph import AtomFeatures
from nmrflow.chem.structure import Structure
from nmrflow.config.building import check_counts, check_shares
from nmrflow.console import progress
from nmrflow.data.corpus import INDEX, CorpusWriter, Shard
from nmrflow.errors import ConfigError
from nmrflow.numerics import generator_for
from nmrflow.shifts.network import collate
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.training.stages.base import Stage, StageContext, ensemble_of, forward_side
from nmrflow.workers import map_in_order

_AT_A_TIME = 512


@dataclass(eq=False)
class CorpusStage(Stage):
    """Generate molecules from those of the training side and label them.

    A label is a code as a measurement might give it: of every atom one shift is drawn from
    its predicted distribution. The predicted probabilities themselves would not do: 128 real
    numbers nearly name the molecule, and a query is not made of such numbers.

    Args:
        n: Molecules to make; the training side's own come on top.
        n_draws: Codes drawn for each.
        drop: Chance of a peak to be missing.
        stray: Chance, of each bin, of a peak that no carbon explains.
        shard_size: Molecules in a file.
    """

    n: int
    n_draws: int = 8
    drop: float = 0.015
    stray: float = 1.5e-4
    shard_size: int = 50_000

    keeps = (INDEX,)  # It has the checksums of the shards.

    def __post_init__(self) -> None:
        check_counts(vars(self), n=0, n_draws=1, shard_size=1)
        check_shares(vars(self), "drop", "stray")

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the corpus; takes minutes, in little memory."""
        forward, codec = ensemble_of(context.network), context.network.codec
        if not isinstance(codec, TableCodec):
            raise ConfigError(
                f"a corpus is of tables, and model.codec is a {type(codec).__name__}"
            )
        label = partial(
            _label,
            codec=codec,
            features=forward.features,
            axis=context.network.axis,
            errors=Errors(self.drop, self.stray),
            n_draws=self.n_draws,
        )
        seeds = [record.structure for record in context.train]
        domain = context.network.domain
        made = generate_molecules(seeds, self.n, context.seed, domain, with_seeds=True)
        shown = progress(made, self.n, "generating and labelling")
        unlabelled = self._unlabelled(shown, forward.ensemble.networks, context.seed)
        labelled = map_in_order(label, unlabelled, context.n_threads)
        writer = CorpusWriter(context.folder)
        n_molecules, parts = 0, list[Shard]()
        for part in labelled:
            parts.append(part)
            n_molecules += len(part.cells)
            if n_molecules % self.shard_size == 0:
                writer.add(_joined(parts))
                parts.clear()
        if parts:
            writer.add(_joined(parts))
        writer.close(context.network.axis.n_bins)
        return {"n_corpus": n_molecules}

    def conditions(self, settings: Mapping[str, Any], model: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Settings and the forward side, which labels."""
        return [settings, forward_side(model)]

    def load(self, context: StageContext) -> None:
        """Nothing: the corpus lies on disk."""

    def _unlabelled(
        self, structures: Iterator[Structure], networks: Sequence[nn.Module], seed: int
    ) -> Iterator["_Unlabelled"]:
        """A few molecules at a time; no shard ends amid them."""
        shard = k = 0
        n_left = self.shard_size
        while part := list(islice(structures, min(_AT_A_TIME, n_left))):
            key = (seed, "labels", f"{shard}:{k}")
            # A member for each part: a draw from an ensemble is one from a member.
            yield [s.connectivity for s in part], networks[k % len(networks)], key
            n_left, k = n_left - len(part), k + 1
            if not n_left:
                shard, k, n_left = shard + 1, 0, self.shard_size


class Errors(NamedTuple):
    """How measurements differ from what carbons' shifts alone would give: :class:`CorpusStage`."""

    drop: float
    stray: float


_Unlabelled = tuple[list[str], nn.Module, tuple[int, str, str]]
"""Molecules by their SMILES, the network that labels them, and what names the draws."""


def _label(
    part: _Unlabelled,
    codec: TableCodec,
    features: AtomFeatures,
    axis: ShiftAxis,
    errors: Errors,
    n_draws: int,
) -> Shard:
    names, network, key = part
    molecules = [codec.canonical(name, features) for name in names]
    generator = generator_for(*key)
    codes = draw_codes(network, molecules, axis, errors, n_draws=n_draws, generator=generator)
    n_before = codec.n_kind_cells
    lengths = [np.count_nonzero(m.cells[n_before:]) + len(m.first) for m in molecules]
    return Shard(
        np.stack([molecule.cells for molecule in molecules]),
        np.packbits(codes, axis=2),
        np.array(lengths, dtype=np.uint8),
        np.stack([features.count_kinds(molecule.graph) for molecule in molecules]),
    )


def _joined(parts: Sequence[Shard]) -> Shard:
    return Shard(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def draw_codes(
    network: nn.Module,
    molecules: Sequence[CanonicalMolecule],
    axis: ShiftAxis,
    errors: Errors,
    *,
    n_draws: int,
    generator: torch.Generator,
) -> NDArray[np.uint8]:
    """Codes as measurements of molecules might give them, 0 and 1, ``(n, n_draws, n_bins)``.

    The network is a :class:`nmrflow.shifts.network.ShiftNetwork`.
    """
    batch = collate([molecule.graph for molecule in molecules])
    # Equivalent atoms have one shift.
    first = torch.from_numpy(np.concatenate([m.first & m.graph.observed for m in molecules]))
    with torch.no_grad():
        shifts = network(batch).rows(first).draw(n_draws, generator)
    kept = torch.rand(shifts.shape, generator=generator) >= errors.drop
    bins = axis.places(shifts).floor().long().clamp(0, axis.n_bins - 1)
    shape = n_draws, len(molecules), axis.n_bins
    codes = torch.rand(shape, generator=generator) < errors.stray
    draw = torch.arange(n_draws)[:, None].expand_as(bins)
    row = batch.molecule[first].expand_as(bins)
    codes[draw[kept], row[kept], bins[kept]] = True
    return codes.transpose(0, 1).numpy().astype(np.uint8)
