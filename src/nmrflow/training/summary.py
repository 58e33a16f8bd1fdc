"""What of the training side travels in a checkpoint, as plain values and never as rows.

Evaluation needs it for the constant predictors and for spotting molecules seen in training.
The training module adds what :class:`LogitSums` gives, over the last epoch's training steps:
with it the backward direction writes a measured code, whose bits are 0 and 1, in logits.
"""

from typing import Any

from torch import Tensor

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


class LogitSums:
    """The mean logit that true and that false bits were given."""

    def __init__(self) -> None:
        self._totals = {True: 0.0, False: 0.0}
        self._counts = {True: 0, False: 0}

    def add(self, y: Tensor, code: Tensor) -> None:
        """Add a batch of logits and measured codes, each ``(batch, n_bins)``."""
        is_set = code > 0.5
        for kind, mask in ((True, is_set), (False, ~is_set)):
            self._totals[kind] += float(y[mask].sum())
            self._counts[kind] += int(mask.sum())

    def means(self) -> dict[str, float]:
        """``mean_logit_true`` and ``mean_logit_false``; 0 for a kind that did not occur."""
        return {
            f"mean_logit_{name}": self._totals[kind] / max(self._counts[kind], 1)
            for name, kind in (("true", True), ("false", False))
        }
