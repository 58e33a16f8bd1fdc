"""What is searched for is found, in the order of its score, among what passes the filters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmrflow.answers.search import open_scores, search
from nmrflow.answers.sentences import say_all
from nmrflow.chem.structure import Structure
from nmrflow.errors import SpectrumError, StructureError
from nmrflow.library import build as building
from nmrflow.library.build import build
from nmrflow.library.filters import Filters
from nmrflow.library.library import Library
from nmrflow.model.trained import TrainedFlow
from nmrflow.output.page import cards
from nmrflow.output.ranked import of_answer

MOLECULES = ("CCCCO", "CCOCC", "CC(C)CO", "CCCO propanol", "Cc1ccccc1", "CC(C)=O", "CCO")


@pytest.fixture
def model(make_flow: Callable[..., TrainedFlow], small_model: Callable[..., Any]) -> TrainedFlow:
    domain = {"atom_types": [["C", 0, 4], ["O", 0, 2]], "min_atoms": 1, "max_atoms": 9}
    made = make_flow(small_model(domain))
    assert made.network.forward is not None
    for network in made.network.forward.ensemble.networks:  # type: ignore[union-attr]
        network.leave[-1].weight.data *= 0.02
        network.leave[-1].bias.data[:4] = 0.6
    return made


@pytest.fixture
def library(model: TrainedFlow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr(building, "load", lambda _: model)
    file = tmp_path / "molecules.smi"
    file.write_text("".join(f"{one}\n" for one in MOLECULES))
    build([file], tmp_path / "lib", model="small")
    return Library(tmp_path / "lib", model)


def peaks_of(model: TrainedFlow, smiles: str) -> list[float]:
    structure = Structure.from_smiles(smiles)
    medians = model.predict_shifts([structure])[0].median_ppm
    own = {c: medians[k] for k, c in enumerate(structure.symmetry_classes)}
    carbons = {structure.symmetry_classes[k] for k, e in enumerate(structure.elements) if e == "C"}
    return [float(own[c]) for c in carbons]


def test_hits_come_by_their_scores_whatever_the_first_pass_says(
    model: TrainedFlow, library: Library
) -> None:
    found = search(model, library, peaks_of(model, "CCCO"))
    assert (found.n_library, found.n_passed, found.n_scored) == (7, 7, 7)
    scores = [one.score for one in found.candidates]
    assert scores == sorted(scores, reverse=True)
    structures = [one.structure for one in found.candidates]
    assert np.allclose(open_scores(model, found.question, structures), scores)
    k = [s.connectivity for s in structures].index("CCCO")
    assert found.names[k] == "propanol"
    assert scores[k] >= scores[-1]


def test_filters_are_said_and_hold(model: TrainedFlow, library: Library) -> None:
    peaks = peaks_of(model, "CCCCO")
    found = search(model, library, peaks, Filters(formula="C4H10O", substructure="[OX2H]"))
    names = {one.structure.connectivity for one in found.candidates}
    assert names == {"CCCCO", "CC(C)CO"}
    assert (found.n_passed, found.n_scored) == (3, 2)
    assert any("3 of 7 molecules have formula C4H10O" in line for line in say_all(found))


def test_nothing_that_passes_is_said(model: TrainedFlow, library: Library) -> None:
    found = search(model, library, [20.0], Filters(mass=500.0))
    assert not found.candidates
    assert "No molecule of the library passes" in say_all(found)[-1]


def test_multiplicities_rule_out(model: TrainedFlow, library: Library) -> None:
    peaks = "20.0 Q, 30.0 T, 40.0 T"
    told = "\n".join(["ppm,multiplicity", *(p.replace(" ", ",") for p in peaks.split(", "))])
    found = search(model, library, told)
    names = {one.structure.connectivity for one in found.candidates}
    assert names == {"CCCCO", "CCCO", "CCOCC"}


def test_more_is_scored_than_shown_and_fewer_than_all(
    model: TrainedFlow, library: Library
) -> None:
    found = search(model, library, [60.0, 61.0], n_shown=2, depth=3)
    assert (len(found.candidates), found.n_scored) == (2, 3)
    assert search(model, library, [60.0, 61.0], n_shown=5, depth=1).n_scored == 5


def test_what_is_no_question_is_refused(model: TrainedFlow, library: Library) -> None:
    with pytest.raises(SpectrumError, match="at least 1"):
        search(model, library, [20.0], depth=0)
    with pytest.raises(StructureError, match="no pattern"):
        search(model, library, [20.0], Filters(substructure="C1CC"))
    with pytest.raises(StructureError, match="none of a molecule"):
        search(model, library, [20.0], Filters(formula="C2N2H"))


def test_hits_are_written_as_candidates_are(model: TrainedFlow, library: Library) -> None:
    found = search(model, library, peaks_of(model, "CCCO"), n_shown=3)
    whole, *hits = of_answer(1, "mine", found)
    assert whole.record["n_library"] == 7
    assert whole.record["probability_among"] is None
    assert [hit.row["rank"] for hit in hits] == [1, 2, 3]
    assert [hit.row["name"] for hit in hits] == list(found.names)
    assert cards(found).count("<section") == 4
