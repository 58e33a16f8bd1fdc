"""Scoring a checkpoint, and the network as notebooks use it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module

import nmrflow
from nmrflow.data.sources.embedded import Embedded
from nmrflow.data.sources.revmolspec import RevMolSpec
from nmrflow.data.splits import structure_hash
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
from nmrflow.evaluation.samples import show_examples
from nmrflow.flow.latent import Latent
from nmrflow.model import checkpoint as checkpoints


def run_evaluate(*overrides: str) -> dict:
    with initialize_config_module("nmrflow.conf.evaluation", version_base="1.3"):
        return evaluate(compose("evaluate", list(overrides)))


@pytest.fixture(scope="module")
def bare(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run's checkpoint, away from the data that it was trained on."""
    checkpoint = checkpoints.read(finished_run)
    checkpoint[checkpoints.KEY]["data_path"] = "/no/such/table.csv"
    file = tmp_path_factory.mktemp("bare") / "bare.ckpt"
    checkpoints.save_atomically(checkpoint, file)
    return file


@pytest.fixture(scope="module")
def model(finished_run: Path) -> nmrflow.model.trained.TrainedFlow:
    return nmrflow.load_checkpoint(finished_run)


def test_the_own_validation_side_scores_as_at_the_end_of_training(
    finished_run: Path, table: Path, tmp_path: Path
) -> None:
    output = tmp_path / "new" / "scores.json"
    call = [f"checkpoint={finished_run}", f"training_path={table}"]
    result = run_evaluate(*call, f"output={output}")
    assert json.loads(output.read_text()) == result
    trained = json.loads((finished_run / "evaluation.json").read_text())
    assert {k: v for k, v in result.items() if "/" in k} == {
        k: v for k, v in trained.items() if "/" in k
    }
    for name in ("n", "n_excluded", "epochs", "examples", "split_seed", "scoring_seed"):
        assert result[name] == trained[name]


def test_a_whole_other_file(finished_run: Path, table: Path) -> None:
    result = run_evaluate(
        f"checkpoint={finished_run}", f"data.path={table}", "split=all", "n_samples=1"
    )
    assert result["n"] == 120
    trained = json.loads((finished_run / "evaluation.json").read_text())
    assert result["n_seen_in_training"] == trained["n_train"]


def test_a_methane_row_is_counted(finished_run: Path, table: Path, tmp_path: Path) -> None:
    other = tmp_path / "methane.csv"
    other.write_text(table.read_text() + f"x,y,{'0' * 136},1{'0' * 1023}\n")
    result = run_evaluate(
        f"checkpoint={finished_run}", f"data.path={other}", "split=all", "n_samples=1"
    )
    assert (result["n"], result["n_excluded"]) == (120, 1)


def test_draws_and_their_seed_can_be_chosen(bare: Path, short: Path) -> None:
    def drawn(*overrides: str) -> dict:
        return run_evaluate(f"checkpoint={bare}", f"data.path={short}", "split=all", *overrides)

    default, chosen, other = drawn(), drawn("n_samples=3", "seed=4"), drawn("n_samples=3")
    # Unless told otherwise as many as the training was told.
    assert [run["structure/n_samples"] for run in (default, chosen, other)] == [5, 3, 3]
    assert [run["scoring_seed"] for run in (default, chosen, other)] == [0, 4, 0]
    assert chosen["conditional/variation_mean"] != other["conditional/variation_mean"]
    assert default["conditional/variation_mean"] == other["conditional/variation_mean"]
    assert default["spectrum/f1_macro"] == chosen["spectrum/f1_macro"]


def test_without_the_data_trained_on_there_are_no_probes(
    finished_run: Path, bare: Path, table: Path, tmp_path: Path
) -> None:
    # Of the twelve rows of `short` no bin has five set bits.
    some = tmp_path / "some.csv"
    some.write_text("".join(table.read_text().splitlines(keepends=True)[:41]))
    call = [f"data.path={some}", "split=all", "n_samples=1"]
    at_hand = run_evaluate(f"checkpoint={finished_run}", f"training_path={table}", *call)
    gone = run_evaluate(f"checkpoint={bare}", *call)
    for name in ("y_from_z_auroc_linear", "y_from_z_auroc_mlp"):
        assert 0 < at_hand[f"latent/{name}"] < 1
        assert gone[f"latent/{name}"] is None
    assert at_hand["conditional/cd_prior"]["1"] > 0
    assert gone["conditional/cd_prior"] is None
    assert gone["conditional/cd_local"] == at_hand["conditional/cd_local"]
    assert gone["spectrum/f1_macro"] == at_hand["spectrum/f1_macro"]


def test_chosen_molecules_are_shown_with_their_side(
    model, finished_run: Path, table: Path
) -> None:
    sides = model.split.divide(model.source_at(str(table)).read().records)
    seen, held = sides.train[0], sides.validation[2]
    result = run_evaluate(
        f"checkpoint={finished_run}",
        f"training_path={table}",
        f"examples=[{seen.molecule_id},{held.molecule_id}]",
        "n_samples=1",
    )
    shown = result["examples"]
    assert [example["molecule_id"] for example in shown] == [seen.molecule_id, held.molecule_id]
    assert [example["side"] for example in shown] == ["training", "validation"]
    for example, record in zip(shown, (seen, held), strict=True):
        assert example["smiles"] == record.structure.connectivity
        code = model.axis.code_from_shifts(record.peaks.shifts_ppm)
        assert example["true_bins"] == np.flatnonzero(code).tolist()
        (predicted,) = model.predict_spectrum([record.structure])
        assert example["predicted_bins"] == np.flatnonzero(predicted.code).tolist()
        assert example["predicted_ppm"] == pytest.approx(predicted.shifts_ppm, abs=0.01)
        assert example["measured_ppm"] == pytest.approx(
            model.axis.centres_ppm()[code == 1].tolist(), abs=0.01
        )


def test_examples_are_ten_of_the_validation_side_by_default(model, table: Path) -> None:
    sides = model.split.divide(model.source_at(str(table)).read().records)
    shown = show_examples(model, sides.validation, sides.train)
    assert len(shown) == 10
    assert {example["side"] for example in shown} == {"validation"}
    ids = [record.molecule_id for record in sides.validation]
    places = [ids.index(example["molecule_id"]) for example in shown]
    assert (places[0], places[-1]) == (0, len(ids) - 1)
    assert set(np.diff(places)) <= {len(ids) // 10, len(ids) // 10 + 1}
    assert len(show_examples(model, sides.validation[:3])) == 3


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        ("[0,nobody]", "id nobody in"),
        ("nobody", "id nobody in"),
    ],
)
def test_bad_examples_are_refused(bare: Path, short: Path, examples: str, said: str) -> None:
    call = [f"checkpoint={bare}", f"data.path={short}", "split=all", "n_samples=1"]
    with pytest.raises(NmrflowError, match=said):
        run_evaluate(*call, f"examples={examples}")


def test_unknown_examples_are_named(model, table: Path) -> None:
    records = model.source_at(str(table)).read().records
    with pytest.raises(DataError, match=r"no molecule with id 77777, x9 in"):
        show_examples(model, records, ids=[records[0].molecule_id, "77777", "x9"])


def test_measured_shifts_are_shown_as_the_source_gave_them(model) -> None:
    record = replace(Embedded().read().records[5], molecule_id="007")
    (shown,) = show_examples(model, [record], ids=["007"])
    assert shown["measured_ppm"] == pytest.approx(record.peaks.shifts_ppm, abs=0.005)


def test_records_trained_on_are_not_shown_as_unseen(model, bare: Path, short: Path) -> None:
    result = run_evaluate(f"checkpoint={bare}", f"data.path={short}", "split=all", "n_samples=1")
    seen = set(model.description["training_side"]["structure_hashes"])
    for example in result["examples"]:
        side = "training" if structure_hash(example["smiles"]) in seen else "validation"
        assert example["side"] == side


def test_a_checkpoint_older_than_the_scores_can_be_scored(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What it was trained on is large, and of no matter here.
    some = replace(whole := Embedded().read(), records=whole.records[:9])
    monkeypatch.setattr(Embedded, "read", lambda _: some)
    golden = Path(__file__).parents[1] / "golden/format_1.ckpt"
    result = run_evaluate(f"checkpoint={golden}", f"data.path={short}", "split=all", "n_samples=1")
    assert result["n"] == 12


def test_data_that_changed_since_training_are_refused(
    train_small, table: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved.csv"
    moved.write_text(table.read_text())
    run = train_small(f"data.path={moved}", "trainer.max_epochs=1")
    moved.write_text("".join(table.read_text().splitlines(keepends=True)[:60]))
    with pytest.raises(DataError, match="no longer the data"):
        run_evaluate(f"checkpoint={run}", f"training_path={moved}")
    moved.unlink()
    with pytest.raises(DataError, match="no such file"):
        run_evaluate(f"checkpoint={run}", f"training_path={moved}")


@pytest.mark.parametrize(
    ("overrides", "error", "said"),
    [
        (["split=all"], ConfigError, "data.path"),
        (["split=training"], ConfigError, "validation or all"),
        (["checkpoint=/no/such.ckpt"], CheckpointError, "no file or folder"),
        (["n_threads=0"], ConfigError, "n_threads"),
        (["n_samples=0"], ConfigError, "n_samples"),
        (["n_samples=2.5"], ConfigError, "n_samples"),
        (["seed=-1"], ConfigError, "seed"),
    ],
)
def test_bad_requests(
    finished_run: Path, overrides: list[str], error: type[NmrflowError], said: str
) -> None:
    with pytest.raises(error, match=said):
        run_evaluate(f"checkpoint={finished_run}", *overrides)


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


def test_proposals_can_be_had_one_spectrum_at_a_time(model) -> None:
    spectra = [[21.4, 128.0], [13.0], [30.0, 140.0]]
    one_by_one = model.iterate_proposals(spectra, n_samples=2, seed=5)
    first = next(one_by_one)
    whole = model.propose_structures(spectra, n_samples=2, seed=5)
    for some, proposals in zip([first, *one_by_one], whole, strict=True):
        for one, other in zip(some, proposals, strict=True):
            assert np.array_equal(one.x, other.x)
            assert np.array_equal(one.z, other.z)


def test_the_source_is_where_it_is_said_to_be(model, table: Path) -> None:
    source = model.source_at(str(table))
    assert isinstance(source, RevMolSpec)
    assert source.path == str(table)
    assert len(source.read().records) == 120
    golden = nmrflow.load_checkpoint(Path(__file__).parents[1] / "golden/format_1.ckpt")
    assert isinstance(golden.source_at(None), Embedded)


@pytest.fixture
def pointing(finished_run: Path, tmp_path: Path) -> Path:
    """A stranger's checkpoint, which names a file of the user's and a page of its own."""
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    checkpoint = checkpoints.read(finished_run)
    about = checkpoint[checkpoints.KEY]
    about["data_path"] = str(secret)
    about["config"]["data"] |= {"url": "http://localhost:1/x", "sha256": "0", "path": str(secret)}
    file = tmp_path / "stranger.ckpt"
    checkpoints.save_atomically(checkpoint, file)
    return file


def test_no_path_and_no_page_of_a_checkpoint_is_followed(
    pointing: Path, table: Path, short: Path
) -> None:
    with pytest.raises(ConfigError, match=r"are not followed.*training_path=FILE") as refused:
        run_evaluate(f"checkpoint={pointing}")
    assert "a secret" not in str(refused.value)
    call = [f"checkpoint={pointing}", f"data.path={short}", "split=all", "n_samples=1"]
    assert run_evaluate(*call)["latent/y_from_z_auroc_linear"] is None
    source = nmrflow.load_checkpoint(pointing).source_at(str(table))
    assert (source.path, source.url) == (str(table), RevMolSpec().url)
    with pytest.raises(DataError, match="is not the data that this checkpoint learned from"):
        run_evaluate(*call, f"training_path={short}")


@pytest.mark.parametrize("override", ["+nonsense=1", "+data.nonsense=1", "~split"])
def test_settings_that_mean_nothing_are_refused(bare: Path, override: str) -> None:
    with pytest.raises(ConfigError, match=r"nothing reads|nonsense|lacks split"):
        run_evaluate(f"checkpoint={bare}", "data.path=x.csv", override)


def test_logits_are_those_of_the_spectrum_slot(model) -> None:
    structures = [nmrflow.chem.structure.Structure.from_smiles(s) for s in ("CC=C", "CC#CC")]
    logits = model.predict_logits(structures)
    np.testing.assert_array_equal(logits, model.to_latent(structures).y.numpy())
    assert logits.dtype == np.float64


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
