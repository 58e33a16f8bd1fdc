"""The training objective: named terms, their weights, and how they come in."""

from typing import NamedTuple

from torch import Tensor, nn

from nmrflow.errors import ConfigError
from nmrflow.losses.base import FlowOutputs, Loss


class Term(nn.Module):
    """One loss in the objective.

    Args:
        loss: The loss.
        weight: Its weight, used as given: weights are never normalised.
        slot: Which reported sum it belongs to: ``y``, ``x``, or any other name.
        ramp_epochs: Over so many epochs the weight rises linearly to its full value,
            min(1, epoch / ramp_epochs) with the first epoch counted as 1; no ramp if 0.

    Raises:
        ConfigError: If the slot has no name, or the ramp is negative.
    """

    def __init__(self, loss: Loss, weight: float, slot: str, ramp_epochs: int = 0) -> None:
        super().__init__()
        if not isinstance(slot, str) or not slot:
            raise ConfigError(f"a loss term belongs to a slot, such as x or y, not to {slot!r}")
        if ramp_epochs < 0:
            raise ConfigError(f"ramp_epochs is {ramp_epochs}; 0 (no ramp) or more")
        self.loss = loss
        self.weight = float(weight)
        self.slot = slot
        self.ramp_epochs = ramp_epochs

    def ramp(self, epoch: int) -> float:
        """Factor on the weight in this epoch, counted from 1."""
        return min(1.0, epoch / self.ramp_epochs) if self.ramp_epochs else 1.0


class ObjectiveValue(NamedTuple):
    """An objective's value on a batch.

    ``total`` is what is minimised, ramp included; ``slots`` are the weighted sums over the
    terms of each slot *without* the ramp, so that epochs can be compared; ``terms`` holds the
    bare losses by name.
    """

    total: Tensor
    slots: dict[str, Tensor]
    terms: dict[str, Tensor]


class Objective(nn.Module):
    """The weighted sum of named terms.

    Args:
        terms: Terms by name; a None entry (a term switched off in configuration) is left out.

    Raises:
        ConfigError: If no term is left.
    """

    def __init__(self, **terms: Term | None) -> None:
        super().__init__()
        kept = {name: term for name, term in terms.items() if term is not None}
        if not kept:
            raise ConfigError("an objective needs at least one loss term")
        self.terms = nn.ModuleDict({**kept})
        # The two of the latent are always reported, even without a term.
        self.slots = tuple(dict.fromkeys(["y", "x", *(term.slot for term in kept.values())]))

    def forward(self, outputs: FlowOutputs, epoch: int) -> ObjectiveValue:
        """Evaluate every term on a batch.

        Args:
            outputs: The batch after the flow.
            epoch: Counted from 1; only the ramps read it.
        """
        zero = outputs.x.new_zeros(())
        total, sums, values = zero, dict.fromkeys(self.slots, zero), {}
        for name, term in self.terms.items():
            assert isinstance(term, Term)
            value = term.loss(outputs)
            values[name] = value
            sums[term.slot] = sums[term.slot] + term.weight * value
            total = total + term.weight * term.ramp(epoch) * value
        return ObjectiveValue(total=total, slots=sums, terms=values)
