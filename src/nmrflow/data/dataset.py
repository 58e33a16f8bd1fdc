"""Records as tensors."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from nmrflow.chem.codecs.codec import MoleculeCodec
from nmrflow.data.records import Record
from nmrflow.errors import DataError, StructureError
from nmrflow.numerics import generator_for
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.types import Batch

EVALUATION_BATCH_SIZE = 256
"""Records at a time where no gradient is needed; bounds memory, changes no number."""


class SpectrumDataset(Dataset[Batch]):
    """Records, encoded once and kept as bytes; whole batches are cut out at a time.

    Here alone peaks become bins: :attr:`fine_codes`, and :attr:`code` of fewer bits.

    Args:
        records: At least one.
        codec: Encodes the structures.
        axis: Encodes the peaks.

    Raises:
        DataError: If a structure lies outside the codec's domain; says which and why.
    """

    def __init__(self, records: Sequence[Record], codec: MoleculeCodec, axis: ShiftAxis) -> None:
        self.records = tuple(records)
        x = np.empty((len(self.records), *codec.shape), dtype=np.uint8)
        for row, record in enumerate(self.records):
            try:
                x[row] = codec.encode(record.structure)
            except StructureError as error:
                raise DataError(f"{record.provenance}: {error}") from error
        self.x = torch.from_numpy(x)
        self.fine_codes = fine_codes(self.records, axis)
        """Occupied fine bins, bool ``(n, n_fine_bins)``."""
        self.code = torch.from_numpy(axis.coarsen(self.fine_codes).astype(np.uint8))

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Batch:
        """One record, without batch axis."""
        return Batch(self.x[index].float(), self.code[index].float())

    def __getitems__(self, indices: list[int]) -> Batch:
        """A batch at once: PyTorch's loader calls this instead of stacking single items."""
        return Batch(self.x[indices].float(), self.code[indices].float())

    def batches(self, batch_size: int = EVALUATION_BATCH_SIZE) -> Iterator[Batch]:
        """All records in order, for whoever needs no loader."""
        for start in range(0, len(self), batch_size):
            yield self.__getitems__(list(range(start, min(start + batch_size, len(self)))))


def fine_codes(records: Sequence[Record], axis: ShiftAxis) -> NDArray[np.bool_]:
    """Which fine bins of an axis the peaks of each record occupy, ``(n, n_fine_bins)``.

    Raises:
        SpectrumError: If a shift is none of the axis's nucleus.
    """
    occupied = np.zeros((len(records), axis.n_fine_bins), dtype=np.bool_)
    for row, record in enumerate(records):
        occupied[row, axis.to_fine_bins(record.peaks.shifts_ppm)] = True
    return occupied


def say_off_scale(records: Sequence[Record], axis: ShiftAxis) -> list[str]:
    """A sentence for the screen on shifts that fill an end bin only because it is open-ended.

    Returns:
        Nothing where there are none.
    """
    n = sum(axis.n_off_scale(record.peaks.shifts_ppm) for record in records)
    return [f"{n:,} shifts lie off the axis and fill its end bins"] if n else []


class EpochShuffle(Sampler[int]):
    """A new order every epoch that depends on nothing but the seed and the epoch's number.

    So a resumed run meets the batches that the uninterrupted one would have met. Lightning
    calls :meth:`set_epoch`.

    Args:
        n: Number of records.
        seed: Seed of the run.
    """

    def __init__(self, n: int, seed: int) -> None:
        self.n = n
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Number of the coming epoch, from 0."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        generator = generator_for(self.seed, "shuffle", self.epoch)
        yield from torch.randperm(self.n, generator=generator).tolist()
