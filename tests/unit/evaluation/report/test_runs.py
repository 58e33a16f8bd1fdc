"""What several runs say together, on runs made up here."""

import json
from pathlib import Path

import pandas as pd
import pytest

from nmrflow.errors import DataError
from nmrflow.evaluation.report.runs import (
    epochs_table,
    paper_table,
    read_runs,
    scores_table,
    seeds,
    span,
    summarise,
)


def made_up(seed: int, f1: float, n_epochs: int = 2, name: str = "made") -> dict:
    epochs = [{"epoch": e, "val/f1_macro": f1 / 2 + e} for e in range(1, n_epochs + 1)]
    return {
        "experiment": name,
        "data": "table",
        "split": "structure",
        "split_seed": seed,
        "seed": seed,
        "n": 100 + seed,
        "spectrum/f1_macro": f1,
        "conditional/cd_local": {"0.01": f1, "1": None},
        "conditional/n_molecules": 32,
        "structure/unique": None,
        "calibration/reliability": [],
        "epochs": epochs,
        "examples": [1, 2, 3],
    }


def store(folder: Path, *runs: dict) -> Path:
    for number, run in enumerate(runs):
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / "evaluation.json").write_text(json.dumps(run))
    return folder


def test_runs_come_ordered_and_with_their_lengths(tmp_path: Path) -> None:
    folder = store(tmp_path, made_up(3, 0.1), made_up(1, 0.1), made_up(2, 0.1, n_epochs=5))
    runs = read_runs(folder)
    assert [(run["n_epochs"], run["split_seed"]) for run in runs] == [(2, 1), (2, 3), (5, 2)]
    assert runs[0]["run"] == str(folder / "1")


def test_numbers_of_maps_are_columns_and_lists_are_none() -> None:
    table = scores_table([made_up(0, 0.2), made_up(1, 0.4)])
    assert table["conditional/cd_local/0.01"].tolist() == [0.2, 0.4]
    assert table["structure/unique"].isna().all()
    assert "calibration/reliability" not in table
    assert table["examples"].tolist() == [3, 3]


def test_summary_is_of_the_values_that_are_there() -> None:
    summary = summarise(pd.Series([1.0, None, 2.0, 6.0], dtype=object))
    assert summary["mean"] == 3.0
    assert summary["sd"] == pytest.approx(7**0.5)
    assert (summary["min"], summary["max"], summary["runs"]) == (1.0, 6.0, 3)
    assert summarise(pd.Series([None], dtype=object)) == {
        "mean": None,
        "sd": None,
        "min": None,
        "max": None,
        "runs": 0,
    }
    assert summarise(pd.Series([0.5]))["sd"] is None


def test_an_epoch_of_a_split_counts_once_whatever_the_lengths() -> None:
    table = epochs_table([made_up(0, 0.9, n_epochs=3), made_up(0, 0.1), made_up(1, 0.1)])
    assert table.groupby("epoch").size().to_dict() == {1: 2, 2: 2, 3: 1}
    first = table[(table["split_seed"] == 0) & (table["epoch"] == 1)]
    assert first["val/f1_macro"].item() == pytest.approx(1.05)  # the shorter run's


def test_the_papers_quantities_with_their_conditions() -> None:
    runs = [made_up(seed, 0.1 * (seed + 1)) for seed in range(3)]
    longer = made_up(0, 0.1, n_epochs=10)
    table = paper_table(runs, [*runs, longer]).set_index("quantity")
    f1 = table.loc["F1 of y, macro"]
    assert f1["mean"] == pytest.approx(0.2)
    assert (f1["runs"], f1["molecules"], f1["split seeds"]) == (3, "100 to 102", "0 to 2")
    assert f1["paper"] == "0.1695 (0.1548 to 0.1839)"
    tenth = table.loc["Table 1, epoch 10: F1 macro"]
    assert (tenth["mean"], tenth["runs"], tenth["split seeds"]) == (10.05, 1, "0")
    missing = table.loc["reconstruction, mean error"]
    assert pd.isna(missing["mean"])
    assert missing["runs"] == 0


@pytest.mark.parametrize(
    ("values", "text"),
    [([5], "5"), ([1, 0, 2], "0 to 2"), ([0, 1], "0, 1"), ([4, 7, 9], "4, 7, 9")],
)
def test_seeds_as_text(values: list[int], text: str) -> None:
    assert seeds(values) == text


def test_spans_as_text() -> None:
    assert span(pd.Series([1320, 1320])) == "1,320"
    assert span(pd.Series([3, 1])) == "1 to 3"
    assert span(pd.Series(dtype=float)) == ""


def test_what_is_no_run_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="train first"):
        read_runs(tmp_path)
    file = store(tmp_path, made_up(0, 0.1)) / "0" / "evaluation.json"
    old = made_up(0, 0.1)
    del old["epochs"]
    for content, said in (
        ("{", "no file of scores"),
        ("[1]", "list"),
        (json.dumps(old), "epochs"),
    ):
        file.write_text(content)
        with pytest.raises(DataError, match=said) as error:
            read_runs(tmp_path)
        assert str(file) in str(error.value)
