"""``check`` with the network of the package: what fits, what does not, and what is exchanged."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import nmrflow
from nmrflow.answers.check import Verdict
from nmrflow.chem.structure import Structure
from nmrflow.commands.app import app
from nmrflow.errors import SpectrumError, StructureError
from nmrflow.formats.spectrum_sdf import write_record
from nmrflow.model.trained import TrainedFlow

TOLUENE = (137.9, 129.1, 128.3, 125.3, 21.5)
ASSIGNED = {0: 21.5, 1: 137.9, 2: 129.1, 6: 129.1, 3: 128.3, 5: 128.3, 4: 125.3}
"""By atom of Cc1ccccc1."""


@pytest.fixture(scope="module")
def model() -> TrainedFlow:
    return nmrflow.load_pretrained("hydrocarbons")


def exchanged(one: float, other: float) -> dict[int, float]:
    swap = {one: other, other: one}
    return {atom: swap.get(shift, shift) for atom, shift in ASSIGNED.items()}


@pytest.mark.parametrize("assignment", [None, ASSIGNED])
def test_what_fits_fits(assignment: dict[int, float] | None, model: TrainedFlow) -> None:
    found = nmrflow.check(model, TOLUENE, "Cc1ccccc1", assignment)
    assert found.verdict == Verdict.FITS
    assert {one.verdict for one in found.carbons} == {Verdict.FITS}
    assert found.exchanges == ()
    assert found.is_assigned == (assignment is not None)
    atoms = sorted(atom for one in found.carbons for atom in one.assigned.group.atoms)
    assert atoms == list(range(7))


def test_two_peaks_that_are_exchanged_are_named(model: TrainedFlow) -> None:
    found = nmrflow.check(model, TOLUENE, "Cc1ccccc1", exchanged(137.9, 21.5))
    (pair,) = found.exchanges
    assert {pair.one.group.atoms, pair.other.group.atoms} == {(0,), (1,)}
    wrong = {one.assigned.group.atoms: one for one in found.carbons if one.better}
    assert wrong[0,].better == 21.5
    assert wrong[1,].better == 137.9
    assert {one.verdict for one in wrong.values()} == {Verdict.NO_FIT}
    # The structure is not at fault.
    assert found.verdict == Verdict.DOUBTFUL
    assert found.best_wrong == 0


def test_multiplicities_that_are_told_count(model: TrainedFlow) -> None:
    peaks = "137.9 (s), 129.1 (d), 128.3 (d), 125.3 (d), 21.5 (q)"
    found = nmrflow.check(model, peaks, "Cc1ccccc1", exchanged(137.9, 21.5))
    assert len(found.exchanges) == 1
    assert found.fit.contradiction is None
    # A quartet is no CH, and cannot be given to one: its exchange is no remedy.
    peaks = "137.9 (s), 129.1 (d), 128.3 (d), 125.3 (d), 124.9 (q)"
    told = {atom: 124.9 if shift == 125.3 else shift for atom, shift in ASSIGNED.items()}
    found = nmrflow.check(model, peaks, "Cc1ccccc1", told | {0: 125.3})
    wrong = {one.assigned.group.atoms for one in found.carbons if one.verdict == Verdict.NO_FIT}
    assert {(0,), (4,)} <= wrong


def test_another_structure_does_not_fit_well(model: TrainedFlow) -> None:
    found = nmrflow.check(model, TOLUENE, "C1=CC=CC=CC1")
    assert found.verdict != Verdict.FITS
    assert any(one.verdict == Verdict.NO_FIT for one in found.carbons)


def test_a_peak_too_many_is_seen(model: TrainedFlow) -> None:
    found = nmrflow.check(model, (*TOLUENE, 60.0), "Cc1ccccc1")
    assert found.verdict == Verdict.DOUBTFUL
    assert found.fit.n_extra == 1


def test_of_equivalent_carbons_one_may_stand_for_all(model: TrainedFlow) -> None:
    told = {0: 21.5, 1: 137.9, 2: 129.1, 3: 128.3}
    found = nmrflow.check(model, TOLUENE, "Cc1ccccc1", told)
    groups = {one.assigned.group.atoms for one in found.carbons}
    assert groups == {(0,), (1,), (2, 6), (3, 5)}
    assert [group.atoms for group in found.unassigned] == [(4,)]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({7: 21.5}, "atom 8 is assigned, and is no carbon"),
        ({-1: 21.5}, "is no carbon"),
        ({0: 21.4}, "21.4 ppm, which is no peak"),
        ({}, "assigns nothing"),
    ],
)
def test_impossible_assignments_are_refused(
    told: dict[int, float], why: str, model: TrainedFlow
) -> None:
    with pytest.raises(SpectrumError, match=why):
        nmrflow.check(model, TOLUENE, "Cc1ccccc1", told)
    with pytest.raises(StructureError):
        nmrflow.check(model, TOLUENE, "CCO[Hg]", None)


def run(*typed: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["check", *typed, "-m", "hydrocarbons", "--threads", "1"])
    assert result.exit_code == code, result.output
    return result


def results(name: Path) -> list[dict[str, Any]]:
    return list(json.loads(name.read_text())["results"])


def test_a_table_names_atoms_by_number(tmp_path: Path) -> None:
    table = tmp_path / "peaks.csv"
    table.write_text("shift;atoms\n21.5;2\n129.1;3 7\n128.3;4 6\n125.3;5\n137.9;1\n")
    files = [tmp_path / f"out.{form}" for form in ("csv", "json", "html", "svg")]
    typed = [part for file in files for part in ("-o", str(file))]
    said = run(str(table), "Cc1ccccc1", *typed).stdout
    assert "21.5 ppm (atom 2) and 137.9 ppm (atom 1) fit better exchanged." in said
    assert "fits the spectrum, but not as it is assigned" in said
    with files[0].open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    by_atoms = {row["atoms"]: row for row in rows}
    assert (by_atoms["2"]["verdict"], by_atoms["2"]["better_ppm"]) == ("does not fit", "137.9")
    assert by_atoms["5"]["verdict"] == "fits"
    assert {row["verdict_of_structure"] for row in rows} == {"doubtful"}
    (record,) = results(files[1])
    assert record["verdict_of_structure"] == "doubtful"
    assert len(record["carbons"]) == 5
    assert "fit better exchanged" in files[2].read_text()


def test_labels_that_are_no_numbers_are_said_not_to_be_used(tmp_path: Path) -> None:
    table = tmp_path / "peaks.csv"
    table.write_text("shift;atoms\n21.5;Me\n129.1;o\n128.3;m\n125.3;p\n137.9;i\n")
    said = run(str(table), "Cc1ccccc1").stdout
    assert "was not used: 'Me' is no number of a carbon" in " ".join(said.split())
    assert "The structure fits the spectrum." in said


def test_atoms_of_an_sdf_are_those_of_the_same_molecule(tmp_path: Path) -> None:
    structure = Structure.from_smiles("c1cc(C)ccc1")
    shifts = [128.3, 129.1, 137.9, 21.5, 129.1, 128.3, 125.3]
    file = tmp_path / "toluene.sdf"
    file.write_text(write_record(structure, shifts, name="toluene"))
    for own in ((), ("Cc1ccccc1",)):
        said = run(str(file), *own).stdout
        assert "The structure fits the spectrum." in said
    said = " ".join(run(str(file), "C1=CC=CC=CC1").stdout.split())
    assert "The file's own structure is another" in said


def test_without_a_structure_there_is_nothing_to_check() -> None:
    assert "tells no structure" in run("21.5, 125.3", code=1).stderr
