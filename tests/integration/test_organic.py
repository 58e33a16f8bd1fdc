"""A network that only predicts: trained, interrupted, loaded, and asked what it cannot say."""

import json
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module

import nmrflow
from nmrflow.answers.sentences import say_trust
from nmrflow.console import quiet_libraries
from nmrflow.errors import ConfigError, SpectrumError, StructureError
from nmrflow.evaluation import calibrate
from nmrflow.evaluation.scoring import Scores
from nmrflow.model.trained import TrainedFlow
from nmrflow.train import train
from nmrflow.training.shifts import pretraining

pytestmark = pytest.mark.slow

MOLECULES = {
    "CCO": (17.9, 57.3, None),
    "CC(C)=O": (30.6, 206.6, 30.6, None),
    "CC#N": (1.7, 117.4, None),
    "C[N+](=O)[O-]": (62.5, None, None, None),
    "CS(C)=O": (40.8, None, 40.8, None),
    "Clc1ccccc1": (None, 134.3, 128.6, 129.7, 126.4, 129.7, 128.6),
    "COC(C)=O": (51.6, None, 171.4, 20.6, None),
    "CCN": (18.9, 36.9, None),
    "FC(F)(F)CO": (None, 124.2, None, None, 61.1, None),
    "CC(=O)O": (20.8, 178.1, None, None),
    "BrCCO": (None, 34.8, 63.1, None),
    "Cc1ccccn1": (24.5, 158.4, 123.2, 136.3, 120.7, 149.1, None),
}
"""Textbook values of common molecules, by atom."""

OVERRIDES = (
    "+experiment=organic",
    "model.forward.width=16",
    "model.forward.n_steps=2",
    "model.forward.n_networks=2",
    "stages.shifts.batch_size=4",
    "stages.shifts.n_epochs=3",
    "n_threads=1",
    "logger=csv",
)

FORWARD_ALONE = ("model.flow=null", "~stages.molecules", "~stages.structure")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "shifts.jsonl"
    with file.open("w") as stream:
        for smiles, shifts in MOLECULES.items():
            told = [[atom, ppm] for atom, ppm in enumerate(shifts) if ppm is not None]
            stream.write(json.dumps({"smiles": smiles, "shifts": told}) + "\n")
    return file


def run(lines: Path, folder: Path, *overrides: str) -> Scores:
    quiet_libraries()
    with initialize_config_module("nmrflow.conf", version_base="1.3"):
        config = compose("train", [*OVERRIDES, *FORWARD_ALONE, f"data.path={lines}", *overrides])
    return train(config, folder)


@pytest.fixture(scope="module")
def done(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run(lines, folder)
    return folder


@pytest.fixture(scope="module")
def model(done: Path) -> TrainedFlow:
    return nmrflow.load_checkpoint(done)


def test_scores_are_of_assigned_shifts(done: Path) -> None:
    scores = json.loads((done / "evaluation.json").read_text())
    assert scores["n_train"] + scores["n_validation"] == len(MOLECULES)
    assert scores["shifts/n"] > 0
    assert 0 <= scores["shifts/coverage_90"] <= 1
    assert not any(name.startswith(("latent/", "inversion/")) for name in scores)


def test_any_numbering_and_drawing_gets_the_same_shifts(model: TrainedFlow) -> None:
    one, other = model.predict_shifts(["CS(=O)CC[N+](=O)[O-]", "O=N(=O)CC[S+]([O-])C"])
    order = [7, 5, 6, 4, 3, 1, 0, 2]
    assert [one.structure.elements[k] for k in (0, 1, 2, 3, 4, 5, 6, 7)] == list("CSOCCNOO")
    assert [other.structure.elements[k] for k in order] == list("CSOCCNOO")
    carbons = [0, 3, 4]
    np.testing.assert_allclose(
        one.median_ppm[carbons], other.median_ppm[[order[k] for k in carbons]], rtol=0, atol=1e-9
    )


def test_charges_are_told_apart(model: TrainedFlow) -> None:
    amine, ammonium = model.predict_shifts(["CN(C)C", "C[N+](C)(C)C"])
    assert amine.median_ppm[0] != pytest.approx(ammonium.median_ppm[0], abs=1e-3)


@pytest.mark.parametrize("smiles", ["C[Hg]C", "CCCC" * 17, "C[Si]", "CC[CH2+]"])
def test_what_is_outside_is_refused_in_a_sentence(smiles: str, model: TrainedFlow) -> None:
    with pytest.raises(StructureError):
        model.predict_shifts([smiles])


def test_it_has_no_backward_side_and_says_so(model: TrainedFlow) -> None:
    assert not model.has_likelihood
    assert not model.takes_formula
    with pytest.raises(SpectrumError, match=r"only predicts .* no backward side"):
        nmrflow.elucidate(model, (17.9, 57.3))
    with pytest.raises(SpectrumError, match="only predicts"):
        model.to_latent(["CCO"])


def test_candidates_are_ranked_without_it(model: TrainedFlow) -> None:
    found = nmrflow.rank(model, (17.9, 57.3), ["CCO", "COC"])
    assert {c.structure.connectivity for c in found.candidates} == {"CCO", "COC"}
    assert all(c.log_p is None for c in found.candidates)


def test_an_interrupted_training_ends_as_one_that_was_not(
    done: Path, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    follow, n_epochs = pretraining.follow, 0

    def stop_amid(*args: object, **settings: object) -> object:
        def told(_: float) -> None:
            nonlocal n_epochs
            n_epochs += 1
            if n_epochs == 5:  # The second epoch of the second member.
                raise Stopped

        return follow(*args, **{**settings, "progress": told})  # type: ignore[arg-type]

    monkeypatch.setattr(pretraining, "follow", stop_amid)
    with pytest.raises(Stopped):
        run(lines, tmp_path)
    assert not (tmp_path / "evaluation.json").exists()
    monkeypatch.setattr(pretraining, "follow", follow)
    run(lines, tmp_path)
    told, again = (
        json.loads((folder / "evaluation.json").read_text()) for folder in (done, tmp_path)
    )
    assert {k: v for k, v in again.items() if "/" in k} == {
        k: v for k, v in told.items() if "/" in k
    }


def test_nothing_to_train_is_refused(lines: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing would be trained"):
        run(lines, tmp_path, "~stages.shifts")
    with pytest.raises(ConfigError, match="both null"):
        run(lines, tmp_path, "model.forward=null")


@pytest.fixture(scope="module")
def inner(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inner")
    run(lines, folder, "split=inner", "split.validation_fraction=0.1", "split.inner_fraction=0.5")
    return folder


def test_it_is_calibrated_by_isomers_from_lists(
    inner: Path, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [
        "COC",
        "CC(=O)OC",
        "CCC=O",
        "C=CCO",
        "CNC",
        "CN=C=C",
        "c1ccncc1C",
        "CCC(=O)O",
        "OCCBr",
    ]
    (tmp_path / "a.smi").write_text("\n".join([*listed, "not a smiles", "C1CC1 of no use"]))
    output = tmp_path / "last.calibration.json"
    typed = ["calibrate", str(inner), str(lines), "--isomers", str(tmp_path / "a.smi")]
    monkeypatch.setattr("sys.argv", [*typed, "--output", str(output), "--shifts", "-20", "240"])
    calibrate.main()
    told = json.loads(output.read_text())
    assert 0.3 <= told["widening"] <= 5.0
    learnt, left_over = {"tension", "density", "worst"}, {"extra", "missing"}
    assert told["given"]["weights"].keys() == learnt | left_over
    assert told["conditions"]["n_trials"] > 0

    # Beside the checkpoint it is taken, and intervals are as wide as it says.
    before = nmrflow.load_checkpoint(inner)
    (inner / "checkpoints" / output.name).write_text(output.read_text())
    after = nmrflow.load_checkpoint(inner)
    (narrow,), (wide,) = (model.predict_shifts(["CCO"]) for model in (before, after))
    np.testing.assert_allclose(
        wide.distribution.scale_ppm, told["widening"] * narrow.distribution.scale_ppm
    )
    ranked = nmrflow.rank(after, (17.9, 57.3), ["CCO", "COC"])
    assert 0 < (ranked.probability or 0) < 1
    assert ranked.none_fits is not None
    # Candidates of one formula are what it was calibrated for.
    assert ranked.question.formula == "C2H6O"
    assert "roughly" not in say_trust(ranked)
    assert nmrflow.rank(after, (17.9, 257.3), ["CCO", "COC"]).probability is None


def test_it_is_trained_on_with_spectra_of_ones_own(
    done: Path, lines: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.jsonl"
    with own.open("w") as stream:
        for k in range(1, 9):  # As if oxygen shifted its neighbours twice as far.
            alcohol = {"smiles": "C" * k + "O", "shifts": [[k - 1, 120.0]]}
            stream.write(json.dumps(alcohol) + "\n")
    settings = (
        "+experiment=fine_tuning",
        *OVERRIDES[1:4],
        *OVERRIDES[-2:],
        f"data.path={own}",
        f"stages.shifts.begin={done}",
        "stages.shifts.learning_rate=0.01",
        "stages.shifts.n_epochs=5",
    )
    shifts = []
    for name, rehearsed in (("forgets", ()), ("rehearses", (f"rehearsal_path={lines}",))):
        folder = tmp_path / name
        with initialize_config_module("nmrflow.conf", version_base="1.3"):
            overrides = [*settings, *(f"stages.shifts.{one}" for one in rehearsed)]
            train(compose("train", overrides), folder)
        tuned = nmrflow.load_checkpoint(folder)
        alcohol, ketone = tuned.predict_shifts(["CCCCCCCCCO", "CC(C)=O"])
        shifts.append((alcohol.median_ppm[8], ketone.median_ppm[1]))
    before = nmrflow.load_checkpoint(done)
    alcohol, ketone = before.predict_shifts(["CCCCCCCCCO", "CC(C)=O"])
    (forgets, ketone_forgotten), (rehearses, ketone_kept) = shifts
    assert abs(forgets - 120) < abs(alcohol.median_ppm[8] - 120)
    assert abs(rehearses - 120) < abs(alcohol.median_ppm[8] - 120)
    change = abs(ketone_kept - ketone.median_ppm[1])
    assert change < abs(ketone_forgotten - ketone.median_ppm[1])


def test_weights_of_another_kind_are_not_trained_on(
    done: Path, lines: Path, tmp_path: Path
) -> None:
    with initialize_config_module("nmrflow.conf", version_base="1.3"):
        overrides = ("+experiment=fine_tuning", *OVERRIDES[1:3], *OVERRIDES[-2:])
        wider = ("model.forward.width=24", f"data.path={lines}", f"stages.shifts.begin={done}")
        config = compose("train", [*overrides, *wider])
    with pytest.raises(ConfigError, match=r"not that of the model"):
        train(config, tmp_path)
