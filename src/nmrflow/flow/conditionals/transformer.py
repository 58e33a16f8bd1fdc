"""A causal transformer that says which bond comes next."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nmrflow.errors import ConfigError
from nmrflow.flow.conditionals.base import Conditional, PeakEmbedding, StateEmbedding
from nmrflow.flow.state import State
from nmrflow.flow.tokens import Grammar
from nmrflow.numerics import has_fast_bfloat16


class StructureTransformer(Conditional):
    """A causal transformer over the bonds so far, which also looks at the peaks.

    The peaks meet each other in one layer; in every further layer the bonds read them beside
    each other's.

    Args:
        n_bins: Width of the code.
        grammar: Of the tokens.
        width: Of the vectors, a multiple of ``n_heads``.
        n_layers: Layers over the bonds.
        n_heads: Attention heads.
        bfloat16: Training steps multiply matrices in bfloat16 where that is faster
            (:func:`nmrflow.numerics.has_fast_bfloat16`). Only where gradients are wanted of a
            network in training mode; sampling and likelihoods are never rounded so.

    Raises:
        ConfigError: If the width is no multiple of the number of heads.
    """

    def __init__(
        self,
        n_bins: int,
        grammar: Grammar,
        *,
        width: int = 160,
        n_layers: int = 4,
        n_heads: int = 5,
        bfloat16: bool = False,
    ) -> None:
        super().__init__(n_bins, grammar)
        if n_heads < 1 or width % n_heads:
            raise ConfigError(f"width={width} is no multiple of n_heads={n_heads}")
        self.rounds = bfloat16
        self.peaks = PeakEmbedding(n_bins, width)
        self.read = Layer(width, n_heads, hidden=2 * width)
        self.read_norm = nn.LayerNorm(width)
        self.state = StateEmbedding(grammar, width)
        layers = [Layer(width, n_heads, hidden=4 * width, reads=True) for _ in range(n_layers)]
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, grammar.n_tokens)
        self._initialise(n_layers)

    def _initialise(self, n_layers: int) -> None:
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                ends_branch = name.endswith(("narrow.weight", "out.weight"))
                std = 0.02 / math.sqrt(2 * n_layers) if ends_branch else 0.02
                nn.init.normal_(weight, std=std)

    def forward(self, code: Tensor, states: State, peaks: Tensor | None = None) -> Tensor:
        """Logits of all tokens at once; see :class:`Conditional`."""
        rounded = (
            self.rounds
            and self.training
            and torch.is_grad_enabled()
            and has_fast_bfloat16(code.device)
        )
        with torch.autocast(code.device.type, torch.bfloat16, enabled=rounded):
            peaks, seen = self._read(code)
            x = self.state(states)
            length = x.shape[1]
            past = torch.ones(length, length, dtype=torch.bool, device=code.device).tril()
            mask = torch.cat([seen.expand(-1, length, -1), past.expand(len(x), -1, -1)], 2)
            bias = attention_bias(mask, x.dtype)
            for layer in self.layers:
                x = layer(x, bias, peaks=peaks)
            logits: Tensor = self.leave(self.norm(x))
        return logits.to(x.dtype)

    def begin(self, code: Tensor, peaks: Tensor | None = None) -> "_Memory":
        """The peaks, and empty lists of what each layer will have seen."""
        peaks, seen = self._read(code)
        return _Memory([layer.keys(peaks) for layer in self._layers()], seen)

    def step(self, memory: Any, state: State) -> Tensor:  # noqa: ANN401
        """Logits of one token."""
        x = self.state(state)[:, None]
        memory.seen = F.pad(memory.seen, (0, 1), value=True)
        bias = attention_bias(memory.seen, x.dtype)
        for k, layer in enumerate(self._layers()):
            x, memory.keys[k] = layer.step(x, bias, memory.keys[k])
        logits: Tensor = self.leave(self.norm(x[:, 0]))
        return logits

    def select(self, memory: Any, rows: Tensor) -> "_Memory":  # noqa: ANN401
        """Keys and values of some of the molecules."""
        # Six times as fast as by brackets, on processors.
        keys = [(k.index_select(0, rows), v.index_select(0, rows)) for k, v in memory.keys]
        return _Memory(keys, memory.seen[rows])

    def _layers(self) -> "Iterator[Layer]":
        for layer in self.layers:
            assert isinstance(layer, Layer)
            yield layer

    def _read(self, code: Tensor) -> tuple[Tensor, Tensor]:
        vectors, real = self.peaks(code)
        seen = real[:, None]
        return self.read_norm(self.read(vectors, attention_bias(seen, vectors.dtype))), seen


class _Memory:
    """Keys and values of every layer, and which of them are real."""

    def __init__(self, keys: list[tuple[Tensor, Tensor]], seen: Tensor) -> None:
        self.keys = keys
        self.seen = seen


def attention_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Attention bias ``(n, 1, queries, keys)``: 0 where it may look."""
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(
        ~mask, float("-inf")
    )[:, None]


Add = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Keeps a position's key and value, and gives those of all positions."""


class Layer(nn.Module):
    """Attention and a network of each vector by itself, each added to what came in."""

    def __init__(self, width: int, n_heads: int, *, hidden: int, reads: bool = False) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.attention_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.peak_key_value = nn.Linear(width, 2 * width) if reads else None
        self.out = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor, bias: Tensor, peaks: Tensor | None = None) -> Tensor:
        """Vectors ``(n, t, width)``, each with what it finds at the others and at the peaks."""
        query, key, value = self._split(self.query_key_value(self.attention_norm(x)), 3)
        if peaks is not None:
            peak_key, peak_value = self.keys(peaks)
            key, value = torch.cat([peak_key, key], 2), torch.cat([peak_value, value], 2)
        return self._finish(x, _attend(query, key, value, bias))

    def keys(self, peaks: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values that the bonds find at the peaks."""
        assert self.peak_key_value is not None
        key, value = self._split(self.peak_key_value(peaks), 2)
        return key, value

    def step(
        self, x: Tensor, bias: Tensor, before: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One position behind others; and all keys and values, its own the last."""
        query, key, value = self._split(self.query_key_value(self.attention_norm(x)), 3)
        key, value = torch.cat([before[0], key], 2), torch.cat([before[1], value], 2)
        return self._finish(x, _attend(query, key, value, bias)), (key, value)

    def step_at(
        self, x: Tensor, bias: Tensor, peak_key: Tensor, peak_value: Tensor, add: Add
    ) -> Tensor:
        """One position; ``add`` keeps its key and value, and gives those of all positions.

        The peaks may be one molecule's, for all.
        """
        query, key, value = self._split(self.query_key_value(self.attention_norm(x)), 3)
        key, value = add(key, value)
        n_peaks = peak_key.shape[2]
        score = torch.cat([_matmul(query, peak_key.mT), query @ key.mT], -1)
        weight = (score * query.shape[-1] ** -0.5 + bias).softmax(-1).to(value.dtype)
        at_peaks = _matmul(weight[..., :n_peaks], peak_value)
        return self._finish(x, at_peaks + weight[..., n_peaks:] @ value)

    def _split(self, x: Tensor, n: int) -> tuple[Tensor, ...]:
        heads = x.reshape(*x.shape[:-1], n, self.n_heads, -1)
        return tuple(part.transpose(1, 2) for part in heads.unbind(2))

    def _finish(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        added: Tensor = self.narrow(F.relu(self.widen(self.norm(x))))
        return x + added


def _attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    # Written out: on processors the fused kernel's backward took half of a training step.
    weight = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5 + bias
    attended: Tensor = weight.softmax(-1).to(value.dtype) @ value
    return attended


def _matmul(rows: Tensor, shared: Tensor) -> Tensor:
    """``rows @ shared`` of one position; without copies where all share one matrix."""
    if len(shared) > 1 or len(rows) == 1:
        return rows @ shared
    return (rows.squeeze(2).transpose(0, 1) @ shared[0]).transpose(0, 1).unsqueeze(2)
