"""What is typed, and what is said and written of it: with a small network at random."""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem, rdBase
from rich import get_console
from typer.testing import Result

import nmrflow
from nmrflow.model import pretrained
from nmrflow.model.manifest import seal
from nmrflow.output.items import ASSIGNMENT_COLUMNS, PREDICTION_COLUMNS
from nmrflow.output.ranked import CANDIDATE_COLUMNS

TOLUENE = "137.89, 129.07, 128.26, 125.33, 21.46"
WITH_NETWORK = ("predict", "elucidate", "rank", "assign", "check")
FEW = ("--samples", "20")
NO_CODE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # what moves a terminal's cursor

Run = Callable[..., Result]


def table(name: str) -> list[dict[str, str]]:
    with Path(name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def results(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(Path(name).read_text(encoding="utf-8"))["results"]
    return found


def refusals(result: Result) -> str:
    """The error that a person reads: one line, and nothing else on that stream."""
    assert result.stderr.startswith("nmrflow: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


# About itself.


def test_it_tells_its_version(run: Run) -> None:
    assert run("--version").stdout == f"nmrflow {nmrflow.__version__}\n"


@pytest.mark.parametrize(
    "command",
    ["", *WITH_NETWORK, "examples", "models", "models list", "models verify"],
)
def test_every_command_has_help(command: str, run: Run, loaded: list[str]) -> None:
    said = run(*command.split(), "--help").stdout
    assert f"Usage: nmrflow {command}".strip() in said
    assert len(said.splitlines()) > 5
    if command in WITH_NETWORK:
        assert f"Example: nmrflow {command} " in said
        assert all(option in said for option in ("--output", "--model", "--quiet", "--threads"))
    assert loaded == []


def test_without_a_command_it_helps(run: Run) -> None:
    assert "Usage: nmrflow" in run(code=2).output


@pytest.mark.parametrize(
    "typed",
    [
        ("predict",),
        ("elucidate", "20.0", "--samples", "0"),
        ("elucidate", "20.0", "-n", "0"),
        ("elucidate", "20.0", "--seed", "-1"),
        ("predict", "CC", "--on-error", "ignore"),
        ("rank", "20.0"),
        ("predict", "CC", "--colour", "red"),
        ("distil", "CC"),
    ],
    ids=" ".join,
)
def test_what_no_command_takes_is_refused(
    typed: tuple[str, ...], run: Run, loaded: list[str]
) -> None:
    assert "Usage: nmrflow" in run(*typed, code=2).stderr
    assert loaded == []


# Predicting.


def test_a_smiles_is_predicted(run: Run) -> None:
    said = run("predict", "Cc1ccccc1 toluene").stdout
    assert said.startswith("toluene Cc1ccccc1 (C7H8)")
    rows = [line for line in said.splitlines() if line.startswith("│")]
    atoms = [row.split("│")[4].split() for row in rows]
    assert sorted(atoms) == [["1"], ["2"], ["3", "7"], ["4", "6"], ["5"]]


MIXED = "CC ethane\n\n# a comment\nCCO ethanol\nxyz\nCCC propane\n"


@pytest.mark.parametrize(
    ("on_error", "code", "numbers"),
    [("mark", 0, "12345"), ("skip", 0, "15"), ("stop", 1, None)],
)
def test_what_becomes_of_bad_molecules(
    on_error: str, code: int, numbers: str | None, run: Run
) -> None:
    Path("a.smi").write_text(MIXED)
    said = run("predict", "a.smi", "-o", "a.csv", "--on-error", on_error, code=code)
    if numbers is None:
        assert refusals(said) == "nmrflow: a.smi:2: empty line\n"
        assert not Path("a.csv").exists()
        return
    rows = table("a.csv")
    assert tuple(rows[0]) == PREDICTION_COLUMNS
    assert [row["number"] for row in rows] == list(numbers)
    fate = {"mark": "marked", "skip": "left out"}[on_error]
    assert f"5 molecules: 2 predicted, 3 {fate}\n" in said.stdout
    assert [row["name"] for row in rows if row["status"] == "ok"] == ["ethane", "propane"]
    for row in rows:
        assert (row["status"] == "refused") == bool(row["reason"]) == (not row["shifts_ppm"])


def test_an_empty_line_is_a_row(run: Run) -> None:
    Path("a.smi").write_text("CC\n\nCCC\n")
    said = run("predict", "a.smi", "-o", "a.csv").stdout
    assert [row["reason"] for row in table("a.csv")] == ["", "empty line", ""]
    assert "row 2: empty line\n" in said


def test_several_sources_are_numbered_through(run: Run) -> None:
    Path("a.smi").write_text("CC\nCCC\n")
    Path("b.csv").write_text("mol,n\nCCCC,1\n")
    run("predict", "C=C", "a.smi", "CC=C", "-o", "a.csv")
    assert [(r["number"], r["input"]) for r in table("a.csv")] == [
        ("1", "C=C"), ("2", "CC"), ("3", "CCC"), ("4", "CC=C"),
    ]  # fmt: skip
    run("predict", "b.csv", "--smiles-column", "mol", "-o", "b2.csv")
    assert [row["smiles"] for row in table("b2.csv")] == ["CCCC"]
    assert "no column" in refusals(run("predict", "b.csv", code=1))


def test_several_files_are_written_at_once(run: Run) -> None:
    Path("a.smi").write_text(MIXED)
    names = [f"a.{ending}" for ending in ("csv", "json", "sdf", "html", "svg", "png")]
    outputs = [typed for name in names for typed in ("-o", name)]
    said = run("predict", "a.smi", *outputs).stdout
    for name in names:
        assert f"written {name}\n" in said
    pictures = {
        "a-5-propane.svg",
        "a-5-propane.png",
    }  # The fifth row is the second that has a prediction.
    assert {file.name for file in Path().iterdir()} == {"a.smi", *pictures, *names}
    assert len(table("a.csv")) == len(results("a.json")) == 5
    with rdBase.BlockLogs():
        assert len(Chem.SDMolSupplier("a.sdf")) == 5


def test_where_nothing_is_predicted_it_fails(run: Run) -> None:
    said = run("predict", "CCO", "xyz", "-o", "a.csv", code=1)
    assert "2 refused, none predicted; the last: 'xyz' is no SMILES" in refusals(said)
    assert [row["status"] for row in table("a.csv")] == ["refused"] * 2


def test_many_molecules_are_said_in_brief(run: Run) -> None:
    Path("a.smi").write_text("CCC\n" * 12)
    said = run("predict", "a.smi").stdout
    assert said.count("CCC (C3H8)") == 10
    assert len(re.findall(r"^CCC: \d+\.\d, \d+\.\d$", said, re.MULTILINE)) == 2
    # Where they are written, the screen is spared.
    assert "CCC" not in run("predict", "a.smi", "-o", "a.csv").stdout
    assert len(table("a.csv")) == 12


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("CC\udcff", "no SMILES has"),
        ("", "empty line"),
        ("C" * 5_000, "C5000H10002"),
        ("CC.CC", "2 molecules that do not hang together"),
        ("C", "CH4 has 1 carbon"),
        ("missing.smi", "missing.smi.*no such file"),
        ("folder.smi", "folder.smi"),
    ],
)
def test_odd_molecules_are_refused_in_words(typed: str, reason: str, run: Run) -> None:
    Path("folder.smi").mkdir()
    assert re.search(reason, refusals(run("predict", typed, code=1)))


def test_a_missing_file_is_no_setting_of_a_training(run: Run) -> None:
    assert "data.path" not in refusals(run("predict", "missing.smi", code=1))


# Elucidating.


def test_candidates_are_shown_and_written(run: Run) -> None:
    said = run("elucidate", TOLUENE, "-f", "C7H8", *FEW, "-n", "3", "-o", "a.csv", "-o", "a.json")
    rows = table("a.csv")
    assert tuple(rows[0]) == CANDIDATE_COLUMNS
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert {row["formula"] for row in rows} == {"C7H8"}
    (found,) = results("a.json")
    assert [c["smiles"] for c in found["candidates"]] == [row["smiles"] for row in rows]
    assert (found["n_samples"], found["seed"], found["formula"]) == (20, 0, "C7H8")
    for row in rows:
        assert re.search(rf"│ {re.escape(row['smiles'])} +│$", said.stdout, re.MULTILINE)
    assert "The true structure is among these candidates with a probability" in said.stdout


def test_the_seed_is_followed(run: Run) -> None:
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        run("elucidate", TOLUENE, *FEW, "--seed", seed, "-o", f"{name}.csv")
    assert table("a.csv") == table("b.csv") != table("c.csv")


def test_lines_of_the_solvent_are_left_out_and_said(run: Run) -> None:
    said = run("elucidate", f"{TOLUENE}, 77.16", *FEW, "-o", "a.json").stdout
    assert said.startswith("Left out: 77.16 ppm (CDCl3); --keep-solvent keeps it.\n")
    assert len(results("a.json")[0]["peaks_ppm"]) == 5
    run("elucidate", f"{TOLUENE}, 77.16", "--keep-solvent", *FEW, "-o", "b.json")
    assert len(results("b.json")[0]["peaks_ppm"]) == 6


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (("hello",), "peak list: line 1: 'hello' is not a shift"),
        (("20.0, 300",), "'300' is no 13C shift"),
        (("",), "holds no shift"),
        (("77.16",), r"nothing but lines of solvent and reference \(77\.16 ppm \(CDCl3\)\)"),
        (("missing.txt",), r"missing\.txt: no such file"),
        (("bad.txt",), r"bad\.txt: line 2: 'x' is not a shift"),
        (("20.0", "-f", "C7H9"), "C7H9"),
        (("20.0", "-f", "benzene"), "'benzene' is none of a molecule"),
        (("20.0", "-o", "a.pdf"), r"a\.pdf: no form is known"),
        (("20.0", "-o", "none/a.csv"), "there is no folder none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_single_question_that_makes_no_sense_is_refused(
    typed: tuple[str, ...], reason: str, run: Run
) -> None:
    Path("bad.txt").write_text("20.0\nx\n")
    said = run("elucidate", *typed, "-o", "b.csv", code=1)
    assert re.search(reason, refusals(said))
    is_spectrum = len(typed) == 1 and typed != ("missing.txt",)
    assert said.stdout == ("written b.csv\n" if is_spectrum else "")
    if is_spectrum:  # A row of input is a row of output, whatever becomes of it.
        (row,) = table("b.csv")
        assert row["status"] == "refused"
        assert row["reason"] in refusals(said)
    else:
        assert not Path("b.csv").exists()


def test_a_source_without_spectra_fails(run: Run) -> None:
    Path("empty.sdf").write_text("\n\n")
    said = run("elucidate", "empty.sdf", "-o", "a.csv", code=1)
    assert "empty.sdf: holds no spectrum" in refusals(said)


def test_a_spectrum_without_candidates_is_a_row_too(run: Run) -> None:
    Path("two.txt").write_text("> one\n20.0, 30.0\n> two\njunk\n")
    said = run("elucidate", "two.txt", "-f", "C17H4", "--samples", "1", "-o", "a.csv", code=1)
    rows = table("a.csv")
    assert [(row["query_name"], row["status"]) for row in rows] == [
        ("one", "refused"), ("two", "refused"),
    ]  # fmt: skip
    assert "No draw was a molecule, or none of the formula" in rows[0]["reason"]
    assert "none of 2 spectra" in refusals(said)


BATCH = "> one\n20.0, 30.0\n> two\njunk here\n> three\n128.5\n"


@pytest.mark.parametrize(("on_error", "queries"), [("mark", "123"), ("skip", "13")])
def test_a_bad_spectrum_among_others_is_a_row(on_error: str, queries: str, run: Run) -> None:
    Path("b.txt").write_text(BATCH)
    typed = ("elucidate", "b.txt", *FEW, "-n", "2", "--on-error", on_error)
    said = run(*typed, "-o", "a.csv", "-o", "a.json", "-o", "a.html").stdout
    rows = table("a.csv")
    assert list(dict.fromkeys(row["query"] for row in rows)) == list(queries)
    assert [row["query_name"] for row in rows if row["status"] == "refused"] == (
        ["two"] if on_error == "mark" else []
    )
    for row in rows:
        assert bool(row["smiles"]) == (row["status"] == "ok")
        assert ("'junk' is not a shift" in row["reason"]) == (row["status"] == "refused")
    assert len(results("a.json")) == len(queries)
    assert "spectrum two: b.txt: line 4: 'junk' is not a shift" in said
    assert "Spectrum one" in said
    assert "Spectrum three" in said


def test_a_bad_spectrum_may_end_all(run: Run) -> None:
    Path("b.txt").write_text(BATCH)
    said = run("elucidate", "b.txt", *FEW, "--on-error", "stop", "-o", "a.csv", code=1)
    assert "line 4: 'junk' is not a shift" in refusals(said)
    assert not Path("a.csv").exists()


def test_what_ends_all_is_said_once(run: Run) -> None:
    Path("b.txt").write_text(BATCH)
    said = run("elucidate", "b.txt", *FEW, "--on-error", "stop", code=1)
    assert refusals(said).count("b.txt:3") == 1
    assert "junk" not in said.stdout


def test_where_no_spectrum_can_be_read_it_fails(run: Run) -> None:
    Path("b.txt").write_text("> one\njunk\n> two\n300\n")
    run("elucidate", "b.txt", *FEW, "-o", "a.csv", code=1)


def test_a_bad_formula_fails_whatever_is_asked(run: Run) -> None:
    Path("b.txt").write_text(BATCH)
    run("elucidate", "b.txt", "-f", "C7H9", *FEW, code=1)


# Ranking.

ISOMERS = "Cc1ccccc1 toluene\nC1C=CC=CC=C1 cycloheptatriene\nCCO ethanol\nCc1ccccc1 again\n"


@pytest.mark.parametrize(
    ("on_error", "code", "n"), [("mark", 0, 4), ("skip", 0, 3), ("stop", 1, None)]
)
def test_what_becomes_of_bad_candidates(on_error: str, code: int, n: int | None, run: Run) -> None:
    Path("c.smi").write_text(ISOMERS)
    said = run("rank", TOLUENE, "c.smi", "-o", "a.csv", "--on-error", on_error, code=code)
    if n is None:
        assert re.search(r"c\.smi:3: C2H6O contains O", refusals(said))
        return
    rows = table("a.csv")
    assert len(rows) == n
    assert [row["rank"] for row in rows][:3] == ["1", "2", "3"]
    assert {row["name"] for row in rows[:3]} == {"toluene", "cycloheptatriene", "again"}
    assert [row["name"] for row in rows[3:]] == ["ethanol"] * (n - 3)
    assert "Left out of the order: c.smi:3: C2H6O contains O" in said.stdout


def test_a_file_that_is_named_twice_is_written_once(run: Run) -> None:
    said = run("predict", "Cc1ccccc1", "-o", "a.csv", "-o", str(Path("a.csv").resolve()))
    assert said.stdout.count("written") == 1
    assert [row["formula"] for row in table("a.csv")] == ["C7H8"]


def test_where_no_candidate_can_be_taken_it_fails(run: Run) -> None:
    said = run("rank", TOLUENE, "CCO", "xyz", "-o", "a.csv", code=1)
    assert re.search(r"no candidate can be taken \(SMILES 1: .* contains O", refusals(said))
    assert not Path("a.csv").exists()


def test_another_formula_is_ruled_out(run: Run) -> None:
    said = run("rank", TOLUENE, "CCCCCCC", "Cc1ccccc1", "-f", "C7H8", "-o", "a.csv").stdout
    assert [row["smiles"] for row in table("a.csv")] == ["Cc1ccccc1", "CCCCCCC"]
    assert "CCCCCCC  (ruled out: its formula is C7H16, not C7H8)" in said
    assert table("a.csv")[1]["contradiction"] == "its formula is C7H16, not C7H8"


def test_several_spectra_rank_the_same_candidates(run: Run) -> None:
    Path("b.txt").write_text(BATCH)
    run("rank", "b.txt", "CC", "CCC", "-o", "a.csv")
    assert [(row["query"], row["status"]) for row in table("a.csv")] == [
        ("1", "ok"), ("1", "ok"), ("2", "refused"), ("3", "ok"), ("3", "ok"),
    ]  # fmt: skip


# Assigning.


def test_every_peak_is_assigned(run: Run) -> None:
    typed = ("assign", f"{TOLUENE}, 60.0", "Cc1ccccc1")
    said = run(*typed, "-o", "a.csv", "-o", "a.json", "-o", "a.sdf", "-o", "a.png").stdout
    rows = table("a.csv")
    assert tuple(rows[0]) == ASSIGNMENT_COLUMNS
    assert [row["measured_ppm"] for row in rows] == [
        "137.89", "129.07", "128.26", "125.33", "60.0", "21.46",
    ]  # fmt: skip
    assert sorted(row["atoms"] for row in rows) == ["", "1", "2", "3+7", "4+6", "5"]
    assert said.count("│ none") == 1
    assert re.search(r"^\d of 6 peaks matched, mean deviation \d+\.\d\d ppm$", said, re.MULTILINE)
    whole = json.loads(Path("a.json").read_text())
    assert (whole["smiles"], whole["n_peaks"]) == ("Cc1ccccc1", 6)


def test_multiplicities_that_do_not_fit_are_said(run: Run) -> None:
    said = run("assign", "137.89 (C), 130.0 (C), 21.46", "Cc1ccccc1").stdout
    assert (
        "The multiplicities rule this structure out: 2 C by the peaks, 1 in the structure." in said
    )


@pytest.mark.parametrize(
    ("peaks", "structure", "reason"),
    [
        (TOLUENE, "CCO", "contains O"),
        (TOLUENE, "two.smi", "takes one spectrum and one structure, here are 1 and 2"),
        ("b.txt", "CC", "here are 3 and 1"),
        ("hello", "CC", "'hello' is not a shift"),
        (TOLUENE, "missing.mol", "no such file"),
    ],
)
def test_what_cannot_be_assigned_is_refused(
    peaks: str, structure: str, reason: str, run: Run
) -> None:
    Path("two.smi").write_text("CC\nCCC\n")
    Path("b.txt").write_text(BATCH)
    assert reason in refusals(run("assign", peaks, structure, "-o", "a.csv", code=1))
    assert not Path("a.csv").exists()


def test_atoms_are_numbered_as_the_text_that_was_typed(run: Run) -> None:
    typed = "c1ccc(C)cc1"
    for command in (("assign", TOLUENE, typed), ("predict", typed)):
        said = run(*command, "-o", "a.csv", "-o", "a.json").stdout
        assert f"{typed} (C7H8)" in said
        rows = table("a.csv")
        assert {row["input"] for row in rows} == {typed}
        atoms = {name for row in rows for name in row["atoms"].split()}
        assert atoms == {"1", "2+7", "3+6", "4", "5"}
    run("rank", TOLUENE, typed, "CCCCCCC", "-o", "a.csv", "-o", "a.json")
    rows = {row["input"]: row for row in table("a.csv")}
    assert rows[typed]["smiles"] == "Cc1ccccc1"
    (whole,) = results("a.json")
    (first,) = (c for c in whole["candidates"] if c["input"] == typed)
    assert sorted(c["atoms"] for c in first["carbons"]) == [[1], [2, 7], [3, 6], [4], [5]]


def test_names_of_files_stand_in_what_is_said_and_written(run: Run) -> None:
    Path("s.txt").write_text(f"> my spectrum\n{TOLUENE}\n")
    Path("m.smi").write_text("Cc1ccccc1 my molecule\n")
    said = run("assign", "s.txt", "m.smi", *(f for n in ALL for f in ("-o", f"a.{n}"))).stdout
    assert "my molecule Cc1ccccc1 (C7H8)" in said
    assert "my molecule" in run("rank", "s.txt", "m.smi", "-o", "r.csv").stdout
    for name in ("a.csv", "a.json", "a.sdf", "a.html", "r.csv"):
        assert "my molecule" in Path(name).read_text()
        assert "my spectrum" in Path(name).read_text()


ALL = ("csv", "json", "sdf", "html")


@pytest.mark.parametrize("command", ["elucidate", "rank", "assign"])
@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_what_is_left_out_stands_everywhere(
    command: str, quiet: tuple[str, ...], run: Run
) -> None:
    typed = {"elucidate": FEW, "rank": ("Cc1ccccc1", "CCO"), "assign": ("Cc1ccccc1",)}[command]
    outputs = [f for n in ALL for f in ("-o", f"a.{n}")]
    said = run(command, f"{TOLUENE}, 77.16 (CDCl3)", *typed, *outputs, *quiet).stdout
    assert "Left out: 77.16 ppm (CDCl3); --keep-solvent keeps it." in said
    assert ("Left out of the order: SMILES 2: C2H6O" in said) == (command == "rank")
    for ending in ALL:
        assert "77.16" in Path(f"a.{ending}").read_text()


def test_what_is_skipped_is_counted(run: Run) -> None:
    said = run("predict", "CC", "CCO", "-o", "a.json", "--on-error", "skip", "-q").stdout
    assert "2 molecules: 1 predicted, 1 left out" in said
    assert json.loads(Path("a.json").read_text())["notes"] == [
        "1 molecules were refused and left out."
    ]


def test_no_picture_is_said_to_be_written_where_none_is(run: Run) -> None:
    Path("p.png").write_bytes(b"of before")
    said = run("predict", "CCO", "xyz", "-o", "p.png", code=1).stdout
    assert "written p.png" not in said.replace("not written: p.png", "")
    assert "not written: p.png, there was no answer to draw" in said
    assert Path("p.png").read_bytes() == b"of before"


def test_a_file_does_not_hide_a_molecule_of_its_name(run: Run) -> None:
    Path("CCC").write_text("no molecule\n")
    run("predict", "CCC", "-o", "a.csv")
    assert [row["formula"] for row in table("a.csv")] == ["C3H8"]
    assert "ending" in refusals(run("predict", "./CCC", code=1))
    Path("molecules").write_text("CC\n")
    assert "the ending (none) is none of a file of molecules" in refusals(
        run("predict", "molecules", code=1)
    )


# What all have.

EVERY: dict[str, tuple[str, ...]] = {
    "predict": ("predict", "Cc1ccccc1", "CC"),
    "elucidate": ("elucidate", TOLUENE, *FEW),
    "rank": ("rank", TOLUENE, "Cc1ccccc1", "CC", "CCO"),
    "assign": ("assign", TOLUENE, "Cc1ccccc1"),
    "check": ("check", TOLUENE, "Cc1ccccc1"),
}


@pytest.mark.parametrize("command", EVERY)
def test_quiet_means_results_alone(command: str, run: Run) -> None:
    loud = run(*EVERY[command], "-o", "a.csv").stdout
    quiet = run(*EVERY[command], "-o", "a.csv", "-q").stdout
    extra = [line for line in loud.splitlines() if line not in quiet.splitlines()]
    assert "written a.csv" in extra
    told = ("written ", "2 molecules: ", "log p: ")
    assert all(line.startswith(told) for line in extra)
    assert "│" in quiet


@pytest.mark.parametrize("command", EVERY)
def test_no_progress_in_a_pipe(command: str, run: Run) -> None:
    result = run(*EVERY[command])
    assert not NO_CODE.search(result.output)
    assert not re.search("predicting|answering|proposing", result.output)
    assert result.stderr == ""


@pytest.mark.parametrize("command", EVERY)
def test_the_network_is_chosen_by_name(command: str, run: Run, loaded: list[str]) -> None:
    run(*EVERY[command])
    run(*EVERY[command], "-m", "mine")
    assert loaded == ["organic", "mine"]


@pytest.mark.parametrize("command", EVERY)
@pytest.mark.parametrize("output", ["a.pdf", "none/a.csv"])
def test_files_are_checked_before_the_network_is_loaded(
    output: str, command: str, run: Run, loaded: list[str]
) -> None:
    said = refusals(run(*EVERY[command], "-o", "good.csv", "-o", output, code=1))
    assert output in said
    assert loaded == []
    assert not Path("good.csv").exists()


def test_what_is_read_is_not_overwritten(run: Run) -> None:
    Path("a.csv").write_text("smiles,mine\nCC,my only copy\n")
    assert "a.csv" in refusals(run("predict", "a.csv", "-o", "a.csv", code=1))
    assert "my only copy" in Path("a.csv").read_text()


def test_an_unknown_network_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmrflow.commands.settings.load", pretrained.load)
    assert "distillates" in refusals(run("predict", "CC", "-m", "distillates", code=1))


LONG = "C" + "C(C)(C)" * 5 + "C"
LONGEST = "C(" * 16 + "C" + ")" * 16


@pytest.mark.parametrize("is_terminal", [False, True])
def test_nothing_is_cut_off_in_a_narrow_terminal(
    is_terminal: bool, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_console(), "width", 40)
    monkeypatch.setattr(get_console(), "_force_terminal", is_terminal)
    for typed in (("rank", TOLUENE, LONG, "CC", "-f", "C2H6"), ("assign", TOLUENE, LONG)):
        said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", run(*typed).stdout)
        assert LONG in said
        assert "…" not in said


def test_a_long_title_is_whole(run: Run) -> None:
    assert LONGEST in run("predict", LONGEST).stdout


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (("predict", "[cH]1[cH][cH][cH][cH][cH]1"), "[cH]1[cH][cH][cH][cH][cH]1"),
        (("predict", "CC [/b]"), "[/b]"),
        (("predict", "CC :smile:"), ":smile:"),
        (("elucidate", "b.txt", *FEW), "Spectrum [/b]"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_titles_are_shown_as_they_are(typed: tuple[str, ...], expected: str, run: Run) -> None:
    Path("b.txt").write_text("> [/b]\n20.0\n> two\n30.0\n")
    assert expected in run(*typed).stdout


# The networks that come with the package.


def test_packaged_networks_are_verified(run: Run) -> None:
    assert "hydrocarbons: as packaged\n" in run("models", "verify").stdout


def test_a_network_that_is_not_as_packaged_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    assert "manifest.json: what was packaged" in refusals(run("models", "verify", code=1))
    (tmp_path / "manifest.json").write_text("{}")
    assert "0 of 0 networks" in refusals(run("models", "verify", code=1))
    (tmp_path / "tiny.ckpt").write_bytes(b"as it was")
    seal(tmp_path, "tiny")
    (tmp_path / "tiny.ckpt").write_bytes(b"changed")
    result = run("models", "verify", code=1)
    assert "1 of 1 networks are not as packaged" in refusals(result)
    assert "tiny.ckpt: is not the file that was packaged" in result.stdout


# Whole processes, with the network that comes with the package.


def process(*typed: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nmrflow", *typed],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_process_predicts_and_elucidates(tmp_path: Path) -> None:
    (tmp_path / "a.smi").write_text("Cc1ccccc1 toluene\nC[Hg]C\n")
    done = process("predict", "a.smi", "-o", "a.csv", "--threads", "1", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "written a.csv\n2 molecules: 1 predicted, 1 marked\n" in done.stdout
    first, second = table(str(tmp_path / "a.csv"))
    shifts = [float(ppm) for ppm in first["shifts_ppm"].split()]
    assert shifts == pytest.approx([137.9, 129.1, 128.3, 125.3, 21.5], abs=3)
    assert second["status"] == "refused"
    done = process(
        "elucidate", TOLUENE, "-f", "C7H8", "--samples", "50", "--threads", "1", folder=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"│ +1 │.*│ C7H8 +│ Cc1ccccc1 +│", done.stdout)


@pytest.mark.slow
def test_a_process_that_fails_says_so_in_one_line(tmp_path: Path) -> None:
    done = process("elucidate", "hello", "--threads", "1", folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("nmrflow: peak list: line 1: 'hello' is not a shift")
    assert done.stderr.count("\n") == 1
    assert process("distil", folder=tmp_path).returncode == 2


def test_a_negative_shift_may_come_first(run: Run) -> None:
    run("elucidate", "-2.8", *FEW, "-o", "a.json")
    assert results("a.json")[0]["peaks_ppm"] == [-2.8]
    said = run("elucidate", "-2.8", "--seed", "-1", code=2)
    assert "greater than or equal to 0" in said.output


def test_what_was_lenient_is_said(run: Run, tmp_path: Path) -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCC")).replace("V2000", "v2000")
    (tmp_path / "a.mol").write_text(block)
    assert "read leniently" in run("predict", str(tmp_path / "a.mol")).output
