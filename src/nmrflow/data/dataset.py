"""Records as tensors."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from nmrflow.chem.codecs.codec import MoleculeCodec
from nmrflow.data.records import Record
from nmrflow.errors import ConfigError, DataError, StructureError
from nmrflow.numerics import generator_for, own_rows, world_size
from nmrflow.spectra.axis import ShiftAxis

EVALUATION_BATCH_SIZE = 256
"""Records at a time where no gradient is needed; bounds memory, changes no number."""


class Batch(NamedTuple):
    """What a dataset gives.

    Args:
        x: Molecules as the codec encodes them, ``(batch, *codec.shape)``.
        code: Measured spectrum codes, ``(batch, n_bins)``, 0/1, floating.
    """

    x: Tensor
    code: Tensor


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

    def __getitem__(self, index: int | list[int]) -> Batch:
        """One record, without batch axis, or a batch at once."""
        return Batch(self.x[index].float(), self.code[index].float())

    __getitems__ = __getitem__  # PyTorch's loader calls this instead of stacking single items

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
    """A sentence, if need be, on shifts that fill an end bin only because it is open-ended."""
    n = sum(axis.n_off_scale(record.peaks.shifts_ppm) for record in records)
    return [f"{n:,} shifts lie off the axis and fill its end bins"] if n else []


class EpochBatches(Sampler[list[int]], ABC):
    """Batches of rows that depend on nothing but the seed and the epoch's number.

    So a resumed run meets the batches that the uninterrupted one would have met. Processes that
    train together share out each batch row by row: together they meet what one process with
    batches of that size meets. Lightning calls :meth:`set_epoch`.

    Args:
        batch_size: Rows at a time, of all processes together.
        seed: Seed of the run.
    """

    def __init__(self, batch_size: int, seed: int) -> None:
        self.batch_size, self.seed, self.epoch = batch_size, seed, 0

    @property
    def sampler(self) -> Self:
        """Itself: of a batch sampler Lightning tells only its ``sampler`` the epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Number of the coming epoch, from 0."""
        self.epoch = epoch

    @abstractmethod
    def whole_batches(self) -> Iterator[list[int]]:
        """The epoch's batches, those of all processes together."""

    def __iter__(self) -> Iterator[list[int]]:
        for rows in self.whole_batches():
            if len(rows) < world_size():
                raise ConfigError(
                    f"a batch of {len(rows)} records for {world_size()} processes: give fewer "
                    "trainer.devices, or more data"
                )
            yield rows[own_rows()]


class EpochShuffle(EpochBatches):
    """All records once, in a new order every epoch; the last batch is as large as what is left.

    Where that is less than a record for each process, the batch before takes it in.

    Args:
        n: Number of records.
        batch_size: Records at a time, of all processes together.
        seed: Seed of the run.
    """

    def __init__(self, n: int, batch_size: int, seed: int) -> None:
        super().__init__(batch_size, seed)
        self.n = n

    def __len__(self) -> int:
        n_full, n_left = divmod(self.n, self.batch_size)
        return n_full + (n_left >= world_size() or 0 < self.n < self.batch_size)

    def whole_batches(self) -> Iterator[list[int]]:
        """Parts of the order."""
        generator = generator_for(self.seed, "shuffle", self.epoch)
        order = torch.randperm(self.n, generator=generator).tolist()
        for k in range(len(self)):
            is_last = k + 1 == len(self)
            yield order[k * self.batch_size : None if is_last else (k + 1) * self.batch_size]
