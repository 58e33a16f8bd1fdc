"""The network that elucidates, through its commands: stages, fine-tuning, scores, weights."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module

import nmrflow
from nmrflow.answers.candidates import order, weigh_drawn
from nmrflow.answers.question import ask
from nmrflow.console import quiet_libraries
from nmrflow.data.splits import InnerSplit, StructureSplit
from nmrflow.errors import CheckpointError, ConfigError
from nmrflow.evaluate import evaluate
from nmrflow.evaluation.calibrating import calibrate
from nmrflow.evaluation.scoring import Scores
from nmrflow.model import pretrained
from nmrflow.model.calibration import SUFFIX, RankingWeights
from nmrflow.model.manifest import seal
from nmrflow.model.trained import load_checkpoint
from nmrflow.train import train
from nmrflow.training.stages import BondStage, CorpusStage, ShiftStage

pytestmark = pytest.mark.slow

SMALL = (
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
    "logger=csv",
)


def run_in(run_dir: Path, table: Path, *overrides: str) -> Scores:
    quiet_libraries()
    with initialize_config_module("nmrflow.conf", version_base="1.3"):
        config = compose("train", [*SMALL, f"data.path={table}", *overrides])
    return train(config, run_dir)


def evaluated(**settings: object) -> Scores:
    with initialize_config_module("nmrflow.conf.evaluation", version_base="1.3"):
        config = compose("evaluate", [f"{key}={value}" for key, value in settings.items()])
    return evaluate(config)


@pytest.fixture(scope="module")
def run_dir(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elucidation")
    run_in(folder, table)
    return folder


@pytest.fixture(scope="module")
def scores(run_dir: Path, table: Path) -> Scores:
    return evaluated(checkpoint=run_dir, training_path=table, n_samples=8)


def test_stages_leave_what_they_made_and_what_they_know(run_dir: Path) -> None:
    for stage in ("shifts", "corpus", "bonds"):
        assert (run_dir / "stages" / stage / "done.json").is_file()
    side = load_checkpoint(run_dir).description["training_side"]
    assert set(side["stage_seconds"]) == {"shifts", "corpus", "bonds"}
    assert len(side["logit_thresholds"]) == 128
    assert side["mean_logit_true"] == 1
    assert side["mean_logit_false"] == -1


def test_a_short_training_gives_the_numbers_that_it_gave(
    run_dir: Path, check_metrics: Callable[[str, Path], None]
) -> None:
    check_metrics("elucidation", run_dir)


def test_run_again_nothing_is_trained(
    run_dir: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = run_dir / "evaluation.json"
    before = json.loads(written.read_text())
    for stage in (ShiftStage, CorpusStage, BondStage):
        monkeypatch.setattr(stage, "run", None)
    assert run_in(run_dir, table)["spectrum/f1_micro"] == before["spectrum/f1_micro"]
    written.unlink()  # Not known to be finished, the stages are loaded and the rest is done again.
    assert run_in(run_dir, table)["spectrum/f1_micro"] == before["spectrum/f1_micro"]


def test_every_molecule_comes_back(scores: Scores) -> None:
    assert scores["inversion/exact_structures"] == 1
    assert scores["inversion/max_abs_error"] < 1e-3


def test_samples_are_molecules_and_have_a_likelihood(scores: Scores) -> None:
    for suffix in ("", "_formula"):
        # Nothing is repaired; valences are never exceeded, whatever the weights.
        assert scores[f"structure/valid_raw{suffix}"] > 0.95
        assert np.isfinite(scores[f"structure/log_p_truth{suffix}"])
        assert 0 <= scores[f"structure/top1{suffix}"] <= scores[f"structure/top10{suffix}"]
        assert scores[f"structure/top10{suffix}"] <= scores[f"structure/coverage{suffix}"]
    # Of fewer molecules the truth is likelier.
    assert scores["structure/log_p_truth_formula"] > scores["structure/log_p_truth"]


def test_the_residual_is_nearly_normal(scores: Scores) -> None:
    # 136 dimensions, few of which a small network can get wrong.
    assert abs(scores["latent/z_mean_mean"]) < 0.2
    assert 0.8 < scores["latent/z_std_mean"] < 1.1
    assert len(scores["latent/dimension_std"]) == 136


def test_a_calibration_stands_beside_its_checkpoint(
    run_dir: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toluene = "137.9, 129.1, 128.3, 125.3, 21.5"
    with pytest.raises(ConfigError, match="split=inner"):
        calibrate(run_dir, table, n_samples=20, seed=0)
    # An inner validation side of this small table holds too few molecules.
    monkeypatch.setattr(InnerSplit, "name", StructureSplit.name)
    found = calibrate(run_dir, table, n_samples=10, seed=0)
    assert found.conditions["n"] > 10  # type: ignore[operator]
    assert 0 < found.none_fits_below < 1
    assert found.ranking == RankingWeights(log_p_weight=1.25, density_weight=0.75)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    file = pretrained.package(run_dir, "tiny").with_suffix(SUFFIX)
    file.write_text(found.to_json())
    with pytest.raises(CheckpointError, match="was not packaged with tiny"):
        nmrflow.load_pretrained("tiny")
    seal(tmp_path, "tiny")
    model = nmrflow.load_pretrained("tiny")
    assert model.calibration == found
    assert model.ranking == found.ranking
    answer = nmrflow.elucidate(model, toluene, n_samples=20)
    assert 0 < answer.probability < 1  # type: ignore[operator]
    assert nmrflow.rank(model, toluene, ["Cc1ccccc1", "C1C=CC=CC=C1"]).none_fits is not None
    pretrained.package(run_dir, "tiny")  # Other weights, perhaps.
    assert nmrflow.load_pretrained("tiny").calibration is None


def test_packaged_weights_are_found_by_name(
    run_dir: Path, table: Path, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    file = pretrained.package(run_dir, "tiny")
    assert pretrained.names() == ["tiny"]
    run, packaged = load_checkpoint(run_dir), nmrflow.load_pretrained("tiny")
    structures = ["Cc1ccccc1", "CCC=C"]
    np.testing.assert_allclose(
        packaged.predict_spectrum(structures)[0].probabilities,
        run.predict_spectrum(structures)[0].probabilities,
        atol=0.02,  # Half precision.
    )
    few = {"data.path": short, "split": "all", "n_samples": 2}
    assert evaluated(checkpoint="tiny", **few)["n"] == 12
    assert str(table) not in json.dumps(packaged.description)
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match="not the file that was packaged"):
        nmrflow.load_pretrained("tiny")
    with pytest.raises(CheckpointError, match="there are: tiny"):
        nmrflow.load_pretrained("large")


def test_shipped_weights_have_a_card_and_the_right_checksum() -> None:
    assert "hydrocarbons" in pretrained.names()
    for name in pretrained.names():
        assert pretrained.verify(name) == []
        assert (pretrained.FOLDER / f"{name}.md").is_file()


def test_shipped_weights_predict_and_propose() -> None:
    trained = nmrflow.load_pretrained("hydrocarbons")
    (toluene,) = trained.predict_shifts(["Cc1ccccc1"])
    np.testing.assert_allclose(  # Textbook values; that of carbon 1 is the least sure.
        toluene.median_ppm, [21.4, 137.8, 129.1, 128.3, 125.4, 128.3, 129.1], atol=3
    )
    peaks = [21.4, 125.4, 128.3, 129.1, 137.8]
    question = ask(peaks, trained.axis, formula="C7H8")
    (drawn,) = trained.propose_structures([question], 50, seed=0)
    best = order(weigh_drawn(trained, question, drawn))[0]
    assert best.structure.connectivity == "Cc1ccccc1"
