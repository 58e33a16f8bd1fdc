"""Precision and randomness: two things that an invertible network must not leave open.

Processes that train together draw what one process with their batches together would draw.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, distributed


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Switch autocast and TF32 off: either makes f⁻¹(f(x)) miss x in the third digit.

    On unit-variance input one bfloat16 convolution alone errs by 8e-3; TF32 keeps 10 bits
    of mantissa and is on by default for cuDNN's convolutions and recurrent networks.
    """
    with torch.autocast(device_type=device.type, enabled=False):
        if device.type != "cuda":
            yield
            return
        cudnn: Any = torch.backends.cudnn  # .conv and .rnn since torch 2.9, their types not yet
        backends = (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn)
        before = [backend.fp32_precision for backend in backends]
        try:
            for backend in backends:
                backend.fp32_precision = "ieee"
            yield
        finally:
            for backend, precision in zip(backends, before, strict=True):
                backend.fp32_precision = precision


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether matrices are multiplied faster in bfloat16 than in float32.

    A processor without AVX-512, or ARM's instructions for it, does so tens of times slower.
    """
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@contextmanager
def isolated_rng(seed: int) -> Iterator[None]:
    """Seed torch and numpy inside the block and leave both as they were outside it.

    FrEIA's permutation nodes reseed numpy's global generator; whoever builds a network
    must not change the random numbers of whoever called.
    """
    numpy_state = np.random.get_state()  # noqa: NPY002 - the legacy state is what FrEIA touches
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002


def generator_for(seed: int, *key: str | int) -> torch.Generator:
    """A CPU generator that depends on nothing but ``seed`` and ``key``.

    Draws that are named (by stage, epoch, batch) need no generator state in checkpoints:
    a resumed run draws what the uninterrupted one would have drawn.

    Args:
        seed: Seed of the run.
        key: What the draws are for, and which of them.
    """
    digest = hashlib.sha256(repr((seed, *key)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8]) >> 1)


def rank() -> int:
    """Which of the processes that train together this one is, from 0."""
    return distributed.get_rank() if _is_together() else 0


def world_size() -> int:
    """How many processes train together; 1 where nobody has joined any."""
    return distributed.get_world_size() if _is_together() else 1


def own_rows() -> slice:
    """Which rows of a batch of all processes together are this one's."""
    return slice(rank(), None, world_size())


def summed(numbers: Sequence[float]) -> list[float]:
    """Each number summed over all processes that train together; each of them must call this."""
    if not _is_together():
        return list(numbers)
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    together = torch.tensor(numbers, dtype=torch.float64, device=device)
    distributed.all_reduce(together)
    return together.tolist()


def _is_together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


class Draws(NamedTuple):
    """Random numbers for the rows of a batch.

    Args:
        generator: On the CPU; draws for all rows, whoever wants them.
        n: Rows of the batch.
        rows: Those that are wanted: all, or one process's own.
    """

    generator: torch.Generator
    n: int
    rows: slice = slice(None)

    def uniform(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Numbers between 0 and 1, ``(n_wanted, *shape)``."""
        return torch.rand((self.n, *shape), generator=self.generator, dtype=dtype)[self.rows]

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Normal numbers, ``(n_wanted, *shape)``."""
        return torch.randn((self.n, *shape), generator=self.generator, dtype=dtype)[self.rows]
