"""Peaks as a network reads them: exact shifts and hydrogens, or the bins of a code."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nmrflow.flow.conditionals.transformer import Layer, attention_bias
from nmrflow.flow.state import UNKNOWN

N_PEAKS = 48
"""Peaks of which more can be told than their bins: where they lie, as a whole number, and the
hydrogens of their atoms."""

MOST_HYDROGENS = 4
_N_WAVES = 24
_LONGEST, _SHORTEST = 51_200.0, 50.0
"""Wavelengths over the places of peaks, which are hundredths of a ppm."""


class PeakReader(nn.Module):
    """Peaks as vectors: their exact shifts and hydrogens where told, else the bins of the code.

    Args:
        n_bins: Width of the code.
        width: Of the vectors.
        n_heads: Attention heads.
        n_layers: In which peaks meet each other.
    """

    frequency: Tensor

    def __init__(self, n_bins: int, width: int, n_heads: int, n_layers: int) -> None:
        super().__init__()
        self.bin = nn.Embedding(n_bins, width)
        steps = torch.linspace(math.log(_LONGEST), math.log(_SHORTEST), _N_WAVES)
        self.register_buffer("frequency", 2 * math.pi / steps.exp(), persistent=False)
        self.wave = nn.Linear(2 * _N_WAVES, width)
        self.hydrogens = nn.Embedding(MOST_HYDROGENS + 2, width)
        self.number = nn.Embedding(N_PEAKS + 1, width)
        layers = [Layer(width, n_heads, hidden=4 * width) for _ in range(n_layers)]
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(width)

    def forward(self, code: Tensor, peaks: Tensor | None) -> tuple[Tensor, Tensor]:
        """Vectors ``(n, 1 + p, width)``, the first of the spectrum as a whole; which are real."""
        n = len(code)
        if peaks is None:
            peaks = torch.full((n, 2 * N_PEAKS), UNKNOWN, device=code.device)
        place, hydrogens = peaks.reshape(n, N_PEAKS, 2).unbind(2)
        exact = place >= 0
        real = torch.cat([exact, code & ~exact.any(1, keepdim=True)], 1)
        first = torch.argsort(~real, dim=1, stable=True)[:, : int(real.sum(1).max())]
        real = real.gather(1, first)
        is_bin = first >= N_PEAKS
        peak = first.clamp(max=N_PEAKS - 1)
        angle = place.gather(1, peak)[..., None] * self.frequency.double()
        waves = torch.cat([angle.sin(), angle.cos()], -1).to(self.wave.weight.dtype)
        told = hydrogens.gather(1, peak).clamp(-1, MOST_HYDROGENS) + 1
        by_shift = self.wave(waves) + self.hydrogens(told)
        by_bin = self.bin((first - N_PEAKS).clamp(min=0))
        x = torch.where(is_bin[..., None], by_bin, by_shift)
        n_real = real.sum(1).clamp(max=N_PEAKS)
        x = torch.cat([self.number(n_real)[:, None], x], 1)
        seen = F.pad(real, (1, 0), value=True)[:, None]
        bias = attention_bias(seen, x.dtype)
        for layer in self.layers:
            x = layer(x, bias)
        return self.norm(x), seen
