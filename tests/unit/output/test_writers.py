"""Files of answers: whole, readable by others, and safe to open."""

import csv
import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from rdkit import Chem, rdBase

from nmrflow.answers.elucidation import Elucidation, Ranking
from nmrflow.answers.fit import Fit, fit
from nmrflow.answers.prediction import Prediction
from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.formats.molecule_files import MoleculeRow, parse_row
from nmrflow.formats.spectrum_files import read_spectra
from nmrflow.output.items import (
    ASSIGNMENT_COLUMNS,
    PREDICTION_COLUMNS,
    Item,
    of_assignment,
    of_prediction,
)
from nmrflow.output.page import cards
from nmrflow.output.pictures import is_ours, picture
from nmrflow.output.ranked import CANDIDATE_COLUMNS, of_answer, of_refused_query
from nmrflow.output.writers import (
    FORMS,
    SCHEMA_VERSION,
    Heading,
    check_output,
    file_stem,
    open_outputs,
)

BAD_TITLE = "<b>Title</b> & more"
BAD_NAME = '<script>alert("1 & 2")</script> https://example.org/'  # As in conftest.


def write(file: Path, items: Sequence[Item], columns: Sequence[str] = ("number",)) -> Path:
    heading = Heading(columns, {"command": "test", "level": 0.9}, BAD_TITLE, ["<i>a line</i>"])
    with open_outputs([file], heading) as add:
        for item in items:
            add(item)
    assert [f.name for f in file.parent.iterdir() if "unfinished" in f.name] == []
    return file


def read_table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


# Tables.


def test_every_row_of_a_table_has_the_columns(answered: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", answered.items, answered.columns)
    with file.open(newline="", encoding="utf-8") as stream:
        header, *rows = csv.reader(stream)
    assert tuple(header) == tuple(answered.columns)
    assert len(rows) == answered.n_rows
    assert all(len(row) == len(header) for row in rows)
    for row in read_table(file):
        if "status" in header:
            assert (row["status"], bool(row["reason"])) in (("ok", False), ("refused", True))
    assert "None" not in file.read_text()
    assert "inf" not in file.read_text()


def test_no_item_says_what_no_column_holds(answered: Any) -> None:
    for item in answered.items:
        assert item.row.keys() <= set(answered.columns)


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+C", "'+C"),
        ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),  # So that one apostrophe may be taken off whatever has one.
        ("'tis", "'tis"),
        ('a "b", c', 'a "b", c'),
        ("naïve;\tµ", "naïve;\tµ"),
        (" # no comment ", " # no comment "),
        ("-2.80 13.9 22.1", "-2.80 13.9 22.1"),
        ("-2.80", "-2.80"),
        (-2.8, "-2.8"),
        (None, ""),
    ],
)
def test_no_cell_is_a_formula(told: Any, written: str, tmp_path: Path) -> None:
    """Nor is a number changed; without the apostrophe a text is as it was."""
    items = [Item({"number": 1, "name": told}, {})]
    (row,) = read_table(write(tmp_path / "a.csv", items, ("number", "name")))
    assert row["name"] == written


# JSON.


def test_json_is_json(answered: Any, tmp_path: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    file = write(tmp_path / "a.json", answered.items)
    plain = json.loads(file.read_text(encoding="utf-8"), parse_constant=refuse)
    assert plain.keys() == {"schema_version", "command", "level", "results"}
    assert plain["schema_version"] == SCHEMA_VERSION
    assert (plain["command"], plain["level"]) == ("test", 0.9)
    assert len(plain["results"]) == answered.n_results


def test_json_and_table_say_the_same(answered: Any, tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", answered.items, answered.columns))
    plain = json.loads(write(tmp_path / "a.json", answered.items).read_text(encoding="utf-8"))
    objects = [row for found in plain["results"] for row in found.get("candidates", [found])]
    assert len(objects) == len(table)
    for one, row in zip(objects, table, strict=True):
        for key in one.keys() & row.keys() - {"atoms"}:
            assert row[key] == ("" if one[key] is None else str(one[key]))


def test_results_that_never_came_are_an_empty_list(tmp_path: Path) -> None:
    plain = json.loads(write(tmp_path / "a.json", []).read_text())
    assert plain["results"] == []
    assert write(tmp_path / "a.csv", []).read_text() == "number\n"
    assert write(tmp_path / "a.sdf", []).read_text() == ""
    assert write(tmp_path / "a.html", []).read_text().endswith("</html>\n")


# SDF.


def test_rdkit_reads_every_record(answered: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "a.sdf", answered.items)
    with rdBase.BlockLogs():
        mols = list(Chem.SDMolSupplier(str(file)))
    assert len(mols) == answered.n_records
    assert None not in mols
    wanted = [item for item in answered.items if item.structure is not None or item.is_refused]
    for mol, item in zip(mols, wanted, strict=True):
        if item.structure is None:
            assert mol.GetNumAtoms() == 0
            assert mol.GetProp("status") == "refused"
            assert mol.GetProp("reason") == item.row["reason"]
        else:
            assert Chem.MolToSmiles(mol) == item.structure.connectivity
            assert [atom.GetTotalNumHs() for atom in mol.GetAtoms()] == list(
                item.structure.n_hydrogens
            )
        for name, text in item.properties.items():
            assert mol.GetProp(name) == text


def test_spectra_of_an_sdf_are_read_again(answered: Any, tmp_path: Path) -> None:
    rows = list(read_spectra(str(write(tmp_path / "a.sdf", answered.items))))
    wanted = [item for item in answered.items if item.structure is not None or item.is_refused]
    assert len(rows) == len(wanted)
    for row, item in zip(rows, wanted, strict=True):
        assert (row.peaks is None) == (item.structure is None)
        if row.peaks is not None:
            told = sorted({round(ppm, 2) for ppm in item.shifts_ppm if ppm is not None})
            assert sorted({round(ppm, 2) for ppm in row.peaks.shifts_ppm}) == told


# The page.


class Page(HTMLParser):
    """What a browser would do with a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.policy = ""
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        self.tags.append(tag)
        self.links += [
            value or ""
            for name, value in attributes
            if name in ("src", "href", "srcset", "action", "data", "poster", "background")
        ]
        assert not any(name.startswith("on") for name in told)
        if told.get("http-equiv") == "Content-Security-Policy":
            self.policy = told["content"] or ""

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_fetches_and_runs_nothing(answered: Any, tmp_path: Path) -> None:
    source = write(tmp_path / "a.html", answered.items).read_text(encoding="utf-8")
    page = Page(source)
    assert set(page.tags) <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "section",
        "div", "span", "i", "b", "details", "summary", "table", "thead", "tbody", "tr", "th", "td",
        "svg", "path", "line", "circle", "rect", "text", "ellipse", "polygon",
    }  # fmt: skip
    assert "default-src 'none'" in page.policy
    assert "script-src" not in page.policy
    assert page.links == []
    assert "url(" not in source
    assert "@import" not in source


def test_a_page_shows_all_text_as_it_is(answered: Any, tmp_path: Path) -> None:
    page = Page(write(tmp_path / "a.html", answered.items).read_text(encoding="utf-8"))
    assert page.text.count(BAD_TITLE) == 2  # the window's, and over the page
    assert "<i>a line</i>" in page.text
    assert page.tags.count("section") == answered.n_cards
    shown = [item for item in answered.items if item.title]
    for item in shown:
        assert item.title in page.text
        assert all(fact in page.text for fact in item.facts)
        assert not item.is_refused or item.row["reason"] in page.text
    assert page.tags.count("svg") == 2 * answered.n_pictures
    assert page.tags.count("table") == answered.n_pictures


@pytest.mark.parametrize(
    "item",
    [
        of_prediction(parse_row(2, "", "a.smi:2"), None),
        of_refused_query(4, "", "b.txt:7: line 8: 'bad' is not a shift"),
    ],
    ids=["empty line", "spectrum without a name"],
)
def test_a_page_shows_every_refusal(item: Item, tmp_path: Path) -> None:
    page = Page(write(tmp_path / "a.html", [item]).read_text(encoding="utf-8"))
    assert item.row["reason"] in page.text


def test_cards_can_be_shown_in_a_notebook(
    prediction: Prediction, toluene_fit: Fit, elucidation: Elucidation
) -> None:
    for answer, n in ((prediction, 1), (toluene_fit, 1), (elucidation, 3)):
        page = Page(cards(answer))
        assert page.tags.count("section") == n
        assert "html" not in page.tags


def test_cards_of_a_ranking_can_be_shown_in_a_notebook(ranking: Ranking) -> None:
    assert Page(cards(ranking)).tags.count("section") == 3


# Pictures.


@pytest.mark.parametrize("ending", [".png", ".svg", ".jdx"])
def test_every_answer_has_a_picture(ending: str, answered: Any, tmp_path: Path) -> None:
    write(tmp_path / f"a.b{ending}", answered.items)
    drawn = [item for item in answered.items if item.answer is not None]
    called = [file_stem(str(item.row.get("name") or "")) for item in drawn]
    parts = ["-".join(filter(None, ("a.b", str(k), one))) for k, one in enumerate(called, 1)]
    names = [f"a.b{ending}", *(f"{name}{ending}" for name in parts[1:])]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)
    for name in names:
        content = (tmp_path / name).read_bytes()
        if ending == ".svg":
            assert ET.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"
        elif ending == ".png":
            assert content.startswith(b"\x89PNG")
    assert plt.get_fignums() == []  # of many pictures none stays in memory


def test_a_refusal_has_no_picture(refused: tuple[MoleculeRow, ...], tmp_path: Path) -> None:
    write(tmp_path / "a.png", [of_prediction(row, None) for row in refused])
    assert list(tmp_path.iterdir()) == []


# Files.


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "a.pdf",
            r"a\.pdf: no form is known .*\.csv, \.json, \.sdf, \.html, .*\.svg, \.png",
        ),
        ("a", "no form is known"),
        ("a.csv.gz", "no form is known"),
        ("none/a.csv", "there is no folder .*none; make it first"),
        ("folder.csv", "is a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_any_work(
    name: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.csv").mkdir()
    files = [tmp_path / "good.csv", tmp_path / name]
    with pytest.raises(DataError, match=reason):
        check_output(files[1])
    with pytest.raises(DataError, match=reason), open_outputs(files, Heading((), {}, "")):
        raise AssertionError("work was begun")
    assert not files[0].exists()


@pytest.mark.parametrize("ending", FORMS)
def test_an_ending_may_be_in_capitals(ending: str, prediction: Prediction, tmp_path: Path) -> None:
    item = of_prediction(parse_row(1, "Cc1ccccc1"), prediction)
    contents = [
        write(tmp_path / name, [item], PREDICTION_COLUMNS).read_bytes()
        for name in (f"a{ending}", f"b{ending.upper()}")
    ]
    assert contents[0] == contents[1] != b""


@pytest.mark.parametrize("error", [RuntimeError("plug"), KeyboardInterrupt(), OSError("full")])
def test_a_failure_in_the_middle_leaves_nothing(
    error: BaseException, prediction: Prediction, tmp_path: Path
) -> None:
    files = [tmp_path / f"a{ending}" for ending in (".csv", ".json", ".sdf", ".html")]
    files[0].write_text("of before")
    item = of_prediction(parse_row(1, "Cc1ccccc1"), prediction)

    def fail() -> None:
        with open_outputs(files, Heading(PREDICTION_COLUMNS, {}, "")) as add:
            add(item)
            assert len(list(tmp_path.iterdir())) == 5
            raise error

    with pytest.raises(DataError if isinstance(error, OSError) else type(error)):
        fail()
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    assert files[0].read_text() == "of before"


def test_files_appear_when_all_is_written(prediction: Prediction, tmp_path: Path) -> None:
    item = of_prediction(parse_row(1, "Cc1ccccc1"), prediction)
    with open_outputs([tmp_path / "a.csv"], Heading(PREDICTION_COLUMNS, {}, "")) as add:
        add(item)
        assert not (tmp_path / "a.csv").exists()
    assert len(read_table(tmp_path / "a.csv")) == 1


# What is said.


def test_an_assignment_has_a_row_for_every_peak(toluene_fit: Fit, tmp_path: Path) -> None:
    rows = read_table(write(tmp_path / "a.csv", of_assignment(toluene_fit), ASSIGNMENT_COLUMNS))
    assert [row["measured_ppm"] for row in rows] == [
        "137.89", "129.07", "128.26", "125.33", "60.0", "21.46",
    ]  # fmt: skip
    assert [row["atoms"] for row in rows] == ["2", "3+7", "4+6", "5", "", "1"]
    assert [row["peak"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert rows[1] == {
        "query_name": "", "name": "", "input": "", "smiles": "Cc1ccccc1", "remarks": "",
        "peak": "2", "measured_ppm": "129.07", "multiplicity": "D", "atoms": "3+7",
        "carbon": "CH", "predicted_ppm": "129.1", "deviation_ppm": "-0.03",
        "low_ppm": "126.8", "high_ppm": "131.4",
    }  # fmt: skip


def test_a_prediction_lists_groups_in_one_order(prediction: Prediction, tmp_path: Path) -> None:
    item = of_prediction(parse_row(1, "Cc1ccccc1 toluene"), prediction)
    (row,) = read_table(write(tmp_path / "a.csv", [item], PREDICTION_COLUMNS))
    assert row["shifts_ppm"] == "137.80 129.10 128.30 125.40 21.40"
    assert row["n_hydrogens"] == "0 1 1 1 3"
    assert row["atoms"] == "2 3+7 4+6 5 1"
    for low, shift, high in zip(
        *(row[name].split() for name in ("low_ppm", "shifts_ppm", "high_ppm")), strict=True
    ):
        assert float(low) < float(shift) < float(high)


def test_candidates_keep_their_order_and_names(ranking: Ranking, tmp_path: Path) -> None:
    given = [parse_row(1, "CCCCCCC heptane"), parse_row(2, "c1ccccc1C toluene")]
    items = of_answer(3, "mine", ranking, (), given)
    rows = read_table(write(tmp_path / "a.csv", items, CANDIDATE_COLUMNS))
    told: list[dict[str, Any]] = [
        {"query": "3", "query_name": "mine", "rank": "1", "name": "toluene", "input": "c1ccccc1C"}
        | {"smiles": "Cc1ccccc1", "formula": "C7H8", "log_p": "-1.5", "score": "-30.125"}
        | {"inchikey": "YXFVVABEGXRONW-UHFFFAOYSA-N", "n_matched": "5", "n_peaks": "6"}
        | {"probability_among": "", "contradiction": "", "n_sampled": ""},
        {"rank": "2", "name": "heptane", "smiles": "CCCCCCC", "log_p": "", "score": ""}
        | {"probability_among": "0.625"}  # Once, of all of them.
        | {"contradiction": "its formula is C7H16, not C7H8"},
    ]
    for row, expected in zip(rows, told, strict=True):
        assert {key: row[key] for key in expected} == expected


def test_json_of_an_elucidation_says_how_it_came_about(
    elucidation: Elucidation, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.json", of_answer(1, "", elucidation))
    (found,) = json.loads(file.read_text(encoding="utf-8"))["results"]
    assert (found["seed"], found["n_samples"], found["n_invalid"], found["n_distinct"]) == (
        7, 20, 2, 5,
    )  # fmt: skip
    assert found["peaks_ppm"] == [137.89, 129.07, 128.26, 125.33, 60.0, 21.46]
    assert found["left_out"] == [{"shift_ppm": 77.16, "name": "CDCl3"}]
    assert found["formula"] == "C7H8"
    assert found["probability_among"] == 0.625
    assert any("63 %" in remark or "62 %" in remark for remark in found["remarks"])
    assert [c["smiles"] for c in found["candidates"]] == ["Cc1ccccc1", "CCCCCCC"]
    assert [c["atoms"] for c in found["candidates"][0]["carbons"]] == [
        [2], [3, 7], [4, 6], [5], [1],
    ]  # fmt: skip


def test_what_was_left_out_stands_in_every_output(answered: Any, tmp_path: Path) -> None:
    if "shifts_ppm" in answered.columns:
        return  # A prediction has no spectrum.
    for ending in ("csv", "json", "sdf", "html"):
        text = write(tmp_path / f"a.{ending}", answered.items, answered.columns).read_text()
        assert "77.16" in text
        assert "CDCl3" in text
    captions = [item.caption for item in answered.items if item.answer is not None]
    assert all("Left out: 77.16 ppm (CDCl3)" in caption for caption in captions)


def test_names_stand_in_every_output(answered: Any, tmp_path: Path) -> None:
    wanted = {"a.csv": BAD_NAME, "a.json": json.dumps(BAD_NAME)[1:-1], "a.sdf": BAD_NAME}
    for name, text in wanted.items():
        file = write(tmp_path / name, answered.items, answered.columns)
        assert text in file.read_text().replace('""', '"')
    page = Page(write(tmp_path / "a.html", answered.items).read_text())
    assert BAD_NAME in page.text


def test_notes_on_all_answers_come_last(prediction: Prediction, tmp_path: Path) -> None:
    items = [of_prediction(parse_row(1, "Cc1ccccc1"), prediction), Item({}, {}, note="2 <b> out")]
    assert json.loads(write(tmp_path / "a.json", items).read_text())["notes"] == ["2 <b> out"]
    assert "2 <b> out" in Page(write(tmp_path / "a.html", items).read_text()).text
    assert len(read_table(write(tmp_path / "a.csv", items, PREDICTION_COLUMNS))) == 1
    assert write(tmp_path / "a.sdf", items).read_text().count("$$$$") == 1


def test_atoms_of_a_drawn_structure_are_those_of_its_smiles(
    elucidation: Elucidation, shifts_by_hand: Any
) -> None:
    own = shifts_by_hand("c1cc(C)ccc1", (128.3, 129.1, 137.8, 21.4, 129.1, 128.3, 125.4))
    fitted = fit(own, elucidation.question.peaks)
    first = replace(
        elucidation.candidates[0], structure=fitted.prediction.structure, matched=fitted
    )
    _, item = of_answer(1, "", replace(elucidation, candidates=(first,)))
    assert item.row["smiles"] == "Cc1ccccc1"
    assert item.structure == Structure.from_smiles("Cc1ccccc1")
    assert [ppm and round(ppm) for ppm in item.shifts_ppm] == [21, 138, 129, 128, 125, 128, 129]


# Names of pictures.


def test_a_picture_has_the_number_of_its_row(
    prediction: Prediction, refused: tuple[MoleculeRow, ...], tmp_path: Path
) -> None:
    items = [of_prediction(replace(refused[0], number=1), None)]
    items += [of_prediction(parse_row(k, "Cc1ccccc1"), prediction) for k in (2, 3)]
    written: list[Path] = []
    with open_outputs([tmp_path / "p.svg"], Heading((), {}, ""), written) as add:
        for item in items:
            add(item)
    assert [file.name for file in written] == ["p-2.svg", "p-3.svg"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p-2.svg", "p-3.svg"]


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_a_picture_replaces_pictures_of_ours_alone(
    ending: str, prediction: Prediction, tmp_path: Path
) -> None:
    items = [of_prediction(parse_row(k, "Cc1ccccc1"), prediction) for k in (1, 2)]
    for _ in range(2):
        write(tmp_path / f"p.{ending}", items)
    other = tmp_path / f"p-2.{ending}"
    other.write_bytes(b"somebody's own")
    with pytest.raises(DataError, match=rf"p-2\.{ending}: .*did not draw.*-o"):
        write(tmp_path / f"p.{ending}", items)
    assert other.read_bytes() == b"somebody's own"


def test_two_outputs_never_have_one_name(prediction: Prediction, tmp_path: Path) -> None:
    items = [of_prediction(parse_row(k, "Cc1ccccc1"), prediction) for k in (1, 2)]
    files = [tmp_path / "a.svg", tmp_path / "a-2.svg"]

    def draw() -> None:
        with open_outputs(files, Heading((), {}, "")) as add:
            for item in items:
                add(item)

    with pytest.raises(DataError, match=r"a-2\.svg: .*further picture"):
        draw()


@pytest.mark.parametrize("name", ["$x^$ \\frac", "日本語", "a\nb", "x" * 900])
def test_captions_are_drawn_as_they_are(name: str, prediction: Prediction) -> None:
    for form in ("svg", "png"):
        assert is_ours(picture(prediction, form, name))
