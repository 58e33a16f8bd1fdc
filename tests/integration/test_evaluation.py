"""Scoring a checkpoint, and the network as notebooks use it."""

import json
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module

import nmrflow
from nmrflow.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    NmrflowError,
    ShapeError,
    SpectrumError,
    StructureError,
)
from nmrflow.evaluate import evaluate
from nmrflow.types import Latent

KEYS = {
    "n",
    "n_excluded",
    *(
        f"spectrum/{constant}{name}"
        for constant in ("", "constant/")
        for name in ("f1_macro", "f1_micro", "f1_within_1_bin")
    ),
    *(f"inversion/{name}" for name in ("max_abs_error", "mean_abs_error", "exact_structures")),
    *(f"latent/z_{a}_{b}" for a in ("mean", "std") for b in ("mean", "std")),
}


def run_evaluate(*overrides: str) -> dict:
    with initialize_config_module("nmrflow.conf.evaluation", version_base="1.3"):
        return evaluate(compose("evaluate", list(overrides)))


def test_the_own_validation_side_scores_as_at_the_end_of_training(
    finished_run: Path, tmp_path: Path
) -> None:
    output = tmp_path / "new" / "scores.json"
    result = run_evaluate(f"checkpoint={finished_run}", f"output={output}")
    assert json.loads(output.read_text()) == result
    assert result.keys() >= KEYS
    trained = json.loads((finished_run / "evaluation.json").read_text())
    assert {k: v for k, v in result.items() if "/" in k} == {
        k: v for k, v in trained.items() if "/" in k
    }


def test_a_whole_other_file(finished_run: Path, table: Path) -> None:
    result = run_evaluate(f"checkpoint={finished_run}", f"data.path={table}", "split=all")
    assert result["n"] == 120
    trained = json.loads((finished_run / "evaluation.json").read_text())
    assert result["n_seen_in_training"] == trained["n_train"]


def test_a_methane_row_is_counted(finished_run: Path, table: Path, tmp_path: Path) -> None:
    other = tmp_path / "methane.csv"
    other.write_text(table.read_text() + f"x,y,{'0' * 136},1{'0' * 1023}\n")
    result = run_evaluate(f"checkpoint={finished_run}", f"data.path={other}", "split=all")
    assert (result["n"], result["n_excluded"]) == (120, 1)


def test_data_that_changed_since_training_are_refused(
    train_small, table: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved.csv"
    moved.write_text(table.read_text())
    run = train_small(f"data.path={moved}", "trainer.max_epochs=1")
    moved.write_text("".join(table.read_text().splitlines(keepends=True)[:60]))
    with pytest.raises(DataError, match="no longer the data"):
        run_evaluate(f"checkpoint={run}")
    moved.unlink()
    with pytest.raises(DataError, match="no such file"):
        run_evaluate(f"checkpoint={run}")


@pytest.mark.parametrize(
    ("overrides", "error", "said"),
    [
        (["split=all"], ConfigError, "data.path"),
        (["split=training"], ConfigError, "validation or all"),
        (["checkpoint=/no/such.ckpt"], CheckpointError, "no such file"),
        (["n_threads=0"], ConfigError, "n_threads"),
        (["output=/proc/no/scores.json"], ConfigError, "cannot be written"),
    ],
)
def test_bad_requests(
    finished_run: Path, overrides: list[str], error: type[NmrflowError], said: str
) -> None:
    with pytest.raises(error, match=said):
        run_evaluate(f"checkpoint={finished_run}", *overrides)


@pytest.fixture(scope="module")
def model(finished_run: Path) -> nmrflow.inference.TrainedFlow:
    return nmrflow.load_checkpoint(finished_run)


def test_it_says_that_the_numbering_matters(model) -> None:
    assert "numbered" in repr(model)
    assert "stereochemistry" in repr(model)
    assert "methane" in repr(model)


def test_there_and_back(model) -> None:
    smiles = ["Cc1ccccc1", "CC#CC", "CC(C)CC=C"]
    latent = model.to_latent(smiles)
    assert latent.z.shape == (3, 896)
    back = model.from_latent(latent)
    for text, proposal in zip(smiles, back, strict=True):
        assert proposal.structure is not None
        expected = nmrflow.chem.structure.Structure.from_smiles(text)
        assert proposal.structure == expected


def test_predicted_shifts_are_the_centres_of_set_bins(model) -> None:
    (spectrum,) = model.predict_spectrum(["CCC=C"])
    assert spectrum.code.shape == spectrum.probabilities.shape == (128,)
    assert ((spectrum.probabilities > 0.5) == spectrum.code.astype(bool)).all()
    assert len(spectrum.shifts_ppm) == spectrum.code.sum()
    assert model.axis.code_from_shifts(spectrum.shifts_ppm).tolist() == spectrum.code.tolist()


def test_proposals_follow_from_the_seed_and_extend(model) -> None:
    few = model.propose_structures([[21.4, 128.0]], n_samples=3, seed=5)[0]
    many = model.propose_structures([[21.4, 128.0]], n_samples=300, seed=5)[0]
    other = model.propose_structures([[21.4, 128.0]], n_samples=3, seed=6)[0]
    assert all(np.array_equal(a.z, b.z) for a, b in zip(few, many, strict=False))
    assert not np.array_equal(few[0].z, other[0].z)
    for proposal in many:
        assert (proposal.structure is None) == (proposal.refusal is not None)


def test_a_code_and_its_peaks_are_the_same_query(model) -> None:
    code = model.axis.code_from_shifts([21.4, 128.0])
    from_code = model.propose_structures(code[None], 2, 0)[0]
    from_peaks = model.propose_structures([[21.4, 128.0]], 2, 0)[0]
    assert np.array_equal(from_code[0].x, from_peaks[0].x)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda m: m.predict_spectrum(["CC", "CO"]), StructureError, "structure 1"),
        (lambda m: m.predict_spectrum([]), StructureError, "no structures"),
        (lambda m: m.propose_structures([[1.0], [999.0]], 1, 0), SpectrumError, "spectrum 1"),
        (lambda m: m.propose_structures([["a"]], 1, 0), SpectrumError, "spectrum 0"),
        (lambda m: m.propose_structures([[1.0]], 0, 0), SpectrumError, "n_samples"),
        (lambda m: m.propose_structures(np.full((1, 128), 2), 1, 0), SpectrumError, "zeros"),
        (lambda m: m.propose_structures(np.ones((1, 7), int), 1, 0), SpectrumError, "zeros"),
        (
            lambda m: m.from_latent(Latent(m.to_latent(["CC"]).z, m.to_latent(["CC"]).z)),
            ShapeError,
            "896",
        ),
    ],
)
def test_bad_input_names_its_place(model, call, error: type[NmrflowError], said: str) -> None:
    with pytest.raises(error, match=said):
        call(model)
