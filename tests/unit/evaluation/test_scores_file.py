"""The file of scores: written whole or not at all, and read or refused in words."""

import json
from pathlib import Path

import pytest

from nmrflow.errors import ConfigError, DataError
from nmrflow.evaluation.scores_file import (
    EVALUATION,
    find_finished,
    flatten_scores,
    read_scores,
    write_scores,
)

SCORES = {
    "n": 3,
    "data_path": "/tmp/ä b.csv",
    "configuration_sha256": "abc",
    "spectrum/f1_macro": 0.1 + 0.2,
    "latent/y_from_z_auroc_linear": None,
    "conditional/cd_local": {"0.01": 1e-17, "1": 2},
    "calibration/reliability": [{"predicted": 0.25, "observed": 0.5, "n": 3}],
    "epochs": [],
}


def test_scores_come_back_to_the_last_digit(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / EVALUATION
    write_scores(SCORES, file)
    assert read_scores(file) == SCORES
    assert list(read_scores(file)) == list(SCORES)
    assert len(file.read_text().splitlines()) == len(SCORES) + 2
    assert [path.name for path in file.parent.iterdir()] == [EVALUATION]


def test_what_cannot_be_written_leaves_the_earlier_file(tmp_path: Path) -> None:
    file = tmp_path / EVALUATION
    write_scores(SCORES, file)
    with pytest.raises(TypeError):
        write_scores({"n": 1, "bad": object()}, file)
    assert read_scores(file) == SCORES


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"output=.*file/scores\.json: cannot be written"):
        write_scores(SCORES, tmp_path / "file" / "scores.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no file of scores"),
        (json.dumps(SCORES).encode()[:-9], "no file of scores"),
        (b"\xff\xfe\x00", "no file of scores"),
        (b"[1, 2]", "a list"),
        (None, "No such file"),
    ],
)
def test_what_is_no_evaluation_is_refused(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / EVALUATION
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        read_scores(file)
    assert str(file) in str(caught.value)
    assert "remove it" in str(caught.value)


def test_a_finished_run_is_found_if_it_is_the_one(tmp_path: Path) -> None:
    assert find_finished(tmp_path / "none", "abc") is None
    assert find_finished(tmp_path, "abc") is None
    write_scores(SCORES, tmp_path / EVALUATION)
    assert find_finished(tmp_path, "abc") == SCORES
    with pytest.raises(ConfigError, match="another configuration") as caught:
        find_finished(tmp_path, "abd")
    assert str(tmp_path) in str(caught.value)
    write_scores({"n": 1}, tmp_path / EVALUATION)  # Of before there were digests.
    with pytest.raises(ConfigError, match="another configuration"):
        find_finished(tmp_path, "abc")
    (tmp_path / EVALUATION).write_text("{")
    with pytest.raises(DataError, match="no file of scores"):
        find_finished(tmp_path, "abc")


def test_single_numbers_and_maps_of_them_are_flattened_and_nothing_else() -> None:
    evaluation = {
        "n": 24,
        "seed": 3,
        "data": "revmolspec",
        "data_path": None,
        "excluded": {"methane": 2},
        "spectrum/f1_macro": 0.125,
        "latent/y_from_z_auroc_linear": None,
        "latent/dimension_mean": [0.5, 1.5],
        "conditional/cd_prior": None,
        "conditional/cd_local": {"0.01": 0.5, "1": 50.0},
        "calibration/reliability": [{"predicted": 0.25, "observed": 0.5, "n": 3}],
        "epochs": [{"epoch": 1}],
    }
    assert flatten_scores(evaluation) == {
        "n": 24,
        "seed": 3,
        "spectrum/f1_macro": 0.125,
        "latent/y_from_z_auroc_linear": None,
        "conditional/cd_prior": None,
        "conditional/cd_local/0.01": 0.5,
        "conditional/cd_local/1": 50.0,
    }
