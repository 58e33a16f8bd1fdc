"""Molecules by the hundred thousand, with the spectra that the network itself predicts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nmrflow.chem.codecs.table import CanonicalMolecule, TableCodec
from nmrflow.chem.generation.walk import generate_molecules
from nmrflow.chem.graph import AtomFeatures
from nmrflow.chem.structure import Structure
from nmrflow.config import check_counts, check_shares
from nmrflow.console import progress
from nmrflow.data.corpus import CorpusWriter, Shard
from nmrflow.errors import ConfigError
from nmrflow.numerics import generator_for
from nmrflow.shifts.network import collate
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.training.stages.base import Stage, StageContext, ensemble_of, forward_side
from nmrflow.workers import map_in_order

_AT_A_TIME = 512


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

    def __init__(
        self,
        n: int,
        n_draws: int = 8,
        drop: float = 0.015,
        stray: float = 1.5e-4,
        shard_size: int = 50_000,
    ) -> None:
        counts = {"n": n, "n_draws": n_draws, "shard_size": shard_size}
        check_counts(counts, n=0, n_draws=1, shard_size=1)
        check_shares({"drop": drop, "stray": stray}, "drop", "stray")
        self.n = n
        self.n_draws = n_draws
        self.errors = Errors(drop, stray)
        self.shard_size = shard_size

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the corpus; takes minutes, in little memory."""
        seeds = [record.structure for record in context.train]
        domain = context.network.domain
        made = generate_molecules(seeds, self.n, context.seed, domain, with_seeds=True)
        shown = progress(made, self.n, "generating and labelling")
        labelled = map_in_order(_label, self._unlabelled(shown, context), context.n_threads)
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
        self, structures: Iterable[Structure], context: StageContext
    ) -> Iterator["_Unlabelled"]:
        """A few molecules at a time; no shard ends amid them."""
        forward, codec = ensemble_of(context.network), context.network.codec
        if not isinstance(codec, TableCodec):
            raise ConfigError(
                f"a corpus is of tables, and model.codec is a {type(codec).__name__}"
            )
        networks = forward.ensemble.networks
        waiting = iter(structures)
        for number in count():
            k = -1
            for k, part in enumerate(_parts(islice(waiting, self.shard_size), _AT_A_TIME)):
                yield _Unlabelled(
                    [structure.connectivity for structure in part],
                    # A member for each part: a draw from an ensemble is one from a member.
                    networks[k % len(networks)],
                    context.network.axis,
                    codec,
                    forward.features,
                    self.errors,
                    self.n_draws,
                    (context.seed, "labels", f"{number}:{k}"),
                )
            if k < 0:
                return


class Errors(NamedTuple):
    """How measurements differ from what carbons' shifts alone would give.

    Args:
        drop: Chance of a peak to be missing.
        stray: Chance, of each bin, of a peak that no carbon explains.
    """

    drop: float
    stray: float


class _Unlabelled(NamedTuple):
    """Molecules by their SMILES, and what labels them."""

    names: list[str]
    network: nn.Module
    axis: ShiftAxis
    codec: TableCodec
    features: AtomFeatures
    errors: Errors
    n_draws: int
    key: tuple[int, str, str]


def _label(part: _Unlabelled) -> Shard:
    molecules = [part.codec.canonical(name, part.features) for name in part.names]
    codes = draw_codes(
        part.network,
        molecules,
        part.axis,
        part.errors,
        n_draws=part.n_draws,
        generator=generator_for(*part.key),
    )
    n_before = part.codec.n_kind_cells
    lengths = [np.count_nonzero(m.cells[n_before:]) + len(m.first) for m in molecules]
    return Shard(
        np.stack([molecule.cells for molecule in molecules]),
        np.packbits(codes, axis=2),
        np.array(lengths, dtype=np.uint8),
        np.stack([part.features.count_kinds(molecule.graph) for molecule in molecules]),
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
    """Codes as measurements of molecules might give them.

    Args:
        network: A :class:`nmrflow.shifts.network.ShiftNetwork`.
        molecules: n of them.
        axis: Cuts the bins.
        errors: What else happens.
        n_draws: Codes for each.
        generator: Draws everything.

    Returns:
        Zeros and ones, ``(n, n_draws, n_bins)``.
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


def _parts(items: Iterable[Structure], size: int) -> Iterator[list[Structure]]:
    waiting = iter(items)
    while part := list(islice(waiting, size)):
        yield part
