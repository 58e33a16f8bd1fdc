"""The transformer is rounded in training steps only, and only where that is faster."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from nmrflow.flow import BondTransformer
from nmrflow.flow.tokens import END, UNKNOWN, states_before


def test_training_steps_are_rounded_where_that_is_faster(
    randomised: Callable[[nn.Module], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = randomised(BondTransformer(16, width=16, n_layers=2, n_heads=2, bfloat16=True))
    code = (torch.arange(48) % 5 == 0).view(3, 16)
    tokens = torch.tensor([[0, END, 3, END, END], [1, END, END, -1, -1], [END, -1, -1, -1, -1]])
    states = states_before(tokens, torch.full((3, 2), UNKNOWN))

    def logits(*, is_fast: bool) -> torch.Tensor:
        monkeypatch.setattr(
            "nmrflow.flow.conditionals.transformer.has_fast_bfloat16", lambda _: is_fast
        )
        found: torch.Tensor = network(code, states)
        return found.detach()

    exact = logits(is_fast=False)
    rounded = logits(is_fast=True)
    assert exact.dtype == rounded.dtype == torch.float32
    assert 1e-4 < (rounded - exact).abs().max() / exact.abs().max() < 0.1
    with torch.no_grad():
        assert torch.equal(logits(is_fast=True), exact)
    network.eval()
    assert torch.equal(logits(is_fast=True), exact)
