"""A stranger's configuration, given to the command as the documentation says."""

import os
import pickle
import subprocess
import sys
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


@pytest.mark.slow
@pytest.mark.parametrize("how", ["a callback", "a rerun"])
def test_a_strangers_configuration_runs_nothing(how: str, tmp_path: Path) -> None:
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
    done = subprocess.run(
        [sys.executable, "-m", "nmrflow.train", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("nmrflow: ")
    assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
