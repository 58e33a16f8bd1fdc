"""Two optimisers as one: Muon for the matrices of hidden layers, AdamW for everything else."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from nmrflow.errors import CheckpointError, ConfigError

_MOMENTUM = 0.95
_NEWTON_SCHULZ = 3.4445, -4.7750, 2.0315
_N_ITERATIONS = 5


class Muon(Optimizer):
    """Momentum whose every step is brought near an orthogonal matrix, in the weights' own dtype.

    ``torch.optim.Muon`` computes the same in bfloat16, which processors without instructions
    for it multiply tens of times slower than float32.

    The weight decay is decoupled, the learning rate of a tall matrix is ``lr`` times the root of
    height / width.

    References:
        Jordan et al., *Muon: an optimizer for hidden layers in neural networks*, 2024: the
        momentum, the coefficients and the number of iterations.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """One step; matrices of one shape at a time."""
        for group in self.param_groups:
            alike = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    alike[p.shape].append(p)
            for (height, width), weights in alike.items():
                gradients = [p.grad for p in weights]
                for p in weights:
                    if not self.state[p]:
                        self.state[p]["momentum_buffer"] = torch.zeros_like(p)
                momenta = [self.state[p]["momentum_buffer"] for p in weights]
                torch._foreach_lerp_(momenta, gradients, 1 - _MOMENTUM)
                # Nesterov's steps.
                steps = torch._foreach_lerp(gradients, momenta, _MOMENTUM)
                directions = nearly_orthogonal(torch.stack(steps))
                rate = group["lr"] * math.sqrt(max(1.0, height / width))
                torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(weights, list(directions.unbind()), alpha=-rate)


def nearly_orthogonal(matrices: Tensor) -> Tensor:
    """Matrices with their singular vectors kept and their singular values brought near 1.

    Args:
        matrices: ``(n, height, width)``; their scale is of no account.

    Returns:
        The same shape. Singular values from 0.002 of the Frobenius norm up come to lie between
        0.68 and 1.21; smaller ones grow by a factor of at most 3.4445 ** 5.
    """
    if matrices.shape[1] > matrices.shape[2]:
        return nearly_orthogonal(matrices.mT).mT
    a, b, c = _NEWTON_SCHULZ
    norms = torch.linalg.matrix_norm(matrices, keepdim=True)
    x: Tensor = matrices / norms.clamp(min=1e-7)
    for _ in range(_N_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


def check_state(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Refuse a state that is not of an optimiser's own parameters; a hook before it is loaded.

    A fused step writes as many numbers as the parameter has, wherever the state ends.

    Args:
        optimizer: As it is configured now.
        state: As its ``state_dict`` gave it.

    Raises:
        CheckpointError: If groups, settings but for the rate, or shapes differ, or a
            number is not finite.
    """
    own = optimizer.state_dict()["param_groups"]
    try:
        for now, then in zip(own, state["param_groups"], strict=True):
            kept = (now.keys() & then.keys()) - {"lr", "initial_lr"}
            if differing := sorted(key for key in kept if now[key] != then[key]):
                raise ValueError(f"{', '.join(differing)} differ")
            if not 0 <= then["lr"] < math.inf:
                raise ValueError(f"its learning rate is {then['lr']}")
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for number, slots in state["state"].items():
            for name, value in slots.items():
                shape = torch.Size() if name == "step" else parameters[number].shape
                value = torch.as_tensor(value)
                if value.shape != shape or not (value.is_floating_point() or name == "step"):
                    raise ValueError(f"{name} of parameter {number} has another shape or type")
                if not value.isfinite().all():
                    raise ValueError(f"{name} of parameter {number} is not finite everywhere")
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise CheckpointError(
            f"the state of its optimizer is not of this network's parameters ({error}); resume "
            "from another checkpoint, or train anew"
        ) from error


class MuonAdamW(Optimizer):
    """Muon on square-ish matrices, AdamW on tables, biases and norms.

    A matrix goes to Muon when its shorter side is at least a quarter of its longer one, so
    hidden layers do, while tables of tokens or bins and layers that read long 0/1 vectors stay
    with AdamW. ``lr`` is of AdamW, the decoupled weight decay of both.

    Raises:
        ValueError: If there are no tensors.
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
        others = [p for p in everything if not _is_hidden_matrix(p)]
        self._parts: list[Optimizer] = []
        if matrices:
            self._parts.append(Muon(matrices, lr=muon_lr, weight_decay=weight_decay))
        if others:
            self._parts.append(
                AdamW(others, lr=lr, betas=(0.9, 0.98), weight_decay=weight_decay, fused=True)
            )
        for part in self._parts:
            part.register_load_state_dict_pre_hook(check_state)
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
        parts = state_dict.get("parts")
        if not isinstance(parts, list) or len(parts) != len(self._parts):
            raise CheckpointError("the state of its optimizer is another's; train anew")
        for part, state in zip(self._parts, parts, strict=True):
            part.load_state_dict(state)
        self._join()


def _is_hidden_matrix(weight: Tensor) -> bool:
    return weight.dim() == 2 and 4 * min(weight.shape) >= max(weight.shape)


@dataclass(frozen=True)
class Trapeze:
    """Factor on the learning rate: up in a line, constant, then down along half a cosine.

    It rises in the share ``warm_up`` of the steps, and falls after the share ``hold``.
    """

    warm_up: float = 0.02
    hold: float = 0.3

    def __call__(self, share_done: float) -> float:
        """The factor after this share of the steps."""
        if share_done < self.warm_up:
            return max(share_done, 1e-3) / self.warm_up
        falling = max(share_done - self.hold, 0.0) / (1 - self.hold)
        return max(0.5 + 0.5 * math.cos(math.pi * falling), 1e-3)


def optimizers_of(
    module: LightningModule,
    make: Callable[[Iterable[Tensor]], Optimizer],
    schedule: Callable[[float], float] | None,
) -> Any:  # noqa: ANN401 - what Lightning takes
    """The optimiser over all parameters of a module that are to be trained.

    Args:
        module: With a trainer.
        make: Makes it from the parameters.
        schedule: Factor on its rates, from the share of the steps done; 1 if None.

    Raises:
        ConfigError: If it cannot be made.
    """
    trained = (weight for weight in module.parameters() if weight.requires_grad)
    try:
        optimizer = make(trained)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the optimizer cannot be built: {error}") from error
    optimizer.register_load_state_dict_pre_hook(check_state)
    if schedule is None:
        return optimizer
    n_steps = int(module.trainer.estimated_stepping_batches)
    by_step = LambdaLR(optimizer, lambda step: schedule(min(step / n_steps, 1.0)))
    return [optimizer], [{"scheduler": by_step, "interval": "step"}]
