"""The example files: each is read by the commands that its README names."""

import csv
import json
import re
import shlex
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import Result

from nmrflow.chem.structure import Structure
from nmrflow.commands import example_files
from nmrflow.commands.example_files import MOLECULES, TOLUENE, write_examples
from nmrflow.errors import DataError

Run = Callable[..., Result]

COMMANDS = re.findall(r"^  nmrflow (.*)$", example_files._README, re.MULTILINE)


@pytest.fixture
def examples(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the example files, in the folder where commands are typed."""
    result = run("examples", "ex")
    said = result.stdout
    assert len(result.stderr.splitlines()) == 2
    assert "nmrflow: a list of shifts does not hold multiplicities, " in result.stderr
    monkeypatch.chdir("ex")
    names = sorted(file.name for file in Path().iterdir())
    assert sorted(Path(line).name for line in said.splitlines()) == names
    return names


def test_the_readme_names_every_file(examples: list[str]) -> None:
    readme = Path("README.txt").read_text(encoding="utf-8")
    assert len(COMMANDS) > 10
    assert all(f"  nmrflow {command}\n" in readme for command in COMMANDS)
    for name in examples:
        assert name == "README.txt" or any(name in command.split() for command in COMMANDS)


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_works(command: str, run: Run) -> None:
    typed = shlex.split(command)
    few = ("--samples", "10", "-n", "2") if typed[0] == "elucidate" else ()
    said = run(*typed, *few).stdout
    assert "refused" not in said
    for word, name in pairwise(typed):
        assert word != "-o" or Path(name).stat().st_size > 0


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize(
    "name",
    [
        "list.txt",
        "csearch.txt",
        "table.csv",
        "publication.txt",
        "peaks.jdx",
        "nmrshiftdb2.sdf",
        "nmredata.sdf",
    ],
)
def test_every_spectrum_is_that_of_toluene(name: str, run: Run) -> None:
    run("elucidate", name, "--samples", "2", "-o", "a.json")
    (found,) = json.loads(Path("a.json").read_text(encoding="utf-8"))["results"]
    assert sorted(found["peaks_ppm"]) == sorted(TOLUENE.shifts_ppm)
    assert found["left_out"] == []


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize(
    "name", ["molecules.smi", "molecules.csv", "molecules.sdf", "molecules.inchi"]
)
def test_every_list_of_molecules_is_the_same(name: str, run: Run) -> None:
    run("predict", name, "-o", "a.csv")
    with Path("a.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    found = {row["name"]: row["smiles"] for row in rows}
    assert found == {
        name: Structure.from_smiles(smiles).connectivity for name, smiles in MOLECULES.items()
    }


def test_files_that_are_there_are_not_touched(run: Run, examples: list[str]) -> None:
    assert len(examples) > 10
    Path("list.txt").write_text("mine")
    said = run("examples", ".", code=1).stderr
    assert said.startswith("nmrflow: ")
    assert "exists already; name another folder" in said
    assert Path("list.txt").read_text() == "mine"


@pytest.mark.filterwarnings("ignore::nmrflow.formats.left_out.LeftOutWarning")
@pytest.mark.parametrize("name", ["list.txt", "nmredata.sdf"])
def test_one_file_that_is_there_is_enough(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(DataError, match=f"{name}: exists already"):
        write_examples(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.filterwarnings("ignore::nmrflow.formats.left_out.LeftOutWarning")
def test_folders_are_made_or_refused(tmp_path: Path) -> None:
    assert all(file.exists() for file in write_examples(tmp_path / "a" / "b"))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_examples(tmp_path / "file")
