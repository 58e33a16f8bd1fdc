"""The report on a real (small) run: complete, and a page that asks for nothing from outside."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nmrflow.evaluation.report.__main__ import make_report
from nmrflow.evaluation.report.runs import paper_table, read_runs
from nmrflow.evaluation.scores_file import write_yardsticks


def put(run: Path, folder: Path, n_examples: int = 1, **conditions: str) -> None:
    """A run's scores into a new folder: with fewer pictures, under other conditions."""
    scores = json.loads((run / "evaluation.json").read_text())
    examples = scores["examples"][:n_examples]
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text(
        json.dumps({**scores, "examples": examples, **conditions})
    )


@pytest.fixture(scope="module")
def runs_folder(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    put(finished_run, folder / "a", n_examples=10)
    return folder


@pytest.fixture(scope="module")
def report(runs_folder: Path) -> tuple[str, str]:
    markdown, page = make_report(runs_folder)
    return markdown.read_text(), page.read_text()


class References(HTMLParser):
    """Everything in a page that a browser would fetch or follow."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = ("src", "href", "data", "srcset", "action", "poster")
        self.found += [value or "" for name, value in attrs if name in names]


def test_the_page_refers_to_nothing_outside_itself(report: tuple[str, str]) -> None:
    page = report[1]
    references = References()
    references.feed(page)
    assert len(references.found) >= 13  # three figures and ten examples
    assert all(r.startswith("data:image/svg+xml;base64,") for r in references.found)
    assert not re.search(r"url\(|@import|<script|<iframe|<link", page)


def test_the_markdown_shows_pictures_that_are_there(
    report: tuple[str, str], runs_folder: Path
) -> None:
    pictures = re.findall(r"!\[[^]]+]\(([^)]+)\)", report[0])
    assert len(pictures) == report[1].count("<img")
    for picture in pictures:
        svg = (runs_folder / picture).read_text()
        assert "<svg" in svg
        assert 'xlink:href="http' not in svg


def test_every_quantity_of_the_paper_has_a_row_with_ours(
    report: tuple[str, str], runs_folder: Path
) -> None:
    runs = read_runs(runs_folder)
    table = paper_table(runs, runs)
    not_run = table["quantity"].str.contains("epoch 5|epoch 10")  # four epochs were trained
    undefined = table["quantity"].str.startswith("inverse")  # few molecules: may not vary
    assert table.loc[~not_run & ~undefined, "mean"].notna().all()
    assert (table.loc[~not_run & ~undefined, ["molecules", "split seeds"]] != "").all().all()
    for quantity in table["quantity"]:
        assert f"| {quantity} |" in report[0]


def test_the_report_is_the_same_when_made_again(
    report: tuple[str, str], runs_folder: Path
) -> None:
    again = make_report(runs_folder)
    assert tuple(file.read_text() for file in again) == report


def test_several_experiments_stand_side_by_side(finished_run: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        put(finished_run, tmp_path / name, experiment=name)
    markdown = make_report(tmp_path)[0].read_text()
    assert "## Side by side" in markdown
    assert "| one, revmolspec, structure | other, revmolspec, structure |" in markdown


def test_yardsticks_of_the_same_splits_stand_beside_the_scores(
    finished_run: Path, tmp_path: Path
) -> None:
    put(finished_run, tmp_path / "run")
    split = read_runs(tmp_path)[0]["split_sha256"]
    lookup = {"structure/top10": 0.4321, "structure/n_corpus": 300}
    for digest, shown in (("of another split", False), (split, True)):
        entry = {
            "conditions": {"split_sha256": digest},
            "message_passing": {"spectrum/f1_macro": 0.2468},
            "lookup": lookup,
        }
        write_yardsticks([entry], tmp_path)
        markdown = make_report(tmp_path)[0].read_text()
        assert ("0.4321" in markdown) == shown
        assert ("0.2468" in markdown) == shown
        assert ("Yardsticks are not computed" in markdown) != shown


def test_runs_scored_in_brief_say_so(train_small, tmp_path: Path) -> None:
    run = train_small("scoring.complete=false", "trainer.max_epochs=1")
    put(run, tmp_path / "run")
    markdown, page = (file.read_text() for file in make_report(tmp_path))
    assert "scored in brief" in markdown
    assert page.count("<img") == 3  # one example, and no deviations to draw


def test_names_in_runs_are_no_markup(runs_folder: Path, tmp_path: Path) -> None:
    scores = json.loads((runs_folder / "a" / "evaluation.json").read_text())
    bad = "![x](http://example.org/a.png) <http://example.org> `a` | b"
    scores |= {"experiment": bad, "data": bad, "split": bad}
    scores["examples"] = [scores["examples"][0] | {"molecule_id": bad, "formula": bad}]
    (tmp_path / "evaluation.json").write_text(json.dumps(scores))
    page = make_report(tmp_path)[1].read_text()
    references = References()
    references.feed(page)
    assert all(r.startswith("data:image/svg+xml;base64,") for r in references.found)
    assert "![x](http://example.org/a.png)" in page  # shown as it is
