"""Libraries from the command line, with the network that comes with the package."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nmrflow
from nmrflow.commands.app import app

pytestmark = pytest.mark.slow

KNOWN = ("Cc1ccccc1 toluene", "CCc1ccccc1", "Cc1ccc(C)cc1", "CCO", "CC(C)C1CCC(C)CC1O menthol")
TOLUENE = "137.9, 129.1, 128.3, 125.3, 21.5"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("libraries")
    (folder / "known.smi").write_text("\n".join([*KNOWN, "C1CC"]) + "\n")
    told = ["library", "build", str(folder / "known.smi"), "-o", str(folder / "lib")]
    done = CliRunner().invoke(app, [*told, "--threads", "1", "--members", "2"])
    assert done.exit_code == 0, done.output
    assert "5 molecules of 6 rows" in done.output
    assert "left out, cannot be read: 1" in done.output
    return folder / "lib"


def run(*told: str | Path) -> str:
    done = CliRunner().invoke(app, list(map(str, told)))
    assert done.exit_code == 0, done.output
    return done.output


def test_a_spectrum_is_found_and_written(library: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"hits{ending}" for ending in (".json", ".csv", ".sdf", ".html")]
    outputs = [part for file in files for part in ("-o", file)]
    shown = run("search", library, TOLUENE, "--elements", "C,H", *outputs)
    assert "3 of 5 molecules have of C, H alone" in shown
    (found,) = json.loads(files[0].read_text())["results"]
    assert found["candidates"][0]["smiles"] == "Cc1ccccc1"
    assert found["candidates"][0]["name"] == "toluene"
    assert found["candidates"][0]["n_matched"] == 5
    assert all(file.stat().st_size for file in files)


def test_many_spectra_are_searched_one_by_one(library: Path, tmp_path: Path) -> None:
    (tmp_path / "several.txt").write_text(f"> one\n{TOLUENE}\n> two\n57.8, 18.3\n")
    run("search", library, tmp_path / "several.txt", "-n", "1", "-o", tmp_path / "hits.csv")
    lines = (tmp_path / "hits.csv").read_text().splitlines()
    assert [line.split(",")[5] for line in lines[1:]] == ["Cc1ccccc1", "CCO"]


def test_what_it_is_made_of_and_whether_it_is_whole(library: Path) -> None:
    assert "known.smi" in run("library", "info", library)
    assert "as it was written" in run("library", "verify", library)


def test_killed_amid_the_work_it_goes_on(library: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys, nmrflow.library.build as b\n"
        "b.write_shard = lambda *a: os.kill(os.getpid(), 9)\n"
        "b.build([sys.argv[1]], sys.argv[2], n_members=2)\n"
    )
    source = library.parent / "known.smi"
    told = [sys.executable, "-c", code, str(source), str(tmp_path / "lib")]
    assert subprocess.run(told, check=False).returncode == -9
    run("library", "build", source, "-o", tmp_path / "lib", "--threads", "1", "--members", "2")
    for file in library.iterdir():
        assert (tmp_path / "lib" / file.name).read_bytes() == file.read_bytes()


def test_two_spectra_are_compared(tmp_path: Path) -> None:
    shown = run("compare", TOLUENE, "Cc1ccccc1")
    assert "similarity 0.9" in shown
    (tmp_path / "list.txt").write_text(TOLUENE)
    assert "similarity 1.000" in run("compare", tmp_path / "list.txt", TOLUENE)


def test_the_same_from_python(library: Path) -> None:
    model = nmrflow.load_pretrained("organic")
    opened = nmrflow.Library(library, model)
    found = nmrflow.search(model, opened, TOLUENE, nmrflow.Filters(formula="C7H8"))
    assert [c.structure.connectivity for c in found.candidates] == ["Cc1ccccc1"]
