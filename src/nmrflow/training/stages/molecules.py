"""Molecules to learn structures from: lists and edits, with shifts that the network predicts."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nmrflow.chem.codecs.table import CanonicalMolecule, TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.generation.walk import generate_molecules
from nmrflow.chem.graph import AtomFeatures
from nmrflow.chem.structure import Structure
from nmrflow.config.building import check_counts
from nmrflow.console import progress
from nmrflow.data.peak_table import NO_TOKEN, PeakTable, joined, write_table
from nmrflow.errors import ConfigError, StructureError
from nmrflow.files.reading import open_text
from nmrflow.files.writing import write_text
from nmrflow.flow.tokens import Grammar
from nmrflow.model.network import grammar_of
from nmrflow.numerics import generator_for
from nmrflow.shifts.network import collate
from nmrflow.spectra.places import NO_PLACE, places_of
from nmrflow.training.stages.base import Stage, StageContext, ensemble_of, forward_side
from nmrflow.workers import map_in_order

TABLES = "tables.json"
_AT_A_TIME = 256
_LOW_PPM, _HIGH_PPM = -60.0, 250.0
"""Between which carbons of the domain resonate; a shift drawn from a tail beyond is put there."""


@dataclass(eq=False)
class MoleculeStage(Stage):
    """Write tables of molecules that are not measured, with draws from their predicted shifts.

    Args:
        lists: Files of SMILES, one at the beginning of each line.
        n_listed: Lines that are taken of these, drawn by the seed, as many of each.
        n_edits: Molecules made by random edits of the training side's.
        n_draws: Measurements drawn for each.
        table_size: Molecules in a file; what is interrupted goes on behind the last whole one.

    Raises:
        ConfigError: If a number is too small.
    """

    lists: Sequence[str] = ()
    n_listed: int = 0
    n_edits: int = 0
    n_draws: int = 4
    table_size: int = 20_000

    keeps = (TABLES,)

    def __post_init__(self) -> None:
        check_counts(vars(self), n_listed=0, n_edits=0, n_draws=1, table_size=1)

    def run(self, context: StageContext) -> dict[str, Any]:
        """Write the tables; those that are there already are kept."""
        codec = context.network.codec
        if not isinstance(codec, TableCodec) or not codec.tells_hydrogens:
            raise ConfigError("tables of molecules are of a codec whose cells tell hydrogens")
        forward = ensemble_of(context.network)
        seeds = [r.structure for r in context.train if codec.refusal(r.structure) is None]
        label = partial(
            _label,
            labels=_Labels(codec, grammar_of(codec), forward.features, self.n_draws),
        )
        names = self._names(seeds, codec, context.seed)
        n_all = (self.n_listed if self.lists else 0) + self.n_edits
        shown = progress(names, n_all, "labelling")
        parts = self._parts(shown, forward.ensemble.networks, context.seed)
        seen = set(context.excluded) | {s.connectivity for s in seeds}
        counts = Counter[str]()
        files: dict[str, int] = {}
        waiting: list[PeakTable] = []

        def write() -> None:
            name = f"table_{len(files):03d}.npz"
            table = joined(waiting)
            write_table(context.folder / name, table)
            files[name] = len(table.tokens)
            waiting.clear()

        for found, table in map_in_order(label, parts, context.n_threads):
            new = np.array([self._is_new(name, seen, counts) for name in found], dtype=bool)
            waiting.append(table.rows(new))
            if sum(len(t.tokens) for t in waiting) >= self.table_size:
                write()
        if waiting:
            write()
        write_text(context.folder / TABLES, json.dumps({"files": files, "left_out": counts}))
        return {"n_molecules": sum(files.values()), "n_left_out": dict(counts)}

    def load(self, context: StageContext) -> None:
        """Nothing: the tables lie on disk."""

    def conditions(self, settings: Mapping[str, Any], model: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Settings, the forward side, which labels, and the tables' form."""
        return [settings, forward_side(model), model["codec"]]

    def _is_new(self, name: str | None, seen: set[str], counts: Counter[str]) -> bool:
        if name is None:
            counts["outside the domain"] += 1
            return False
        if name in seen:
            counts["met before, or of another side"] += 1
            return False
        seen.add(name)
        return True

    def _names(self, seeds: Sequence[Structure], codec: TableCodec, seed: int) -> Iterator[str]:
        for path in self.lists:
            yield from sampled_lines(path, self.n_listed // len(self.lists), seed)
        if self.n_edits:
            types = [(t.element, t.charge, t.valence) for t in codec.domain.atom_types]
            domain = Domain(types, codec.max_atoms, 2)
            for made in generate_molecules(seeds, self.n_edits, seed, domain):
                yield made.connectivity

    def _parts(
        self, names: Iterable[str], networks: Sequence[nn.Module], seed: int
    ) -> Iterator["_Unlabelled"]:
        names = iter(names)
        k = 0
        while part := list(islice(names, _AT_A_TIME)):
            # A member for each part: a draw from an ensemble is one from a member.
            yield part, networks[k % len(networks)], (seed, "labels", str(k))
            k += 1


_Unlabelled = tuple[list[str], nn.Module, tuple[int, str, str]]


class _Labels(NamedTuple):
    codec: TableCodec
    grammar: Grammar
    features: AtomFeatures
    n_draws: int


def sampled_lines(path: str, n: int, seed: int) -> Iterator[str]:
    """The first word of n lines of a file, drawn by a seed, in their order; all of a shorter one.

    Raises:
        DataError: If the file cannot be read.
    """
    with open_text(path, "a list of SMILES") as lines:
        total = sum(1 for line in lines if line.strip())
    kept = set(Random(f"{seed}:{n}").sample(range(total), min(n, total)))
    with open_text(path, "a list of SMILES") as lines:
        number = 0
        for line in lines:
            if line.strip():
                if number in kept:
                    yield line.split()[0]
                number += 1


def _label(part: _Unlabelled, labels: _Labels) -> tuple[list[str | None], PeakTable]:
    names, network, key = part
    canonical: list[str] = []
    found: list[str | None] = []
    for name in names:
        known = _connectivity(name, labels.codec)
        found.append(known)
        if known is not None:
            canonical.append(known)
    molecules = [labels.codec.canonical(name, labels.features) for name in canonical]
    table = _tabulate(molecules, labels, network, key)
    index = np.cumsum([name is not None for name in found]) - 1
    if not molecules:
        return [], table
    return found, table.rows(index.clip(0))


def _connectivity(name: str, codec: TableCodec) -> str | None:
    try:
        structure = Structure.from_smiles(name)
        if codec.refusal(structure) is not None or "C" not in structure.elements:
            return None
        return structure.connectivity
    except StructureError:
        return None


def _tabulate(
    molecules: Sequence[CanonicalMolecule],
    labels: _Labels,
    network: nn.Module,
    key: tuple[int, str, str],
) -> PeakTable:
    n_most = labels.codec.max_atoms
    if not molecules:
        return PeakTable(
            np.zeros((0, 1), np.uint8),
            np.zeros((0, labels.n_draws, n_most), np.uint16),
            np.zeros((0, n_most), np.uint8),
            np.zeros((0, 1), np.uint8),
        )
    batch = collate([molecule.graph for molecule in molecules])
    is_peak = torch.from_numpy(np.concatenate([m.first & m.graph.observed for m in molecules]))
    with torch.no_grad():
        mixture = network(batch).rows(is_peak)
        drawn = mixture.draw(labels.n_draws, generator_for(*key)).clamp(_LOW_PPM, _HIGH_PPM)
    of_group = places_of(drawn.double().numpy())
    row = batch.molecule[is_peak].numpy()
    number = np.arange(len(row)) - np.searchsorted(row, row)
    shifts = np.full((len(molecules), labels.n_draws, n_most), NO_PLACE, np.uint16)
    shifts[row, :, number] = of_group.T
    hydrogens = np.zeros((len(molecules), n_most), np.uint8)
    cells = np.stack([m.cells for m in molecules])
    n_hydrogens = np.array([0, *(kind.n_hydrogens or 0 for kind in labels.codec.kinds)])
    place = np.concatenate([np.flatnonzero(m.first & m.graph.observed) for m in molecules])
    hydrogens[row, number] = n_hydrogens[cells[row, place]]
    kinds = np.stack([labels.features.count_kinds(m.graph) for m in molecules])
    return PeakTable(tokens_of(labels.grammar, cells), shifts, hydrogens, kinds)


def tokens_of(grammar: Grammar, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tables of cells as a :class:`PeakTable` keeps their tokens."""
    tokens = grammar.to_tokens(torch.from_numpy(cells).long())[0].numpy()
    return np.where(tokens < 0, NO_TOKEN, tokens).astype(np.uint8)


def measured_table(
    records: Sequence[Any], codec: TableCodec, grammar: Grammar, features: AtomFeatures
) -> PeakTable:
    """The measured peaks of records that the codec holds; each molecule's as they are assigned."""
    n_most = codec.max_atoms
    tables = []
    for record in records:
        structure = record.structure
        if codec.refusal(structure) is not None:
            continue
        groups: dict[tuple[float, int], None] = {}
        for peak in record.peaks.peaks:
            for atom in peak.atoms:
                groups[peak.shift_ppm, structure.n_hydrogens[int(atom)]] = None
        if not 0 < len(groups) <= n_most:
            continue
        shifts = np.full((1, 1, n_most), NO_PLACE, np.uint16)
        shifts[0, 0, : len(groups)] = places_of([shift for shift, _ in groups])
        hydrogens = np.zeros((1, n_most), np.uint8)
        hydrogens[0, : len(groups)] = [n for _, n in groups]
        cells = codec.encode(structure)[None]
        kinds = features.count_kinds(features.graph(structure))[None]
        tables.append(PeakTable(tokens_of(grammar, cells), shifts, hydrogens, kinds))
    return joined(tables)


def table_files(folder: Path) -> list[Path]:
    """The tables that the stage left in a folder."""
    return [folder / name for name in json.loads((folder / TABLES).read_text())["files"]]
