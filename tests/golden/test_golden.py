"""Checkpoints of every format stay readable and give the numbers that they gave.

``format_1.ckpt`` is ``best.ckpt`` of ``+experiment=baseline model=irevnet_small
+model.flow.coupling.subnet.width=2 trainer.max_epochs=2``; the JSON file beside it holds every
8th number of y and every 64th of z as they were when the format was current. A new format
gets files of its own; these stay.
"""

import json
from pathlib import Path

import pytest
import torch

import nmrflow

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", ["format_1"])
def test_golden_checkpoint(name: str) -> None:
    expected = json.loads((HERE / f"{name}.json").read_text())
    model = nmrflow.load_checkpoint(HERE / f"{name}.ckpt")
    latent = model.to_latent(expected["smiles"])
    torch.testing.assert_close(latent.y[:, ::8], torch.tensor(expected["y"]), atol=1e-5, rtol=0)
    torch.testing.assert_close(latent.z[:, ::64], torch.tensor(expected["z"]), atol=1e-5, rtol=0)
    back = model.from_latent(latent)
    assert all(proposal.structure is not None for proposal in back)
    (proposals,) = model.propose_structures([[21.4, 128.0]], n_samples=2, seed=0)
    assert len(proposals) == 2
