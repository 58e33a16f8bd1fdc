"""What of the training side travels in a checkpoint, as plain values and never as rows.

Evaluation needs it for the constant predictors and for spotting molecules seen in training.
The training module adds what :class:`nmrflow.training.sums.LogitSums` gives, over the last
epoch's training steps: with it the backward direction writes a measured code, whose bits are 0
and 1, in logits.
"""

from typing import Any

from nmrflow.data.dataset import SpectrumDataset
from nmrflow.data.splits import structure_hash
from nmrflow.metrics.spectrum import best_constant_bins


def summarise(train_set: SpectrumDataset) -> dict[str, Any]:
    """What does not change during training.

    Returns:
        ``n``; ``bin_frequency``, the share of spectra with each bit set, ``n_bins`` numbers;
        ``constant_bins``, for each metric its best fixed set of bins; ``structure_hashes``,
        sorted, each molecule once.
    """
    codes = train_set.code.numpy().astype(bool)
    connectivities = {record.structure.connectivity for record in train_set.records}
    return {
        "n": len(train_set),
        "bin_frequency": codes.mean(axis=0).tolist(),
        "constant_bins": best_constant_bins(codes),
        "structure_hashes": sorted(structure_hash(c) for c in connectivities),
    }
