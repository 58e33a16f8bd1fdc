"""A corpus of generated molecules on disk: written in shards, read as far as it is needed."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from nmrflow.data.dataset import Batch, EpochBatches
from nmrflow.errors import ConfigError, DataError
from nmrflow.files.writing import write_text, written_whole
from nmrflow.numerics import generator_for

INDEX = "corpus.json"
"""What makes of a folder of shards a corpus."""

_SORTED_TOGETHER = 16
"""Batches whose rows are sorted by length before they are cut: those of a batch are alike."""


class Shard(NamedTuple):
    """A part of a corpus.

    Args:
        cells: Of canonical forms, uint8 ``(n, n_cells)``.
        codes: Codes drawn for each molecule, packed bits, uint8 ``(n, n_draws, n_bins / 8)``.
        lengths: Number of atoms and bonds together, uint8 ``(n,)``: how long a molecule takes.
        kinds: Counts of atoms and bonds by kind, uint8 ``(n, n_kinds)``, as
            :meth:`nmrflow.chem.graph.AtomFeatures.count_kinds` gives them.
    """

    cells: NDArray[np.uint8]
    codes: NDArray[np.uint8]
    lengths: NDArray[np.uint8]
    kinds: NDArray[np.uint8]


class CorpusWriter:
    """Writes a corpus shard by shard into a folder.

    The folder is a corpus only once :meth:`close` has written its index; a writing that was
    interrupted leaves none, and is begun anew.

    Args:
        folder: Made if missing; what an earlier writing left is removed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for old in [folder / INDEX, *folder.glob("shard_*.npy")]:
            old.unlink(missing_ok=True)
        self._sizes: list[int] = []
        self._sums: dict[str, str] = {}

    def add(self, shard: Shard) -> None:
        """Write one shard."""
        for name, array in shard._asdict().items():
            file = _file(self.folder, len(self._sizes), name)
            with written_whole(file) as unfinished, unfinished.open("w+b") as stream:
                np.save(stream, array)
                self._sums[file.name] = _checksum(stream)
        self._sizes.append(len(shard.cells))

    def close(self, n_bins: int) -> None:
        """Write the index."""
        text = json.dumps({"sizes": self._sizes, "n_bins": n_bins, "sha256": self._sums})
        write_text(self.folder / INDEX, text)


class Corpus(Dataset[Batch]):
    """A corpus in a folder, mapped into memory: only rows that are asked for are read.

    An index is ``row * n_draws + draw``. A file is compared with its checksum when rows of it are
    first asked for.

    Args:
        folder: As :class:`CorpusWriter` left it.

    Raises:
        DataError: If there is no finished corpus, or a shard is not as its index says. Also
            raised by whatever reads rows.
    """

    def __init__(self, folder: Path) -> None:
        try:
            about = json.loads((folder / INDEX).read_text())
            self.n_bins = int(about["n_bins"])
            sizes = [int(size) for size in about["sizes"]]
            self._sums = {name: str(digest) for name, digest in about["sha256"].items()}
            self._shards = [
                Shard(*(np.load(_file(folder, k, f), mmap_mode="r") for f in Shard._fields))
                for k in range(len(sizes))
            ]
            found = [{len(array) for array in shard} for shard in self._shards]
            types = {array.dtype.name for shard in self._shards for array in shard}
            forms = {tuple(array.shape[1:] for array in shard) for shard in self._shards}
        except Exception as error:  # whatever the readers stumbled over
            raise DataError(
                f"{folder}: no finished corpus ({type(error).__name__}: {error}); remove the "
                "folder and run again"
            ) from error
        # Rows of uint8, of codes several draws of n_bins packed bits.
        widths = [len(shape) for form in forms for shape in form]
        if (
            not sizes
            or found != [{size} for size in sizes]
            or types != {"uint8"}
            or widths != [1, 2, 0, 1]
            or self._shards[0].codes.shape[2] != -(-self.n_bins // 8)
        ):
            raise DataError(f"{folder}: shards are not as the index says; remove it and run again")
        self.folder = folder
        self._checked: set[str] = set()
        self._starts = np.cumsum([0, *sizes])
        self.n_draws = int(self._shards[0].codes.shape[1])

    @property
    def n_molecules(self) -> int:
        """Number of molecules."""
        return int(self._starts[-1])

    def __len__(self) -> int:
        return int(self.n_molecules * self.n_draws)

    def cells(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Cells of molecules, ``(len(rows), n_cells)``."""
        return self._gather(rows, "cells")

    def lengths(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """How long each molecule's sequence is, up to a constant."""
        return self._gather(rows, "lengths")

    def kinds(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Counts of atoms and bonds by kind, ``(len(rows), n_kinds)``."""
        return self._gather(rows, "kinds")

    def __getitem__(self, index: int) -> Batch:
        """One molecule with one of its codes, without batch axis."""
        batch = self.__getitems__([index])
        return Batch(batch.x[0], batch.code[0])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """A batch at once."""
        rows, draws = np.divmod(np.asarray(indices), self.n_draws)
        packed = self._gather(rows, "codes")[np.arange(len(rows)), draws]
        code = np.unpackbits(packed, axis=1)[:, : self.n_bins]
        return Batch(torch.from_numpy(self.cells(rows)).float(), torch.from_numpy(code).float())

    def _gather(self, rows: NDArray[np.integer], field: str) -> NDArray[np.uint8]:
        shard = np.searchsorted(self._starts, rows, side="right") - 1
        first: NDArray[np.uint8] = getattr(self._shards[0], field)
        out = np.empty((len(rows), *first.shape[1:]), dtype=np.uint8)
        for k in np.unique(shard):
            self._check(_file(self.folder, int(k), field))
            at = np.flatnonzero(shard == k)
            out[at] = getattr(self._shards[k], field)[rows[at] - self._starts[k]]
        return out

    def _check(self, file: Path) -> None:
        """Compare a file with its checksum, once."""
        if file.name in self._checked:
            return
        with file.open("rb") as stream:
            found = _checksum(stream)
        if found != self._sums.get(file.name):
            raise DataError(
                f"{file}: is not as it was written (SHA-256 {found}); remove the folder "
                f"{self.folder} and run again"
            )
        self._checked.add(file.name)


def find_corpus(stages: Path) -> Path:
    """The folder of the one corpus among those that a run's stages left, whatever its name.

    Raises:
        DataError: If there is none, or it is not finished, or there are several.
    """
    found = sorted(index.parent for index in stages.glob(f"*/{INDEX}"))
    if len(found) != 1:
        raise DataError(f"{stages}: {len(found)} finished corpora in its folders, one is needed")
    Corpus(found[0])
    return found[0]


class Mixed(Dataset[Batch]):
    """A corpus, followed by measured records: their indices are behind the corpus's."""

    def __init__(self, corpus: Corpus, measured: Dataset[Batch]) -> None:
        self.corpus, self.measured = corpus, measured

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """A batch at once."""
        n, parts = len(self.corpus), []
        if generated := [k for k in indices if k < n]:
            parts.append(self.corpus.__getitems__(generated))
        if real := [k - n for k in indices if k >= n]:
            parts.append(self.measured.__getitems__(real))  # type: ignore[attr-defined]
        return Batch(*(torch.cat(slot) for slot in zip(*parts, strict=True)))


class EpochDraw(EpochBatches):
    """Batches of rows drawn anew each epoch, alike in length, some of them measured.

    Args:
        mixed: Its corpus is drawn from with replacement, each time another of a molecule's
            codes; so are its measured records.
        n: Molecules of an epoch.
        batch_size: Molecules at a time, of all processes together.
        share_measured: Of each batch.
        seed: Of the draws.
        weights: How often each molecule of the corpus is drawn, relative to the others,
            ``(n_molecules,)``; None: all alike.

    Raises:
        ConfigError: If the share of measured records comes to none.
    """

    def __init__(
        self,
        mixed: Mixed,
        *,
        n: int,
        batch_size: int,
        share_measured: float,
        seed: int,
        weights: NDArray[np.floating] | None = None,
    ) -> None:
        super().__init__(batch_size, seed)
        self.mixed = mixed
        self.corpus = corpus = mixed.corpus
        self.n_measured = n_measured = len(mixed.measured)  # type: ignore[arg-type]
        below = np.cumsum(np.ones(corpus.n_molecules) if weights is None else weights)
        self._below = below / below[-1]
        self.n_batches = max(1, n // batch_size)
        self.n_real = round(batch_size * share_measured) if n_measured else 0
        if n_measured and share_measured and not self.n_real:
            raise ConfigError(
                f"share_measured={share_measured} of batch_size={batch_size} is less than half a "
                "record: give 0, or larger batches"
            )
        self.n_generated = batch_size - self.n_real

    def __len__(self) -> int:
        return self.n_batches

    def whole_batches(self) -> Iterator[list[int]]:
        """Drawn a few together, so that those alike in length come into one batch."""
        generator = generator_for(self.seed, "corpus", self.epoch)
        for start in range(0, self.n_batches, _SORTED_TOGETHER):
            n = min(_SORTED_TOGETHER, self.n_batches - start)
            place = torch.rand(n * self.n_generated, dtype=torch.float64, generator=generator)
            row = np.searchsorted(self._below, place.numpy(), side="right")
            draw = torch.randint(self.corpus.n_draws, place.shape, generator=generator).numpy()
            index = row * self.corpus.n_draws + draw
            index = index[np.argsort(self.corpus.lengths(row), kind="stable")]
            real = torch.randint(max(self.n_measured, 1), (n, self.n_real), generator=generator)
            for k in torch.randperm(n, generator=generator).tolist():
                rows = index[k * self.n_generated : (k + 1) * self.n_generated]
                yield [*rows.tolist(), *(real[k] + len(self.corpus)).tolist()]


def _file(folder: Path, shard: int, field: str) -> Path:
    return folder / f"shard_{shard:04d}_{field}.npy"


def _checksum(stream: BufferedIOBase) -> str:
    stream.seek(0)
    return hashlib.file_digest(stream, "sha256").hexdigest()
