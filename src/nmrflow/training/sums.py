"""Means over an epoch, of whatever was seen by all processes that train together."""

import torch
from torch import Tensor

from nmrflow.losses.objective import ObjectiveValue
from nmrflow.numerics import summed


class EpochSums:
    """Means over an epoch's records of every number of an objective.

    In double precision and in one place: Lightning's own per-step logging of these numbers
    took a twentieth of the training time.
    """

    def __init__(self) -> None:
        self._totals: dict[str, float] = {}
        self._n = 0
        self._last: dict[str, float] = {}
        self._n_last = 0

    def add(self, value: ObjectiveValue, n: int) -> None:
        """Add a batch of ``n`` records."""
        named = {"loss": value.total}
        named |= {f"loss_{slot}": part for slot, part in value.slots.items()}
        named |= {f"term/{name}": term for name, term in value.terms.items()}
        numbers = torch.stack([term.detach() for term in named.values()]).tolist()
        self._last = {name: n * number for name, number in zip(named, numbers, strict=True)}
        for name, total in self._last.items():
            self._totals[name] = self._totals.get(name, 0.0) + total
        self._n, self._n_last = self._n + n, n

    def over_processes(self) -> "EpochSums":
        """The same of all processes that train together, each of which must call this."""
        everyone = EpochSums()
        own = [*self._totals.values(), *self._last.values(), self._n, self._n_last]
        totals = iter(summed(own))
        everyone._totals = {name: next(totals) for name in self._totals}
        everyone._last = {name: next(totals) for name in self._last}
        everyone._n, everyone._n_last = int(next(totals)), int(next(totals))
        return everyone

    def means(self) -> dict[str, float]:
        """Mean over all records added."""
        return {name: total / self._n for name, total in self._totals.items()}

    def last_means(self) -> dict[str, float]:
        """Mean over the records of the last batch."""
        return {name: total / self._n_last for name, total in self._last.items()}


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

    def over_processes(self) -> "LogitSums":
        """The same of all processes that train together, each of which must call this."""
        everyone = LogitSums()
        totals = summed([*self._totals.values(), *self._counts.values()])
        everyone._totals = dict(zip(self._totals, totals[:2], strict=True))
        everyone._counts = {k: int(n) for k, n in zip(self._counts, totals[2:], strict=True)}
        return everyone

    def means(self) -> dict[str, float]:
        """``mean_logit_true`` and ``mean_logit_false``; 0 for a kind that did not occur."""
        return {
            f"mean_logit_{name}": self._totals[kind] / max(self._counts[kind], 1)
            for name, kind in (("true", True), ("false", False))
        }
