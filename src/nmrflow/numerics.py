"""Precision and randomness: two things that an invertible network must not leave open."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


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
