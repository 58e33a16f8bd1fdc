"""Two optimisers as one: Muon for the matrices of hidden layers, AdamW for everything else."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW, Muon, Optimizer


class MuonAdamW(Optimizer):
    """Muon on square-ish matrices, AdamW on tables, biases and norms.

    A matrix goes to Muon when its shorter side is at least a quarter of its longer one, so
    hidden layers do, while tables of tokens or bins and layers that read long 0/1 vectors stay
    with AdamW.

    Args:
        params: Tensors.
        lr: Of AdamW.
        muon_lr: Of Muon.
        weight_decay: Of both, decoupled.

    Raises:
        ValueError: If there are no tensors.

    References:
        Jordan et al., *Muon: an optimizer for hidden layers in neural networks*, 2024; the
        program is PyTorch's.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 2e-3,
        muon_lr: float = 0.02,
        weight_decay: float = 0.01,
    ) -> None:
        everything = list(params)
        if not everything:
            raise ValueError("nothing to train: there is no parameter")
        matrices = [p for p in everything if _is_hidden_matrix(p)]
        chosen = {id(p) for p in matrices}
        others = [p for p in everything if id(p) not in chosen]
        self._parts: list[Optimizer] = []
        if matrices:
            self._parts.append(Muon(matrices, lr=muon_lr, weight_decay=weight_decay))
        if others:
            self._parts.append(
                AdamW(others, lr=lr, betas=(0.9, 0.98), weight_decay=weight_decay, fused=True)
            )
        super().__init__([{"params": everything}], {"lr": lr})
        self._join()

    def _join(self) -> None:
        self.param_groups = [group for part in self._parts for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # noqa: ANN401
        """One step of both."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The states of both, as a list."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore both."""
        for part, state in zip(self._parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._join()


def _is_hidden_matrix(weight: Tensor) -> bool:
    return weight.dim() == 2 and 4 * min(weight.shape) >= max(weight.shape)


@dataclass(frozen=True)
class Trapeze:
    """Factor on the learning rate: up in a line, constant, then down along half a cosine.

    Args:
        warm_up: Share of the steps in which it rises.
        hold: Share of the steps after which it falls.
    """

    warm_up: float = 0.02
    hold: float = 0.3

    def __call__(self, share_done: float) -> float:
        """The factor after this share of the steps."""
        if share_done < self.warm_up:
            return max(share_done, 1e-3) / self.warm_up
        falling = max(share_done - self.hold, 0.0) / (1 - self.hold)
        return max(0.5 + 0.5 * math.cos(math.pi * falling), 1e-3)
