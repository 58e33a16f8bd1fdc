"""For tests of output: answers of every command, made by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from nmrflow.answers.candidates import Candidate
from nmrflow.answers.elucidation import Elucidation, Ranking
from nmrflow.answers.fit import Fit, fit
from nmrflow.answers.prediction import Prediction, gather
from nmrflow.chem.structure import Structure
from nmrflow.formats.molecule_files import MoleculeRow, parse_row
from nmrflow.model.results import PredictedShifts
from nmrflow.output.items import (
    ASSIGNMENT_COLUMNS,
    PREDICTION_COLUMNS,
    Item,
    of_assignment,
    of_prediction,
)
from nmrflow.output.ranked import CANDIDATE_COLUMNS, of_answer, of_refused_query
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Question
from nmrflow.spectra.solvents import ForeignLine

BAD_NAME = '<script>alert("1 & 2")</script> https://example.org/'
"""What nobody should call a molecule."""

PEAKS = PeakList(
    (Peak(137.89), Peak(129.07, "D"), Peak(128.26), Peak(125.33), Peak(60.0), Peak(21.46)),
    {"solvent": "CDCl3"},
)
QUESTION = Question(PEAKS, (ForeignLine(Peak(77.16), "CDCl3"),), "C7H8")


@dataclass(frozen=True)
class Answered:
    """What one command answers.

    Args:
        columns: Of its table.
        items: To write.
        n_rows: Of the table.
        n_results: Objects in JSON.
        n_records: Of the SDF.
        n_pictures: Files.
        n_cards: Of the page.
    """

    columns: Sequence[str]
    items: Sequence[Item]
    n_rows: int
    n_results: int
    n_records: int
    n_pictures: int
    n_cards: int


@pytest.fixture(scope="session")
def prediction(shifts_by_hand: Callable[..., PredictedShifts]) -> Prediction:
    toluene = (21.4, 137.8, 129.1, 128.3, 125.4, 128.3, 129.1)
    return gather(shifts_by_hand("Cc1ccccc1", toluene, scale_ppm=0.7))


@pytest.fixture(scope="session")
def toluene_fit(shifts_by_hand: Callable[..., PredictedShifts]) -> Fit:
    toluene = (21.4, 137.8, 129.1, 128.3, 125.4, 128.3, 129.1)
    return fit(shifts_by_hand("Cc1ccccc1", toluene), PEAKS)


@pytest.fixture(scope="session")
def candidates(
    toluene_fit: Fit, shifts_by_hand: Callable[..., PredictedShifts]
) -> tuple[Candidate, ...]:
    """Toluene, then heptane, which the formula rules out."""
    heptane = fit(shifts_by_hand("C" * 7, (14.1, 22.7, 31.9, 29.1, 31.9, 22.7, 14.1)), PEAKS)
    heptane = replace(heptane, contradiction="its formula is C7H16, not C7H8")
    return (
        Candidate(
            toluene_fit.prediction.structure, -20.25, -1.5, toluene_fit, -30.125,
            n_sampled=3, probability=0.625,
        ),
        Candidate(
            heptane.prediction.structure, -60.0, float("-inf"), heptane, float("-inf"),
            n_sampled=1, probability=0.625,
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def elucidation(candidates: tuple[Candidate, ...]) -> Elucidation:
    return Elucidation(QUESTION, candidates, 5, 20, 2, 7)


@pytest.fixture(scope="session")
def ranking(candidates: tuple[Candidate, ...]) -> Ranking:
    given = [
        replace(candidate, n_sampled=None, place=place)
        for candidate, place in zip(candidates, (1, 0), strict=True)
    ]
    return Ranking(QUESTION, tuple(given), none_fits=False)


@pytest.fixture(scope="session")
def refused() -> tuple[MoleculeRow, ...]:
    """One that is no SMILES, and one of another element under a bad name."""
    rows = [parse_row(k, text) for k, text in enumerate(("xyz bad", f"CCO {BAD_NAME}"), 2)]
    reasons = [row.reason or "C2H6O contains O" for row in rows]
    return tuple(
        replace(row, structure=None, reason=reason)
        for row, reason in zip(rows, reasons, strict=True)
    )


@pytest.fixture(scope="session", params=["predict", "elucidate", "rank", "assign"])
def answered(
    request: pytest.FixtureRequest,
    prediction: Prediction,
    toluene_fit: Fit,
    elucidation: Elucidation,
    ranking: Ranking,
    refused: tuple[MoleculeRow, ...],
) -> Answered:
    structure: Structure = prediction.structure
    row = MoleculeRow(1, "a.smi:1", BAD_NAME, "Cc1ccccc1", structure, None)
    if request.param == "predict":
        items = [of_prediction(row, prediction), *(of_prediction(bad, None) for bad in refused)]
        return Answered(PREDICTION_COLUMNS, items, 3, 3, 3, 1, 3)
    if request.param == "elucidate":
        items = of_answer(1, BAD_NAME, elucidation)
        items += [of_refused_query(2, BAD_NAME, "b.txt:3: line 4: 'x' is not a shift")]
        return Answered(CANDIDATE_COLUMNS, items, 3, 2, 3, 2, 4)
    if request.param == "rank":
        given = [parse_row(1, "CCCCCCC heptane"), parse_row(2, f"c1ccccc1C {BAD_NAME}")]
        items = of_answer(1, "", ranking, refused, given)
        return Answered(CANDIDATE_COLUMNS, items, 4, 1, 4, 2, 5)
    items = of_assignment(toluene_fit, QUESTION, row, BAD_NAME)
    return Answered(ASSIGNMENT_COLUMNS, items, 7, 7, 1, 1, 1)
