"""For tests of commands: the command line with a small network, in an empty folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from rich import get_console
from typer.testing import CliRunner, Result

from nmrflow import console
from nmrflow.answers import elucidation
from nmrflow.commands import settings
from nmrflow.commands.app import app
from nmrflow.model.trained import TrainedFlow

WITH_NETWORK = ("predict", "elucidate", "rank", "assign", "check")

Run = Callable[..., Result]


@pytest.fixture
def loaded() -> list[str]:
    """Names of the networks that were asked for."""
    return []


@pytest.fixture
def run(
    loaded: list[str],
    small_flow: TrainedFlow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Types a command; whatever comes of it, nobody may see a traceback."""

    def load(name: str) -> TrainedFlow:
        loaded.append(name)
        return small_flow

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NMRFLOW_TRACEBACK", raising=False)
    monkeypatch.setattr(settings, "load", load)
    monkeypatch.setattr(elucidation, "N_SAMPLES", 20)
    monkeypatch.setattr(console, "_is_quiet", False)
    monkeypatch.setattr(get_console(), "width", 80)

    def type_in(*typed: str, code: int = 0) -> Result:
        more = ("--threads", "1") if typed[:1] and typed[0] in WITH_NETWORK else ()
        result = CliRunner().invoke(app, [*typed, *more])
        assert isinstance(result.exception, SystemExit | None), repr(result.exception)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        assert not list(tmp_path.glob("**/.*.unfinished"))
        return result

    return type_in
