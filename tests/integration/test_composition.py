"""A stranger's configuration, given to the command as the documentation says."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["a callback", "a rerun"])
def test_a_strangers_configuration_runs_nothing(
    how: str, typed: Callable[..., None], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made, trap = tmp_path / "made", tmp_path / "x.pkl"
    trap.write_bytes(pickle.dumps(Trap(made)))
    (tmp_path / "conf").mkdir()
    evil = {"_target_": "pandas.read_pickle", "filepath_or_buffer": str(trap)}
    content = {"name": "a", "hydra": {"run": {"dir": "run"}, "callbacks": {"x": evil}}}
    (tmp_path / "conf" / "config.yaml").write_text(yaml.safe_dump(content))
    words = ["--config-path", str(tmp_path / "conf"), "--config-name", "config"]
    if how == "a rerun":
        words = ["--experimental-rerun", str(trap)]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as left:
        typed(*words, cwd=tmp_path)
    said = capfd.readouterr().err
    assert left.value.code == 1
    assert said.startswith("nmrflow: ")
    assert said.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
