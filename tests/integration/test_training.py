"""A training from end to end, on a small network."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_module
from hydra.errors import ConfigCompositionException

import nmrflow
from nmrflow.errors import CheckpointError, ConfigError, DataError, TrainingError
from nmrflow.evaluation.report.runs import read_runs, scores_table, summarise
from nmrflow.evaluation.scores_file import read_scores
from nmrflow.files.writing import owned
from nmrflow.model import checkpoint as checkpoints
from nmrflow.train import train


def modified(run: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}


def test_a_run_leaves_a_row_per_epoch_checkpoints_and_scores(finished_run: Path) -> None:
    rows = pd.read_csv(finished_run / "metrics.csv")
    assert rows["epoch"].tolist() == [1, 2, 3, 4]
    for column in ("val/f1_macro", "val/f1_micro", "train/loss_y", "val/loss_y", "train/loss_x"):
        assert rows[column].notna().all()
    assert rows["train/loss_y"].iloc[-1] < rows["train/loss_y"].iloc[0]
    files = {path.name for path in (finished_run / "checkpoints").iterdir()}
    assert files == {"last.ckpt", "best.ckpt"}
    scores = json.loads((finished_run / "evaluation.json").read_text())
    assert scores["n"] == scores["n_validation"]
    assert scores["inversion/exact_structures"] == 1
    assert scores["n_seen_in_training"] == 0


def test_a_short_training_gives_the_numbers_that_it_gave(
    tmp_path: Path, check_metrics: Callable[[str, Path], None]
) -> None:
    overrides = ["+experiment=baseline", "model=irevnet_small", "trainer.max_epochs=2"]
    quick = ["logger=csv", "scoring.complete=false"]
    with initialize_config_module("nmrflow.conf", version_base="1.3"):
        train(compose("train", [*overrides, *quick]), tmp_path)
    check_metrics("baseline", tmp_path)


def test_the_table_agrees_with_the_final_scores(finished_run: Path) -> None:
    last = pd.read_csv(finished_run / "metrics.csv").iloc[-1]
    scores = json.loads((finished_run / "evaluation.json").read_text())
    for name in ("f1_macro", "f1_micro", "f1_within_1_bin"):
        assert last[f"val/{name}"] == pytest.approx(scores[f"spectrum/{name}"], abs=1e-6)


@pytest.mark.filterwarnings("ignore:.*exists and is not empty")
def test_a_run_made_again_in_its_folder_gives_the_same_numbers(
    brief_run: Path, train_in, tmp_path: Path
) -> None:
    again = Path(shutil.copytree(brief_run, tmp_path / "again"))
    before = modified(again)
    train_in(again, "trainer.max_epochs=1")  # Nobody said to keep what is finished.
    after = modified(again)
    assert after.keys() == before.keys()
    assert not any(after[path] == before[path] for path in before)
    assert (again / "metrics.csv").read_text() == (brief_run / "metrics.csv").read_text()
    assert read_scores(again / "evaluation.json") == read_scores(brief_run / "evaluation.json")


def test_another_seed_gives_others(brief_run: Path, train_small) -> None:
    other = train_small("trainer.max_epochs=1", "seed=1")
    assert (other / "metrics.csv").read_text() != (brief_run / "metrics.csv").read_text()


def test_a_resumed_run_is_the_run_that_did_not_stop(
    finished_run: Path, brief_run: Path, train_small
) -> None:
    resumed = train_small("trainer.max_epochs=4", f"resume={brief_run}/checkpoints/last.ckpt")
    assert (resumed / "metrics.csv").read_text() == (finished_run / "metrics.csv").read_text()
    whole, joined = (torch.load(run / "checkpoints/last.ckpt") for run in (finished_run, resumed))
    for name, weight in whole["state_dict"].items():
        assert torch.equal(weight, joined["state_dict"][name]), name


def test_the_best_checkpoint_survives_a_resume(train_small) -> None:
    # The inner split chooses by validation F1, which does not rise in every epoch.
    half = train_small("split=inner", "trainer.max_epochs=2")
    earlier = torch.load(half / "checkpoints/best.ckpt")
    resumed = train_small(
        "split=inner", "trainer.max_epochs=3", f"resume={half}/checkpoints/last.ckpt"
    )
    rows = pd.read_csv(resumed / "metrics.csv")
    best = torch.load(resumed / "checkpoints/best.ckpt")
    assert best["epoch"] + 1 == rows["epoch"].iloc[rows["val/f1_macro"].argmax()]
    assert earlier["epoch"] + 1 == rows["epoch"].iloc[rows["val/f1_macro"][:2].argmax()]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("optimizer.lr=0.1", "optimizer.lr: 0.001 then, 0.1 now"),
        ("model.flow.nodes.n_blocks=[1,1,1,1,2]", "n_blocks"),
        ("split.seed=1", "split.seed"),
        ("loss=described", "DescribedSpectrumLoss"),
    ],
)
def test_resuming_under_another_configuration_is_refused(
    finished_run: Path, train_small, override: str, said: str
) -> None:
    with pytest.raises(CheckpointError, match="another configuration") as caught:
        train_small(override, "trainer.max_epochs=9", f"resume={finished_run}")
    assert said in str(caught.value)


def test_resuming_on_other_data_is_refused(
    finished_run: Path, train_small, table: Path, tmp_path: Path
) -> None:
    shorter = tmp_path / "shorter.csv"
    shorter.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(CheckpointError, match="trained on other data"):
        train_small(f"data.path={shorter}", "trainer.max_epochs=9", f"resume={finished_run}")


def test_resuming_a_finished_run_says_so(finished_run: Path, train_small) -> None:
    with pytest.raises(CheckpointError, match=r"4 of 4 epochs.*trainer\.max_epochs"):
        train_small("trainer.max_epochs=4", f"resume={finished_run}")


@pytest.mark.filterwarnings("ignore:.*exists and is not empty")
def test_a_run_that_was_killed_while_it_was_scored_is_scored(
    brief_run: Path, train_in, tmp_path: Path
) -> None:
    killed = Path(shutil.copytree(brief_run, tmp_path / "killed"))
    (killed / "evaluation.json").unlink()
    for folder in (tmp_path / "elsewhere", killed):
        train_in(folder, "trainer.max_epochs=1", f"resume={killed}")
        for name in ("metrics.csv", "evaluation.json"):
            assert (folder / name).read_text() == (brief_run / name).read_text()
        assert (folder / "checkpoints/last.ckpt").exists()


def test_a_folder_that_another_run_writes_into_is_refused(train_in, tmp_path: Path) -> None:
    with owned(tmp_path), pytest.raises(DataError, match="another process"):
        train_in(tmp_path, "trainer.max_epochs=1")


def test_resuming_from_weights_alone_is_refused(finished_run: Path, train_small) -> None:
    with pytest.raises(CheckpointError, match="weights only"):
        train_small(f"resume={finished_run}/checkpoints/best.ckpt")


STATE = ("optimizer_states", 0, "state", 0)
BEST = "callbacks", "BestCheckpoint", "best_model_score"
DAMAGES: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "a short moment": ((*STATE, "exp_avg"), torch.zeros(1), "another shape"),
    "a moment of NaN": ((*STATE, "exp_avg_sq"), torch.nan, "not finite"),
    "a moment of booleans": ((*STATE, "exp_avg"), torch.bool, "another shape or type"),
    "a long step": ((*STATE, "step"), torch.zeros(3), "another shape"),
    "one parameter more": (
        ("optimizer_states", 0, "state", 99),
        {"step": torch.zeros(1)},
        "99|range",
    ),
    "fewer parameters": (("optimizer_states", 0, "param_groups", 0, "params"), [0], "params"),
    "no rate": (("optimizer_states", 0, "param_groups", 0, "lr"), float("nan"), "rate is nan"),
    "another decay": (("optimizer_states", 0, "param_groups", 0, "eps"), 1.0, "eps differ"),
    "no groups": (("optimizer_states", 0, "param_groups"), [], "optimizer"),
    "no state": (("optimizer_states", 0), {}, "optimizer"),
    "weights of booleans": (("state_dict", None), torch.bool, "of torch.bool"),
    "a best score": (BEST, torch.tensor(torch.nan), "best score"),
    "no epoch": (("epoch",), "two", "epoch is a str"),
    "no loops": (("loops",), [], "loops is a list"),
}


def damaged(checkpoint: dict[str, Any], place: tuple[Any, ...], value: Any) -> None:
    *path, last = place
    node: Any = checkpoint
    for key in path:
        if key == "BestCheckpoint":
            key = next(name for name in node if name.startswith(key))
        node = node[key]
    last = next(iter(node)) if last is None else last
    if isinstance(value, torch.dtype):
        value = node[last].to(value)
    elif value is torch.nan:
        value = torch.full_like(node[last], torch.nan)
    node[last] = value


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_not_resumed(
    finished_run: Path, train_small, damage: str, tmp_path: Path
) -> None:
    """A fused optimiser would write beyond a state that is too short."""
    shutil.copytree(finished_run / "checkpoints", tmp_path / "checkpoints")
    file = tmp_path / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(file, weights_only=True)
    place, value, said = DAMAGES[damage]
    damaged(checkpoint, place, value)
    torch.save(checkpoint, file)
    with pytest.raises(CheckpointError, match=said):
        train_small("trainer.max_epochs=5", f"resume={file}")


def test_a_path_that_a_checkpoint_names_is_not_followed(
    finished_run: Path, train_small, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    (tmp_path / "checkpoints").mkdir()
    file = tmp_path / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(finished_run / "checkpoints" / "last.ckpt", weights_only=True)
    (best,) = (state for name, state in checkpoint["callbacks"].items() if "Best" in name)
    best["best_model_path"] = best["kth_best_model_path"] = str(secret)
    best["best_k_models"] = {str(secret): best["best_model_score"]}
    torch.save(checkpoint, file)
    resumed = train_small("trainer.max_epochs=5", f"resume={file}")
    assert secret.read_text() == "a secret"
    assert not list(resumed.rglob("secret*"))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["+nonsense=1"], "sets nonsense, which nothing reads"),
        (["+scoring.nonsense=1"], "sets nonsense, which nothing reads"),
        (["+ranking.weight=1"], "sets weight, which nothing reads"),
        (["~loss"], "lacks loss"),
        (["~scoring.seed"], "lacks seed"),
        (["scoring=3"], "a group of settings"),
        (["name=${oc.env:HOME}"], "only references to other values"),
    ],
)
def test_settings_that_mean_nothing_or_are_missing_are_said(
    train_small, overrides: list[str], said: str
) -> None:
    with pytest.raises((ConfigError, ConfigCompositionException), match=said):
        train_small("trainer.max_epochs=1", *overrides)


def test_a_setting_that_another_refers_to_is_read(train_small) -> None:
    assert train_small("+n=1", "trainer.max_epochs=${n}")


def test_a_checkpoint_holds_plain_values_and_no_rows(finished_run: Path, table: Path) -> None:
    # torch.load refuses whatever is neither tensor nor plain value.
    checkpoint = torch.load(finished_run / "checkpoints/last.ckpt", weights_only=True)
    about = checkpoint[checkpoints.KEY]
    assert about["config"]["seed"] == 0
    assert about["versions"]["torch"]
    assert about["split_seed"] == 0
    assert about["training_side"]["mean_logit_true"] > about["training_side"]["mean_logit_false"]
    digits = table.read_text().splitlines()[1].split(",")[2]
    assert digits not in str(about)


def test_a_diverging_training_stops_with_advice(train_small) -> None:
    with pytest.raises(TrainingError, match=r"optimizer\.lr"):
        train_small("optimizer.lr=1e30")


def test_the_inner_split_trains_without_the_outer_validation_side(
    finished_run: Path, train_small
) -> None:
    inner = train_small("split=inner", "trainer.max_epochs=1")
    outer_side, inner_side = (
        set(nmrflow.load_checkpoint(run).description["training_side"]["structure_hashes"])
        for run in (finished_run, inner)
    )
    assert inner_side < outer_side


def test_a_term_can_be_switched_off(train_small) -> None:
    run = train_small("loss.density=null", "trainer.max_epochs=1")
    assert "train/term/density" not in pd.read_csv(run / "metrics.csv")


def test_report_over_two_runs(brief_run: Path, train_small, tmp_path: Path) -> None:
    train_small("trainer.max_epochs=1", "split.seed=1").rename(tmp_path / "job1")
    shutil.copytree(brief_run, tmp_path / "job0")
    runs = read_runs(tmp_path)
    assert [run["split_seed"] for run in runs] == [0, 1]
    table = scores_table(runs)
    f1 = [run["spectrum/f1_macro"] for run in runs]
    assert table["spectrum/f1_macro"].tolist() == f1
    assert summarise(table["spectrum/f1_macro"])["mean"] == pytest.approx(sum(f1) / 2)


AS_FINISHED = ("trainer.max_epochs=4", "scoring.complete=true", "keep_finished=true")


@pytest.fixture(scope="module")
def kept(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(finished_run, tmp_path_factory.mktemp("kept") / "run"))


def test_a_finished_run_is_kept(kept: Path, train_in) -> None:
    before = modified(kept)
    again = train_in(kept, *AS_FINISHED)
    assert again == json.loads((kept / "evaluation.json").read_text())
    assert modified(kept) == before


@pytest.mark.parametrize("override", ["seed=1", "trainer.max_epochs=3", "scoring.n_samples=4"])
def test_a_finished_run_of_another_configuration_is_in_the_way(
    kept: Path, train_in, override: str
) -> None:
    before = modified(kept)
    with pytest.raises(ConfigError, match="another configuration") as caught:
        train_in(kept, *AS_FINISHED, override)
    assert str(kept) in str(caught.value)
    assert modified(kept) == before


def test_a_damaged_evaluation_is_not_taken_for_a_finished_run(
    kept: Path, train_in, tmp_path: Path
) -> None:
    content = (kept / "evaluation.json").read_text()
    damaged = tmp_path / "evaluation.json"
    damaged.write_text(content[: len(content) // 2])
    with pytest.raises(DataError, match="no file of scores") as caught:
        train_in(tmp_path, "trainer.max_epochs=4", "keep_finished=true")
    assert str(damaged) in str(caught.value)


def test_the_epochs_of_a_run_are_in_its_evaluation_and_its_checkpoint(finished_run: Path) -> None:
    epochs = json.loads((finished_run / "evaluation.json").read_text())["epochs"]
    assert epochs == nmrflow.load_checkpoint(finished_run).description["epochs"]
    rows = pd.read_csv(finished_run / "metrics.csv")
    assert [row["epoch"] for row in epochs] == [1, 2, 3, 4]
    for column in ("val/f1_macro", "train/loss_y"):
        assert [row[column] for row in epochs] == pytest.approx(rows[column].tolist())
