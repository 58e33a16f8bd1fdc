"""How much the residual slot tells of the spectrum: probes, and their AUROC."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.metrics import roc_auc_score
from torch import nn

from nmrflow.numerics import generator_for, isolated_rng

MIN_POSITIVES = 5
"""Set bits that a bin must have on the validation side for its AUROC to count."""

_PENALTIES = np.logspace(1, 6, 11)
_HIDDEN = 256
_STEPS = 200
_PATIENCE = 20


def mean_auroc(scores: NDArray[np.floating], true: NDArray[np.bool_]) -> float | None:
    """Mean over bins of the area under the receiver operating characteristic.

    Scores, ``(n, n_bins)``, are the higher, the more likely the bit is set. Over bins with at
    least five set and one unset bit; None if there is none. 0.5 is what scores give that have
    nothing to do with the bits.
    """
    n_set = true.sum(axis=0)
    bins = np.flatnonzero((n_set >= MIN_POSITIVES) & (n_set < len(true)))
    if not len(bins):
        return None
    return float(np.mean([roc_auc_score(true[:, b], scores[:, b]) for b in bins]))


class Probe:
    """What is fitted on the training side and asked on the validation side.

    Of residuals ``(n, n_residual)`` each dimension is brought to the training side's mean 0 and
    std 1 first; codes are ``(n, n_bins)``.
    """

    def __init__(self, z: NDArray[np.floating], code: NDArray[np.bool_]) -> None:
        self.mean, std = z.mean(axis=0), z.std(axis=0)
        # Of a dimension that does not vary here nothing can be learned, whatever it does there.
        self.std = np.where(std > 1e-6 * np.abs(self.mean), std, np.inf)
        self._fit(self._standardised(z), code)

    def auroc(self, z: NDArray[np.floating], code: NDArray[np.bool_]) -> float | None:
        """Mean AUROC (:func:`mean_auroc`) on another set of records."""
        return mean_auroc(self._predict(self._standardised(z)), code)

    def _standardised(self, z: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray((z - self.mean) / self.std)

    def _fit(self, z: NDArray[np.floating], code: NDArray[np.bool_]) -> None:
        raise NotImplementedError

    def _predict(self, z: NDArray[np.floating]) -> NDArray[np.floating]:
        raise NotImplementedError


class LinearProbe(Probe):
    """Ridge regression; the penalty has the least leave-one-out error on the training side."""

    def _fit(self, z: NDArray[np.floating], code: NDArray[np.bool_]) -> None:
        self._ridge = RidgeCV(_PENALTIES).fit(z.astype(np.float64), code.astype(np.float64))

    def _predict(self, z: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray(self._ridge.predict(z)).reshape(len(z), -1)


class TwoLayerProbe(Probe):
    """A network with one hidden layer of 256 units, trained on cross-entropy.

    Of at most 200 steps over the whole training side the one is kept that predicts best the
    eighth of that side which is held out from the fit.
    """

    def _fit(self, z: NDArray[np.floating], code: NDArray[np.bool_]) -> None:
        n_bins = code.shape[1]
        with isolated_rng(0):
            network = nn.Sequential(
                nn.Linear(z.shape[1], _HIDDEN),
                nn.ReLU(),
                nn.Dropout(0.5),
                nn.Linear(_HIDDEN, n_bins),
            )
            order = torch.randperm(len(z), generator=generator_for(0, "probe"))
            inputs, targets = torch.from_numpy(z).float(), torch.from_numpy(code).float()
            held, fitted = order[: len(z) // 8], order[len(z) // 8 :]
            optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.1)
            loss = nn.BCEWithLogitsLoss()
            best, best_step = float("inf"), 0
            self._network = copy.deepcopy(network)
            for step in range(_STEPS):
                network.train()
                optimizer.zero_grad()
                loss(network(inputs[fitted]), targets[fitted]).backward()
                optimizer.step()
                network.eval()
                with torch.no_grad():
                    error = float(loss(network(inputs[held]), targets[held]))
                if error < best:
                    best, best_step, self._network = error, step, copy.deepcopy(network)
                elif step - best_step > _PATIENCE:
                    break

    @torch.no_grad()
    def _predict(self, z: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray(self._network(torch.from_numpy(z).float()).numpy())
