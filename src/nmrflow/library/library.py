"""A library in memory: what filters and the first pass read, column by column."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nmrflow.chem.carbons import KINDS
from nmrflow.console import progress
from nmrflow.errors import DataError
from nmrflow.library.dataset import Manifest, Shard, check_weights, read_manifest, read_shard
from nmrflow.library.labels import CENTS
from nmrflow.model.predictor import Predictor
from nmrflow.spectra.axis import ShiftAxis

PLACE_PPM = 0.1
"""Predicted shifts are in memory to this: a fifth of the least scale that occurs."""

_SEEN = ("formula", "mass", "kinds", "shifts", "scales", "n_atoms", "n_hydrogens", "code")


class Library:
    """A library that is whole, its shards compared with their checksums.

    About 150 bytes of memory a molecule. Its rows are those of the shards, in order.

    Args:
        folder: Where it lies.
        model: The network that labelled it.

    Raises:
        DataError: If it is none, is half made, was labelled by another network, or a shard is not
            as it was written.
    """

    def __init__(self, folder: str | Path, model: Predictor) -> None:
        self.folder = Path(folder)
        self.axis = model.axis
        self.manifest: Manifest = read_manifest(self.folder)
        if not self.manifest.is_whole:
            raise DataError(
                f"{folder}: is half made; the command that made it goes on where it was ended"
            )
        check_weights(self.folder, self.manifest, model)
        shards = [shard for shard in self.manifest.shards if shard.n]
        read = progress(shards, len(shards), "opening the library")
        parts = [self._read(shard) for shard in read]
        self._texts = pa.concat_tables([texts for texts, _ in parts])
        columns = {key: [part[key] for _, part in parts] for key in parts[0][1]}
        self.n = self._texts.num_rows
        """Molecules."""
        self.mass: NDArray[np.float64] = np.concatenate(columns["mass"])
        self.kinds: NDArray[np.uint8] = np.concatenate(columns["kinds"])
        """Carbons of each of :data:`nmrflow.chem.carbons.KINDS`, ``(n, 11)``."""
        self.cells: NDArray[np.int32] = np.concatenate(columns["cells"])
        """Of each group of equivalent atoms, molecule by molecule: as of :meth:`cells_of`."""
        sizes = np.concatenate(columns["sizes"])
        self.starts: NDArray[np.int64] = np.concatenate([[0], np.cumsum(sizes)])
        """Where each molecule's groups begin, and where all end, ``(n + 1,)``."""
        self.codes: NDArray[np.uint64] = np.concatenate(columns["codes"])
        """Spectrum codes, 64 bits to a word, ``(n, n_words)``."""
        self.letters: NDArray[np.uint8] = np.concatenate(columns["letters"])
        """Atoms with no, one, two and three hydrogens, ``(n, 4)``."""

    @staticmethod
    def n_places(axis: ShiftAxis) -> int:
        """How many shifts are told apart."""
        nucleus = axis.nucleus
        return round((nucleus.max_shift_ppm - nucleus.min_shift_ppm) / PLACE_PPM) + 1

    @staticmethod
    def places_ppm(axis: ShiftAxis) -> NDArray[np.float64]:
        """The shifts that are told apart, ``(n_places,)``."""
        return axis.nucleus.min_shift_ppm + PLACE_PPM * np.arange(
            Library.n_places(axis), dtype=float
        )

    def smiles(self, rows: Sequence[int] | NDArray[np.integer]) -> list[str]:
        """Connectivities of some rows."""
        return list(self._texts.column("smiles").take(pa.array(rows, pa.int64())).to_pylist())

    def names(self, rows: Sequence[int] | NDArray[np.integer]) -> list[str]:
        """What their sources call some rows."""
        return list(self._texts.column("name").take(pa.array(rows, pa.int64())).to_pylist())

    @cached_property
    def formulas(self) -> tuple[list[str], NDArray[np.int32]]:
        """The distinct formulas, and which of them each row has."""
        coded = self._texts.column("formula").unify_dictionaries().combine_chunks()
        if isinstance(coded, pa.ChunkedArray):
            coded = coded.chunk(0)
        return list(coded.dictionary.to_pylist()), coded.indices.to_numpy()

    def _read(self, shard: Shard) -> tuple[pa.Table, dict[str, NDArray[np.generic]]]:
        table = read_shard(self.folder, shard)
        at = table.schema.get_field_index("formula")
        coded = table.column("formula").dictionary_encode()
        texts = table.set_column(at, "formula", coded).select(["smiles", "name", "formula"])
        columns = {key: table.column(key).combine_chunks() for key in _SEEN}
        shifts, scales = _flat(columns["shifts"]), _flat(columns["scales"])
        sizes = np.diff(columns["shifts"].offsets.to_numpy())
        n_atoms, n_hydrogens = _flat(columns["n_atoms"]), _flat(columns["n_hydrogens"])
        if not len(shifts) == len(scales) == len(n_atoms) == len(n_hydrogens) or sizes.min() < 1:
            raise DataError(f"{self.folder / shard.file}: a row's lists differ in length")
        n_kinds, n_bytes = len(KINDS), self.axis.n_bins // 8
        codes = np.frombuffer(b"".join(columns["code"].to_pylist()), dtype=np.uint8)
        kinds = _flat(columns["kinds"])
        if len(kinds) != n_kinds * shard.n or len(codes) != n_bytes * shard.n:
            raise DataError(f"{self.folder / shard.file}: a row's kinds or code are none")
        first = np.cumsum(sizes) - sizes
        letters = np.stack(
            [np.add.reduceat(np.where(n_hydrogens == n, n_atoms, 0), first) for n in range(4)],
            axis=1,
        )
        found: dict[str, NDArray[np.generic]] = {
            "mass": columns["mass"].to_numpy(),
            "kinds": kinds.reshape(-1, n_kinds),
            "cells": cells_of(shifts / CENTS, scales, self.axis),
            "sizes": sizes,
            "letters": letters.clip(0, 255).astype(np.uint8),
            "codes": words(codes.reshape(shard.n, -1)),
        }
        return texts, found


def cells_of(
    shifts_ppm: NDArray[np.floating], scales: NDArray[np.integer], axis: ShiftAxis
) -> NDArray[np.int32]:
    """Place in a table of all scales and shifts: ``scale * n_places + place``."""
    n = Library.n_places(axis)
    places = np.rint((shifts_ppm - axis.nucleus.min_shift_ppm) / PLACE_PPM).astype(np.int32)
    return np.asarray(scales.astype(np.int32) * n + places.clip(0, n - 1), dtype=np.int32)


def words(packed: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Codes, eight bits to a byte, as words of 64 bits, ``(n, n_words)``."""
    n_missing = -packed.shape[1] % 8
    return np.ascontiguousarray(np.pad(packed, ((0, 0), (0, n_missing)))).view(np.uint64)


def _flat(lists: pa.Array) -> NDArray[np.integer]:
    return np.asarray(lists.flatten().to_numpy())
