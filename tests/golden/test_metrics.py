"""Short trainings give the numbers that they gave in the days of format 1.

``metrics.json`` holds the rows of their ``metrics.csv``. On the machine that wrote it they come
out equal to the last digit; another processor sums in another order.
"""

import csv
import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.console import quiet_libraries
from nmrflow.data.sources.embedded import Embedded
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.train import train

METRICS = json.loads((Path(__file__).parent / "metrics.json").read_text())

OVERRIDES = {
    "baseline": ["+experiment=baseline", "model=irevnet_small", "trainer.max_epochs=2"],
    "elucidation": [
        "+experiment=elucidation",
        "n_threads=1",
        "model.flow.nodes.structure.conditional.width=24",
        "model.flow.nodes.structure.conditional.n_layers=1",
        "model.flow.nodes.structure.conditional.n_heads=2",
        "model.forward.n_networks=2",
        "model.forward.width=16",
        "model.forward.n_steps=2",
        "stages.shifts.fine_tuning_epochs=2",
        "stages.corpus.n=100",
        "stages.bonds.n_molecules=4000",
        "stages.bonds.n_epochs=2",
        "stages.bonds.batch_size=64",
        "trainer.max_epochs=1",
        "scoring.n_samples=8",
    ],
}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Every twelfth of the packaged spectra, in the published table's form."""
    file, axis, codec = tmp_path / "table.csv", ShiftAxis(), BondTensorCodec()
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow("ABCD")
        for number, record in enumerate(Embedded().read().records[::12][:120]):
            bits = ["0"] * axis.n_fine_bins
            for k in axis.to_fine_bins(record.peaks.shifts_ppm):
                bits[k] = "1"
            digits = codec.encode_digits(record.structure)
            writer.writerow([number, 1000 + number, digits, "".join(bits)])
    return file


@pytest.mark.parametrize("name", OVERRIDES)
def test_a_short_training_gives_the_numbers_that_it_gave(
    name: str, table: Path, tmp_path: Path
) -> None:
    quiet_libraries()
    overrides = [*OVERRIDES[name], "logger=csv", "scoring.complete=false"]
    if name == "elucidation":
        overrides.append(f"data.path={table}")
    with initialize_config_module("nmrflow.conf", version_base="1.3"):
        train(compose("train", overrides), tmp_path / "run")
    with (tmp_path / "run/metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(METRICS[name])
    for row, told in zip(rows, METRICS[name], strict=True):
        assert row.keys() == told.keys()
        numbers = {key: float(value) for key, value in told.items() if value}
        assert {key for key, value in row.items() if value} == numbers.keys()
        found = {key: float(row[key]) for key in numbers}
        assert found == pytest.approx(numbers, rel=1e-3, abs=1e-4)
