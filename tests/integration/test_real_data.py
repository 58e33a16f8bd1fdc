"""What must hold on the measured spectra themselves."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.data.dataset import SpectrumDataset
from nmrflow.data.sources.revmolspec import RevMolSpec
from nmrflow.flow import AdditiveCoupling, ConvSubnet, Flow, IRevNet
from nmrflow.metrics.inversion import inversion_scores
from nmrflow.spectra.axis import ShiftAxis

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


@torch.no_grad()
def test_the_published_network_returns_measured_molecules(real_data: Path, randomised) -> None:
    axis, codec = ShiftAxis(), BondTensorCodec()
    # At full size each costs what hundreds of a small one do: every fourth.
    records = RevMolSpec(str(real_data / "reversibledata.csv")).read().records[::4]
    dataset = SpectrumDataset(records, codec, axis)
    coupling = partial(AdditiveCoupling, subnet=ConvSubnet)
    nodes = IRevNet((2, 2, 4, 6, 8), coupling)
    flow = randomised(Flow(nodes=nodes, cell_shape=(4, 16, 16), n_bins=128)).double()
    x = dataset.x.double()
    back, _ = flow.from_latent(flow.to_latent(x)[0])
    structures = [record.structure for record in records]
    scores = inversion_scores(dataset.x.numpy(), back.numpy(), structures, codec)
    assert scores["exact_structures"] == 1
    assert scores["max_abs_error"] < 1e-8  # far from the identity, x passes through huge values


def test_embedded_shifts_are_near_measured_ones(real_data: Path, tmp_path: Path) -> None:
    output = tmp_path / "shifts.json"
    command = [sys.executable, "-m", "embedded.compare", str(real_data / "reversibledata.csv")]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "data")}
    subprocess.run([*command, "--output", str(output)], check=True, capture_output=True, env=env)
    families = {row["family"]: row for row in json.loads(output.read_text())["families"]}
    assert families["all"]["shifts"] > 1000
    for row in families.values():
        assert row["mean_abs_ppm"] <= 4
