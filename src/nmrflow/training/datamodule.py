"""Source, split and encodings, as Lightning wants them."""

from pathlib import Path
from typing import Any

import lightning
from torch.utils.data import DataLoader

from nmrflow.chem.codecs.codec import MoleculeCodec
from nmrflow.data.dataset import EVALUATION_BATCH_SIZE as AT_A_TIME
from nmrflow.data.dataset import Batch, EpochShuffle, SpectrumDataset, say_off_scale
from nmrflow.data.records import Source
from nmrflow.data.splits import Split, records_hash, structure_hash
from nmrflow.errors import DataError
from nmrflow.metrics.spectrum import best_constant_bins
from nmrflow.numerics import world_size
from nmrflow.spectra.axis import ShiftAxis


class SpectrumDataModule(lightning.LightningDataModule):
    """Reads the source once, at construction, so that bad data is refused before training.

    ``batch_size`` is of each process, the seed of the order of training batches.

    Raises:
        DataError: From the source or the codec, or if a side is empty.
    """

    def __init__(
        self,
        *,
        source: Source,
        split: Split,
        codec: MoleculeCodec,
        axis: ShiftAxis,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.source = source
        self.split = split
        self.axis = axis
        self.batch_size = batch_size
        self.seed = seed
        self.source_data = source.read()
        sides = split.divide(self.source_data.records)
        if not sides.train or not sides.validation:
            raise DataError(
                f"{len(self.source_data.records)} usable records fall {len(sides.train)} on the "
                f"training and {len(sides.validation)} on the validation side; both need one: "
                "use more data or another split.seed"
            )
        self.train_set = SpectrumDataset(sides.train, codec, axis)
        self.validation_set = SpectrumDataset(sides.validation, codec, axis)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled anew each epoch, the last batch as large as what is left."""
        batches = EpochShuffle(len(self.train_set), self.batch_size * world_size(), self.seed)
        return DataLoader(self.train_set, batch_sampler=batches, collate_fn=as_is)

    def val_dataloader(self) -> DataLoader[Batch]:
        """In source order."""
        return DataLoader(self.validation_set, batch_size=AT_A_TIME, collate_fn=as_is)

    def excluded_connectivities(self) -> frozenset[str]:
        """Molecules that may teach nothing: those of all records that are not trained on."""
        everything = {r.structure.connectivity for r in self.source_data.records}
        return frozenset(everything - {r.structure.connectivity for r in self.train_set.records})

    def describe(self) -> list[str]:
        """Sentences for the screen: what was read, what was left out, the sides."""
        where = self.source.path or "no file"
        return [
            f"data {self.source.name} ({where})",
            *self.source_data.describe(),
            *say_off_scale(self.source_data.records, self.axis),
            f"split {self.split.name}, seed {self.split.seed}: "
            f"{len(self.train_set):,} to train on, {len(self.validation_set):,} to validate on",
        ]

    def provenance(self) -> dict[str, Any]:
        """Plain values for checkpoints and reports: data, split, counts and digests."""
        return {
            "data": self.source.name,
            "data_path": self.source.path and str(Path(self.source.path).expanduser().absolute()),
            "data_sha256": records_hash(self.source_data.records, self.axis),
            "n_excluded": self.source_data.n_excluded_total,
            "excluded": dict(self.source_data.n_excluded),
            "split": self.split.name,
            "split_seed": self.split.seed,
            "split_sha256": records_hash(self.validation_set.records, self.axis),
            "n_train": len(self.train_set),
            "n_validation": len(self.validation_set),
        }

    def summarise(self) -> dict[str, Any]:
        """What of the training side travels in a checkpoint, as plain values and never as rows.

        Evaluation needs it for the constant predictors and for spotting molecules seen in
        training. The training module adds what :class:`nmrflow.training.module.LogitSums` gives,
        over the last epoch's training steps: with it the backward direction writes a measured
        code, whose bits are 0 and 1, in logits.

        Returns:
            ``n``; ``bin_frequency``, the share of spectra with each bit set, ``n_bins`` numbers;
            ``constant_bins``, for each metric its best fixed set of bins; ``structure_hashes``,
            sorted, each molecule once.
        """
        codes = self.train_set.code.numpy().astype(bool)
        connectivities = {record.structure.connectivity for record in self.train_set.records}
        return {
            "n": len(self.train_set),
            "bin_frequency": codes.mean(axis=0).tolist(),
            "constant_bins": best_constant_bins(codes),
            "structure_hashes": sorted(structure_hash(c) for c in connectivities),
        }


def as_is(batch: Any) -> Any:  # noqa: ANN401 - PyTorch types it as a list of items
    """For loaders of datasets that give whole batches."""
    return batch
