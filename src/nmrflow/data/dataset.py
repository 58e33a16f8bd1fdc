"""Records as tensors."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from nmrflow.chem.codecs.codec import MoleculeCodec
from nmrflow.data.records import MoleculeSpectrum
from nmrflow.errors import DataError, StructureError
from nmrflow.numerics import generator_for
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.types import Batch

EVALUATION_BATCH_SIZE = 256
"""Records at a time where no gradient is needed; bounds memory, changes no number."""


class SpectrumDataset(Dataset[Batch]):
    """Records, encoded once and kept as bytes; whole batches are cut out at a time.

    Args:
        records: At least one.
        codec: Encodes the structures.
        axis: Encodes the peaks.

    Raises:
        DataError: If a structure lies outside the codec's domain; says which and why.
    """

    def __init__(
        self, records: Sequence[MoleculeSpectrum], codec: MoleculeCodec, axis: ShiftAxis
    ) -> None:
        self.records = tuple(records)
        x = np.empty((len(self.records), *codec.shape), dtype=np.uint8)
        code = np.empty((len(self.records), axis.n_bins), dtype=np.uint8)
        for row, record in enumerate(self.records):
            try:
                x[row] = codec.encode(record.structure)
            except StructureError as error:
                raise DataError(f"{record.provenance}: {error}") from error
            code[row] = axis.code_from_fine(record.fine_bins)
        self.x = torch.from_numpy(x)
        self.code = torch.from_numpy(code)

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
