"""The transformer is rounded in training steps only, and only where that is faster."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from nmrflow.chem.codecs.published import HYDROCARBONS
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.errors import ConfigError
from nmrflow.flow import StructureTransformer
from nmrflow.flow.state import UNKNOWN
from nmrflow.flow.tokens import Grammar

CARBONS = Grammar((4,), 17, TableCodec(HYDROCARBONS).pairs)


def test_training_steps_are_rounded_where_that_is_faster(
    randomised: Callable[[nn.Module], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = randomised(
        StructureTransformer(16, CARBONS, width=16, n_layers=2, n_heads=2, bfloat16=True)
    )
    code, end = (torch.arange(48) % 5 == 0).view(3, 16), CARBONS.end
    tokens = torch.tensor([[0, end, 3, end, end], [1, end, end, -1, -1], [end, -1, -1, -1, -1]])
    states = CARBONS.states_before(tokens, torch.full((3, 2), UNKNOWN))

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


def test_a_width_that_heads_do_not_share_is_refused() -> None:
    with pytest.raises(ConfigError, match="no multiple of n_heads=5"):
        StructureTransformer(16, CARBONS, width=16)
    with pytest.raises(ConfigError, match="no multiple of n_heads=-1"):
        StructureTransformer(16, CARBONS, width=16, n_heads=-1)
