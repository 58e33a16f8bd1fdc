"""The backward side of many kinds of atoms, learned at tiny size; and put to the test."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nmrflow.chem.structure import Structure
from nmrflow.data.peak_table import read_table
from nmrflow.data.records import Record
from nmrflow.errors import ConfigError, DataError
from nmrflow.evaluation.backward import KNOWN, backward_scores, choose, question_knowing
from nmrflow.evaluation.calibrating import fit_among
from nmrflow.evaluation.logistic import OF_FOUND
from nmrflow.flow.saturated import SaturatedGrammar
from nmrflow.model.calibration import Calibration
from nmrflow.model.network import build_network
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.training.stages import BackwardStage, MoleculeStage, StageContext
from nmrflow.training.stages.backward import structure_node
from nmrflow.training.stages.molecules import sampled_lines

# Where a stage is resumed its folder has files from before, and Lightning says so.
pytestmark = pytest.mark.filterwarnings("ignore:.*exists and is not empty")

TRAIN = ["CCO", "CC(=O)O", "C[N+](=O)[O-]", "NCC=O", "C1CC1O", "CCCCC"]
EXCLUDED = ["CCC", "CCN"]
LISTED = [
    *EXCLUDED,
    "CCO",
    "OCC",
    "CCCC first",
    "c1ccccc1",
    "[NH4+]",
    "no molecule",
    "C=CO",
    "CCCN",
]
# Left out: both excluded, ethanol twice, ammonium and a text that is none.


def record(smiles: str) -> Record:
    structure = Structure.from_smiles(smiles)
    letters = "SDTQ"
    peaks = PeakList(
        tuple(
            Peak(20.0 + 15.5 * atom, letters[min(n, 3)], atoms=(str(atom),))
            for atom, (element, n) in enumerate(
                zip(structure.elements, structure.n_hydrogens, strict=True)
            )
            if element == "C"
        )
    )
    return Record(smiles, smiles, structure, peaks, "by hand")


@pytest.fixture
def context(tables_model: dict[str, Any], tmp_path: Path) -> StageContext:
    (tmp_path / "molecules").mkdir()
    (tmp_path / "structure").mkdir()
    (tmp_path / "list.smi").write_text("\n".join([*LISTED, ""]))
    return StageContext(
        network=build_network(tables_model, seed=3),
        train=tuple(map(record, TRAIN)),
        excluded=frozenset(EXCLUDED),
        folder=tmp_path / "molecules",
        folders={},
        trainer={"accelerator": "cpu", "devices": 1, "max_epochs": 99},
        seed=3,
    )


def molecules(context: StageContext, **settings: Any) -> MoleculeStage:
    path = context.folder.parent / "list.smi"
    numbers = {"n_listed": 10, "n_edits": 6, "n_draws": 2} | settings
    return MoleculeStage(lists=[str(path)], **numbers)


def names_in(context: StageContext) -> list[str]:
    """The molecules of the tables, read from their tokens."""
    grammar, codec = structure_node(context.network).grammar, context.network.codec
    files = json.loads((context.folder / "tables.json").read_text())["files"]
    found = []
    for name, n in files.items():
        table = read_table(context.folder / name)
        assert len(table.tokens) == n
        tokens = torch.from_numpy(np.where(table.tokens == 255, -1, table.tokens.astype(int)))
        found += [codec.decode(c).connectivity for c in grammar.to_cells(tokens).numpy()]
    return found


def test_tables_hold_new_molecules_of_the_domain_alone(context: StageContext) -> None:
    facts = molecules(context).run(context)
    names = names_in(context)
    assert len(names) == len(set(names)) == facts["n_molecules"] > 3
    assert {"CCCC", "c1ccccc1", "C=CO", "CCCN"} <= set(names)
    assert not {*names} & {*EXCLUDED, *(r.structure.connectivity for r in context.train)}
    assert facts["n_left_out"]["outside the domain"] == 2
    assert facts["n_left_out"]["met before, or of another side"] >= 4


def test_a_table_has_a_peak_for_each_group_and_its_hydrogens(context: StageContext) -> None:
    molecules(context, n_edits=0).run(context)
    names, (file,) = names_in(context), context.folder.glob("*.npz")
    table = read_table(file)
    n_peaks = (table.shifts < 65_535).sum(2)
    assert (n_peaks[:, 0] == n_peaks[:, 1]).all()
    own = dict(zip(names, zip(n_peaks[:, 0], table.hydrogens.tolist(), strict=True), strict=True))
    assert own["CCCC"][0] == 2
    assert sorted(own["CCCC"][1][:2]) == [2, 3]
    assert own["c1ccccc1"] == (1, [1, 0, 0, 0, 0, 0])


def test_tables_that_a_list_lacks_or_a_codec_cannot_have_are_refused(
    context: StageContext, small_model: Callable[..., dict[str, Any]]
) -> None:
    other = replace(context, network=build_network(small_model(), 0))
    with pytest.raises(ConfigError, match="hydrogens"):
        molecules(context).run(other)
    with pytest.raises(DataError, match="nowhere"):
        MoleculeStage(lists=["nowhere.smi"], n_listed=2).run(context)


def test_lines_are_drawn_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "many.smi"
    file.write_text("".join(f"C{k} name\n\n" for k in range(50)))
    one = list(sampled_lines(str(file), 7, seed=1))
    assert one == list(sampled_lines(str(file), 7, seed=1)) != list(sampled_lines(str(file), 7, 2))
    assert [int(name[1:]) for name in one] == sorted({int(name[1:]) for name in one})
    assert len(one) == 7
    assert len(list(sampled_lines(str(file), 90, seed=1))) == 50


def learned(context: StageContext, n_stop: int | None = None) -> dict[str, Any]:
    """What the stage tells, and the flow's weights in place; perhaps stopped and gone on."""
    own = replace(
        context,
        folder=context.folder.parent / "structure",
        folders={"molecules": context.folder},
    )
    stage = BackwardStage(molecules="molecules", n_molecules=36, n_epochs=3, batch_size=6)
    if n_stop is not None:
        step = stage.questions.__class__.__call__
        n_calls = 0

        def interrupted(*args: Any, **kwargs: Any) -> Any:
            nonlocal n_calls
            n_calls += 1
            if n_calls > n_stop:
                raise KeyboardInterrupt
            return step(*args, **kwargs)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(stage.questions.__class__, "__call__", interrupted)
            with pytest.raises((KeyboardInterrupt, SystemExit)):
                stage.run(own)
        assert (own.folder / "last.ckpt").exists()
    return stage.run(own)


def test_learning_that_was_interrupted_ends_in_the_same_digits(
    context: StageContext, tables_model: dict[str, Any], tmp_path: Path
) -> None:
    molecules(context).run(context)
    before = {k: w.clone() for k, w in context.network.flow.state_dict().items()}
    facts = learned(context)
    whole = {k: w.clone() for k, w in context.network.flow.state_dict().items()}
    assert len(facts["structure_nats"]) == 3
    assert np.isfinite(facts["structure_nats"]).all()
    assert any(not torch.equal(before[k], whole[k]) for k in whole)
    (tmp_path / "structure").rename(tmp_path / "first")
    (tmp_path / "structure").mkdir()
    again = replace(context, network=build_network(tables_model, seed=3))
    assert learned(again, n_stop=3) == facts
    for name, weight in again.network.flow.state_dict().items():
        assert torch.equal(weight, whole[name]), name


def test_it_learns_in_half_precision_as_a_gpu_would(
    context: StageContext, tables_model: dict[str, Any]
) -> None:
    molecules(context).run(context)
    whole = learned(context)["structure_nats"]
    (context.folder.parent / "structure").rename(context.folder.parent / "first")
    (context.folder.parent / "structure").mkdir()
    trainer = {**context.trainer, "precision": "bf16-mixed"}
    network = build_network(tables_model, seed=3)
    half = learned(replace(context, network=network, trainer=trainer))["structure_nats"]
    assert half != whole
    np.testing.assert_allclose(half, whole, rtol=0.02)


def test_a_stage_that_nothing_came_before_is_refused(context: StageContext) -> None:
    stage = BackwardStage(molecules="others", n_molecules=4)
    with pytest.raises(ConfigError, match="molecules=others"):
        stage.run(context)


def test_a_backward_test_of_a_tiny_network(
    tables_model: dict[str, Any], make_flow: Callable[..., TrainedFlow]
) -> None:
    trained = make_flow(tables_model)
    records = [record(name) for name in [*TRAIN, "C", "CCCCCCC"]]
    chosen = choose(trained, records, 9, seed=0)
    assert {r.molecule_id for r in chosen} == {*TRAIN}  # Others have no table.
    assert len(choose(trained, records, 4, seed=0)) == 4
    scores = backward_scores(trained, chosen, n_samples=10, seed=0)
    assert scores["structure/n"] == len(TRAIN)
    for known in KNOWN:
        for name in ("top1", "top10", "log_p_truth", "log_p_truth_median"):
            value = scores[f"structure/{name}{known.suffix}"]
            assert value == scores[f"structure/{name}{known.suffix}/2-10"]
            assert np.isfinite(value)
    assert not any(name.endswith("/11-15") for name in scores)


def test_what_it_finds_itself_is_calibrated(
    tables_model: dict[str, Any], make_flow: Callable[..., TrainedFlow]
) -> None:
    trained = make_flow(tables_model)
    records = choose(trained, [record(name) for name in TRAIN], 9, seed=0)
    among = fit_among(trained, records)
    assert among.weights.keys() == {*OF_FOUND, "extra", "missing"}
    ranking = trained.proposal_ranking
    trained.calibration = Calibration(ranking, among, among, 0.1, {}, shifts_ppm=(-20, 245))
    scores = backward_scores(trained, records, n_samples=4, seed=0)
    for known in KNOWN:
        assert 0 <= scores[f"structure/among_expected_calibration_error{known.suffix}"] <= 0.3
        assert scores[f"structure/among_n{known.suffix}"] >= len(records)


def test_what_is_asked_of_a_record() -> None:
    shifts, formula, kinds = (question_knowing(record("CCO"), known) for known in KNOWN)
    assert shifts.formula is None
    assert formula.formula == kinds.formula == "C2H6O"
    assert {peak.multiplicity for peak in (*shifts.peaks.peaks, *formula.peaks.peaks)} == {None}
    assert [peak.multiplicity for peak in kinds.peaks.peaks] == ["Q", "T"]
    assert question_knowing(record("C[NH3+]"), KNOWN[1]).formula is None


def test_the_stage_trains_a_flow_that_tells_hydrogens_alone(
    context: StageContext, small_model: Callable[..., dict[str, Any]]
) -> None:
    assert isinstance(structure_node(context.network).grammar, SaturatedGrammar)
    with pytest.raises(ConfigError, match="tells hydrogens"):
        structure_node(build_network(small_model(), 0))
