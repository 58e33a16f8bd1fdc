"""The page's tasks, without a browser: the same answers as Python gives."""

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nmrflow
from nmrflow.answers.check import Verdict
from nmrflow.app import cards
from nmrflow.app.elucidating import Elucidating, Step, elucidate_text
from nmrflow.app.networks import BACKWARD, Networks
from nmrflow.app.tasks import (
    Answered,
    Wanted,
    check_text,
    compare_texts,
    predict_text,
    rank_text,
    search_text,
)
from nmrflow.app.understood import (
    MAX_MOLECULES,
    MAX_SPECTRA,
    Typed,
    for_page,
    say_formula,
    say_molecules,
    say_spectra,
)
from nmrflow.errors import NmrflowError

NAME = "hydrocarbons"
TOLUENE = "137.9, 129.1, 128.3, 125.3, 21.5"


@pytest.fixture(scope="module")
def networks() -> Networks:
    return Networks(NAME)


def test_predict_answers_as_python_does(networks: Networks) -> None:
    found = predict_text(networks, "Cc1ccccc1 toluene\nnonsense\n", NAME)
    with networks.using(NAME) as model:
        told = nmrflow.predict(model, ["Cc1ccccc1"])[0]
    assert found.items[0].answer == told
    assert found.items[1].is_refused
    shown = cards.of_answered(found, "token")
    assert shown.count("<svg") == 2
    assert 'href="answer/token/.csv"' in shown
    with pytest.raises(NmrflowError, match="no molecule can be taken"):
        predict_text(networks, "nonsense", NAME)


def test_rank_answers_as_python_does(networks: Networks) -> None:
    candidates = ["C1C=CC=CC=C1", "Cc1ccccc1"]
    found = rank_text(networks, Typed(TOLUENE), "\n".join(candidates), NAME)
    with networks.using(NAME) as model:
        told = nmrflow.rank(model, TOLUENE, candidates)
    rows = [item.row for item in found.items if "rank" in item.row]
    assert [row["smiles"] for row in rows] == [c.structure.connectivity for c in told.candidates]
    assert [row["score"] for row in rows] == [round(c.score, 4) for c in told.candidates]


def test_check_says_its_verdict_in_words_signs_and_colours(networks: Networks) -> None:
    found = check_text(networks, Typed(TOLUENE), "Cc1ccccc1", NAME)
    assert found.verdict is not None
    assert found.verdict[0] == Verdict.FITS
    shown = cards.of_answered(found, None)
    assert 'class="verdict fits">✓' in shown
    assert "fits" in shown
    with pytest.raises(NmrflowError, match="give a structure"):
        check_text(networks, Typed(TOLUENE), "", NAME)


def test_compare_takes_peaks_and_structures(networks: Networks) -> None:
    found = compare_texts(networks, TOLUENE, TOLUENE, NAME)
    assert found.compared is not None
    assert found.compared.comparison.similarity == 1
    assert compare_texts(networks, TOLUENE, "Cc1ccccc1", NAME).compared is not None
    assert "<svg" in cards.of_answered(found, None)


def test_only_libraries_that_were_named_are_opened(networks: Networks, tmp_path: Path) -> None:
    with pytest.raises(NmrflowError, match="none was named"):
        search_text(networks, Typed(TOLUENE), str(tmp_path), Wanted(), NAME)
    with pytest.raises(NmrflowError, match="none of the networks"):
        predict_text(networks, "CC", "/etc/passwd")


def steps_of(networks: Networks, asked: Elucidating, stop: threading.Event) -> list[Step]:
    return list(elucidate_text(networks, asked, stop))


def test_elucidation_shows_something_soon_and_ends_as_python_does(networks: Networks) -> None:
    asked = Elucidating(Typed(TOLUENE, formula="C7H8"), NAME, n_samples=40, seed=3)
    first, *middle, last = steps_of(networks, asked, threading.Event())
    assert first.answered is None
    assert middle
    assert last.is_last
    with networks.using(NAME, BACKWARD) as model:
        told = nmrflow.elucidate(model, TOLUENE, formula="C7H8", n_samples=40, seed=3)
    assert last.answered is not None
    rows = [item.row for item in last.answered.items if "rank" in item.row]
    assert [row["smiles"] for row in rows] == [c.structure.connectivity for c in told.candidates]


def test_a_stopped_elucidation_shows_what_it_has_without_a_probability(
    networks: Networks,
) -> None:
    stop = threading.Event()
    asked = Elucidating(Typed(TOLUENE), NAME, n_samples=4_000)
    steps = []
    for step in elucidate_text(networks, asked, stop):
        steps.append(step)
        if step.answered is not None:
            stop.set()
    assert steps[-1].is_last
    assert "Stopped" in steps[-1].sentence
    found = steps[-1].answered
    assert isinstance(found, Answered)
    assert any("rank" in item.row for item in found.items)
    assert all(item.row.get("probability_among") is None for item in found.items)
    assert not networks.is_busy(NAME, BACKWARD)


@pytest.mark.parametrize("text", ["/etc/passwd", "~/.ssh/id_rsa", "setup.py", "README.md", "."])
def test_no_text_is_the_name_of_a_file(text: str) -> None:
    for found in (say_spectra(Typed(text)), say_molecules(text)):
        assert [one.is_refused for one in found] == [True]
        assert "no such file" not in found[0].heading


def test_a_chosen_solvent_counts_and_lines_may_be_kept() -> None:
    text = "170.2, 49.0, 21.5"
    (told,) = say_spectra(Typed(text, "CD3OD"))
    assert told.heading.startswith("2 peaks")
    assert any("tick “Keep lines of solvent”" in line for line in told.lines)
    (kept,) = say_spectra(Typed(text, "CD3OD", keeps_solvent=True))
    assert kept.heading.startswith("3 peaks")


def test_a_page_answers_some_and_refuses_many() -> None:
    many = "> a\n1, 2\n" * (MAX_SPECTRA + 1)
    assert "at once" in say_spectra(Typed(many))[0].heading
    assert "at once" in say_molecules("CC\n" * (MAX_MOLECULES + 1))[0].heading


def test_options_of_commands_are_fields_on_the_page() -> None:
    assert "--" not in for_page(
        "Left out: 77.2 ppm (CDCl3); --keep-solvent keeps it. Check the formula (--formula)."
    )


@settings(max_examples=60)
@given(st.text(max_size=80))
def test_whatever_is_typed_is_understood_or_refused_as_text(text: str) -> None:
    said = [*say_spectra(Typed(text, text, formula=text)), *say_molecules(text)]
    shown = cards.of_understood([*said, *say_formula(text)])
    inside = shown.replace("<br><small>", "").replace("</small>", "")
    for tag in ("<ul", "<li", "<span", "</ul>", "</li>", "</span>"):
        inside = inside.replace(tag, "")
    assert "<" not in inside
