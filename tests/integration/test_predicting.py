"""Many molecules, predicted by several processes; more draws than are done."""

from pathlib import Path

import pytest

from nmrflow.commands import predicting
from nmrflow.commands.answering import Asking
from nmrflow.commands.elucidating import run_elucidate
from nmrflow.commands.settings import Settings
from nmrflow.errors import SpectrumError

pytestmark = pytest.mark.slow

ROWS = (
    "CCO one",
    "c1ccccc1O two",
    "C[Hg]C no",
    "",
    "CC(=O)C three",
    "not a molecule",
    "CCN",
    "C1CC1",
)


def test_several_processes_say_what_one_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "N_AT_ONCE", 2)
    molecules = tmp_path / "molecules.smi"
    molecules.write_text("\n".join(ROWS))
    said = []
    for name, few in (("one", 100), ("several", 1)):
        monkeypatch.setattr(predicting, "N_FOR_PROCESSES", few)
        file = tmp_path / f"{name}.csv"
        settings = Settings("organic", (file,), "mark", 2, is_quiet=True)
        predicting.run_predict([str(molecules)], settings, None)
        said.append(file.read_text())
    assert said[0] == said[1]
    assert said[0].count("\n") > len(ROWS)


def test_more_draws_than_a_minute_holds_are_refused_of_the_larger_network() -> None:
    settings = Settings("organic", (), "stop", 1, is_quiet=True)
    asking = Asking("20.0, 30.0", None, keeps_solvent=False)
    with pytest.raises(SpectrumError, match="1,500 at most"):
        run_elucidate(asking, settings, n_shown=1, n_samples=1_501, seed=0)
