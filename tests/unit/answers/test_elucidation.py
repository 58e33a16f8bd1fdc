"""Candidates for a spectrum: the network's own, and somebody's."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nmrflow
from nmrflow.answers import elucidation
from nmrflow.answers.assignment import assign
from nmrflow.answers.candidates import Candidate, weigh, weigh_drawn
from nmrflow.answers.conditions import of_question
from nmrflow.answers.elucidation import Elucidation, Ranking, elucidate, rank
from nmrflow.answers.question import ask
from nmrflow.answers.sentences import remarks_on
from nmrflow.chem.structure import Structure
from nmrflow.errors import CheckpointError, SpectrumError, StructureError
from nmrflow.limits import MAX_PEAKS_PER_ATOM
from nmrflow.metrics.calibration import log_likelihood
from nmrflow.model import drawing
from nmrflow.model.calibration import Calibration, Logistic, RankingWeights
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow

TOLUENE_PPM = (137.89, 129.07, 128.26, 125.33, 21.46)
# Rule out some of C7H8, and not all.
SOME_LETTERS = "137.89 (C), 129.07 (CH), 128.26, 125.33, 21.46 (CH3)"


@pytest.fixture(autouse=True)
def _few_rivals(monkeypatch: pytest.MonkeyPatch) -> None:
    """For speed."""
    monkeypatch.setattr(elucidation, "N_SAMPLES", 20)


def names(answer: Elucidation | Ranking) -> list[str]:
    return [candidate.structure.connectivity for candidate in answer.candidates]


def check_order(candidates: tuple[Candidate, ...]) -> None:
    """The ruled out behind all others, both by score."""
    ruled_out = [c.fit.contradiction is not None for c in candidates]
    assert ruled_out == sorted(ruled_out)
    for is_out in (False, True):
        scores = [c.score for c in candidates if (c.fit.contradiction is not None) == is_out]
        assert scores == sorted(scores, reverse=True)


# The network's own.


@pytest.fixture(scope="module")
def answer(small_flow: TrainedFlow) -> Elucidation:
    return elucidate(small_flow, TOLUENE_PPM, formula="C7H8", n_samples=60, n_shown=1_000)


def test_the_same_seed_gives_the_same_list(small_flow: TrainedFlow, answer: Elucidation) -> None:
    again = elucidate(small_flow, TOLUENE_PPM, formula="C7H8", n_samples=60, n_shown=1_000)
    assert again == answer
    other = elucidate(small_flow, TOLUENE_PPM, formula="C7H8", n_samples=60, seed=1, n_shown=1_000)
    assert (answer.seed, other.seed) == (0, 1)
    assert names(other) != names(answer)


@pytest.mark.parametrize("n_shown", [1, 3, 7])
def test_no_more_are_shown_than_asked_for(
    n_shown: int, small_flow: TrainedFlow, answer: Elucidation
) -> None:
    few = elucidate(small_flow, TOLUENE_PPM, formula="C7H8", n_samples=60, n_shown=n_shown)
    assert few.candidates == answer.candidates[:n_shown]
    assert few.n_distinct == answer.n_distinct > n_shown
    assert few.probability == answer.candidates[n_shown - 1].probability


def test_more_samples_extend_the_list(small_flow: TrainedFlow, answer: Elucidation) -> None:
    more = elucidate(small_flow, TOLUENE_PPM, formula="C7H8", n_samples=150, n_shown=1_000)
    before = {c.structure.connectivity: c for c in answer.candidates}
    after = {c.structure.connectivity: c for c in more.candidates}
    assert before.keys() < after.keys()
    for name, candidate in before.items():
        assert after[name].n_sampled >= candidate.n_sampled
        assert after[name].score == pytest.approx(candidate.score)
    assert more.n_invalid >= answer.n_invalid


@pytest.mark.parametrize("formula", ["C7H8", "C10H14", None])
def test_every_draw_is_counted_once(formula: str | None, small_flow: TrainedFlow) -> None:
    found = elucidate(small_flow, TOLUENE_PPM, formula=formula, n_samples=80, n_shown=80)
    assert len(set(names(found))) == len(found.candidates) == found.n_distinct > 5
    assert found.n_samples == 80
    assert sum(c.n_sampled for c in found.candidates) == found.n_samples - found.n_invalid
    assert all(c.place is None for c in found.candidates)
    formulas = {c.structure.formula for c in found.candidates}
    assert formulas == {formula} if formula else len(formulas) > 1
    question = ask(TOLUENE_PPM, small_flow.axis, formula=formula)
    (drawn,) = small_flow.propose_structures([question], 80, 0)
    molecules = [p.structure for p in drawn if p.structure is not None]
    of_formula = [s for s in molecules if formula in (None, s.formula)]
    assert found.n_invalid == 80 - len(of_formula)
    assert set(names(found)) == {s.connectivity for s in of_formula}


def test_candidates_are_weighed(small_flow: TrainedFlow, answer: Elucidation) -> None:
    structures = [c.structure for c in answer.candidates]
    question = ask(TOLUENE_PPM, small_flow.axis, formula="C7H8")
    log_p = small_flow.log_p(structures, [question] * len(structures))
    np.testing.assert_allclose([c.log_p for c in answer.candidates], log_p, atol=1e-9)
    logits = small_flow.predict_logits(structures)
    consistency = log_likelihood(logits, question.code(small_flow.axis))
    np.testing.assert_allclose([c.consistency for c in answer.candidates], consistency, atol=1e-9)
    for candidate in answer.candidates:
        density = candidate.structure.n_atoms * candidate.fit.log_density
        expected = (
            candidate.consistency
            + small_flow.ranking.log_p_weight * candidate.log_p
            + small_flow.ranking.density_weight * density
        )
        assert candidate.score == pytest.approx(expected)
        own = assign(small_flow, TOLUENE_PPM, candidate.structure)
        assert candidate.fit.log_density == pytest.approx(own.log_density)


@pytest.mark.parametrize("formula", [None, "C7H8"])
def test_those_drawn_are_weighed_as_those_given(
    formula: str | None, small_flow: TrainedFlow
) -> None:
    question = ask(TOLUENE_PPM, small_flow.axis, formula=formula)
    (proposals,) = small_flow.propose_structures([question], 40, 0)
    drawn = of_question(proposals, question).proposals
    found = weigh_drawn(small_flow, question, drawn)
    expected = weigh(small_flow, question, [c.structure for c in found])
    assert len({c.structure.connectivity for c in found}) == len(found) > 5
    for one, other in zip(found, expected, strict=True):
        assert one.structure == other.structure
        assert one.score == pytest.approx(other.score, abs=1e-6)
        assert one.log_p == pytest.approx(other.log_p, abs=1e-6)
        assert (other.n_sampled, other.place) == (None, None)
    assert sum(c.n_sampled for c in found) == len(drawn)


@pytest.fixture(scope="module")
def hetero_flow(
    make_flow: Callable[..., TrainedFlow], small_model: Callable[..., dict[str, Any]]
) -> TrainedFlow:
    types = [["C", 0, 4], ["N", 0, 3], ["O", 0, 2]]
    return make_flow(small_model({"atom_types": types, "max_atoms": 9}))


def test_of_any_molecule_only_carbons_are_weighed(hetero_flow: TrainedFlow) -> None:
    question = ask([66.0, 15.0], hetero_flow.axis, formula="C4H10O")
    structures = [Structure.from_smiles(s) for s in ("CCOCC", "CCCCO", "CC(C)(C)O")]
    log_p = hetero_flow.log_p(structures, [question] * 3)
    found = weigh(hetero_flow, question, structures)
    for k, candidate in enumerate(found):
        expected = (
            candidate.consistency
            + 0.75 * 4 * candidate.fit.log_density  # four carbons, whatever else there is
            + 0.5 * log_p[k]
        )
        assert candidate.score == pytest.approx(expected)
        carbons = [a for pair in candidate.fit.assigned for a in pair.group.atoms]
        elements = candidate.structure.elements
        assert sorted(carbons) == [a for a, element in enumerate(elements) if element == "C"]


def test_molecules_of_several_elements_are_elucidated(hetero_flow: TrainedFlow) -> None:
    found = elucidate(hetero_flow, [66.0, 15.0], formula="C4H10O", n_samples=60, n_shown=60)
    assert {c.structure.formula for c in found.candidates} == {"C4H10O"}
    assert found.n_distinct == len(found.candidates) > 1
    assert sum(c.n_sampled for c in found.candidates) == 60 - found.n_invalid
    check_order(found.candidates)


@pytest.mark.parametrize("calibrated", [False, True])
def test_isomers_with_charges_are_ranked(
    make_flow: Callable[..., TrainedFlow],
    small_model: Callable[..., dict[str, Any]],
    calibration: Calibration,
    *,
    calibrated: bool,
) -> None:
    """A formula does not say which of their atoms are charged: none is told to the network."""
    types = [["C", 0, 4], ["N", 0, 3], ["N", 1, 4], ["O", 0, 2], ["O", -1, 1]]
    domain = {"atom_types": types, "max_atoms": 9}
    model = make_flow(small_model(domain), calibration=calibration if calibrated else None)
    for smiles in (["CC[N+](=O)[O-]", "NCC(=O)O"], ["C[NH3+]"], ["CC(=O)[O-]"]):
        ranking = rank(model, [60.0, 15.0], smiles)
        assert len(ranking.candidates) == len(smiles)
        assert all(np.isfinite(c.score) for c in ranking.candidates)
        assert remarks_on(ranking.question) is not None


def test_draws_without_a_carbon_are_counted_as_invalid(hetero_flow: TrainedFlow) -> None:
    question = ask([66.0], hetero_flow.axis)
    (drawn,) = hetero_flow.propose_structures([question], 200, 0)
    molecules = [p.structure for p in drawn if p.structure is not None]
    n_with = sum("C" in s.elements for s in molecules)
    assert 0 < n_with < len(molecules)
    found = elucidate(hetero_flow, question, n_samples=200, n_shown=200)
    assert found.n_invalid == 200 - n_with
    assert sum(c.n_sampled for c in found.candidates) == n_with


def test_a_candidate_without_a_carbon_is_refused_in_words(hetero_flow: TrainedFlow) -> None:
    with pytest.raises(StructureError, match=r"H2O .*carbon"):
        rank(hetero_flow, [66.0], ["CCO", "O"])


def test_those_that_multiplicities_rule_out_come_last(small_flow: TrainedFlow) -> None:
    found = elucidate(small_flow, SOME_LETTERS, formula="C7H8", n_samples=150, n_shown=1_000)
    n_left = sum(c.fit.contradiction is None for c in found.candidates)
    assert 0 < n_left < len(found.candidates)
    check_order(found.candidates)
    # They make it no likelier that the truth is found.
    assert {c.probability for c in found.candidates[n_left:]} == {
        found.candidates[n_left - 1].probability
    }


def test_probabilities_never_fall(answer: Elucidation) -> None:
    probabilities = [c.probability for c in answer.candidates]
    assert all(0 <= p <= 1 for p in probabilities)
    assert all(one <= other for one, other in pairwise(probabilities))
    assert probabilities[0] < probabilities[-1]
    assert answer.probability == probabilities[-1]


@settings(max_examples=10)
@given(*[st.floats(-20, 20)] * 4)
def test_whatever_was_calibrated_probabilities_never_fall(
    small_flow: TrainedFlow,
    answer: Elucidation,
    intercept: float,
    of_mass: float,
    of_lead: float,
    of_tension: float,
) -> None:
    """Also where a calibration had too little to learn from, and its weights are absurd."""
    odd = Logistic(intercept, {"mass": of_mass, "lead": of_lead, "tension": of_tension})
    ranking = small_flow.ranking
    calibration = Calibration(ranking, odd, odd, 0.5, {})
    model = TrainedFlow(small_flow.network, small_flow.description, calibration)
    structures = [c.structure for c in answer.candidates[:6]]
    probabilities = [c.probability for c in rank(model, TOLUENE_PPM, structures).candidates]
    assert all(0 <= p <= 1 for p in probabilities)
    assert probabilities == sorted(probabilities)


def test_without_a_calibration_there_are_no_probabilities(
    make_flow: Callable[..., TrainedFlow], answer: Elucidation
) -> None:
    plain = make_flow()
    found = elucidate(plain, TOLUENE_PPM, formula="C7H8", n_samples=60, n_shown=1_000)
    assert names(found) == names(answer)
    assert found.probability is None
    assert {c.probability for c in found.candidates} == {None}
    ranking = rank(plain, TOLUENE_PPM, ["CC", "CCC"])
    assert ranking.probability is None
    assert ranking.none_fits is None


def test_where_nothing_was_drawn_there_is_no_candidate(
    small_flow: TrainedFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Proposal(None, "no bonds", *[np.zeros(1)] * 3)
    monkeypatch.setattr(elucidation, "find", lambda *_: iter([[nothing] * 3, [nothing] * 2]))
    found = elucidate(small_flow, TOLUENE_PPM, n_samples=5)
    assert (found.candidates, found.n_distinct, found.n_invalid) == ((), 0, 5)
    assert found.probability == 0
    assert replace(found, is_calibrated=False).probability is None


@pytest.mark.parametrize("n_shown", [3, 1_000])
def test_in_parts_the_list_is_the_same(
    n_shown: int, small_flow: TrainedFlow, answer: Elucidation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "_AT_ONCE", 16)
    found = elucidate(small_flow, TOLUENE_PPM, formula="C7H8", n_samples=60, n_shown=n_shown)
    assert names(found) == names(answer)[:n_shown]
    assert (found.n_distinct, found.n_invalid) == (answer.n_distinct, answer.n_invalid)
    for one, other in zip(found.candidates, answer.candidates, strict=False):
        assert one.n_sampled == other.n_sampled
        assert one.score == pytest.approx(other.score)
        assert one.probability == pytest.approx(other.probability)


def test_what_is_no_number_is_no_answer(
    small_flow: TrainedFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        small_flow, "log_p", lambda structures, _: np.full(len(structures), np.nan)
    )
    with pytest.raises(CheckpointError, match="weights are damaged"):
        rank(small_flow, TOLUENE_PPM, GIVEN)


@pytest.mark.parametrize("wrong", [{"n_samples": 0}, {"n_shown": 0}, {"n_samples": -3}])
def test_impossible_numbers_are_refused(wrong: dict[str, int], small_flow: TrainedFlow) -> None:
    with pytest.raises(SpectrumError, match="at least 1"):
        elucidate(small_flow, TOLUENE_PPM, **wrong)


def test_impossible_questions_are_refused(
    small_flow: TrainedFlow, published_flow: TrainedFlow
) -> None:
    with pytest.raises(SpectrumError, match="is not a shift"):
        elucidate(small_flow, "hello")
    with pytest.raises(StructureError, match="C7H9"):
        elucidate(small_flow, TOLUENE_PPM, formula="C7H9")
    for formula in (None, "C7H8"):
        with pytest.raises(SpectrumError, match="no likelihood"):
            elucidate(published_flow, TOLUENE_PPM, formula=formula, n_samples=2)


def test_far_more_peaks_than_a_molecule_has_are_refused(small_flow: TrainedFlow) -> None:
    most = MAX_PEAKS_PER_ATOM * small_flow.domain.max_atoms
    shifts = [20.25 + k for k in range(most + 1)]
    assert elucidate(small_flow, shifts[:most], n_samples=5).outside
    with pytest.raises(SpectrumError, match="69 peaks are more than 4 for each of the 17 carbons"):
        elucidate(small_flow, shifts, n_samples=5)


def test_without_a_likelihood_candidates_are_ranked_by_consistency(
    published_flow: TrainedFlow,
) -> None:
    ranking = rank(published_flow, TOLUENE_PPM, GIVEN)
    code = ask(TOLUENE_PPM, published_flow.axis).code(published_flow.axis)
    fits = log_likelihood(published_flow.predict_logits(GIVEN), code)
    assert [c.score for c in ranking.candidates] == pytest.approx(sorted(fits, reverse=True))
    for candidate in ranking.candidates:
        assert candidate.score == candidate.consistency == pytest.approx(fits[candidate.place])
        assert (candidate.log_p, candidate.matched, candidate.contradiction) == (None,) * 3
        with pytest.raises(SpectrumError, match="no carbon's shift"):
            _ = candidate.fit
    assert (ranking.probability, ranking.none_fits) == (None, None)


# Somebody's.


TOLUENE = Structure.from_smiles("Cc1ccccc1")
GIVEN = (
    TOLUENE,
    *map(Structure.from_smiles, ("C1=CC=CC=CC1", "C1C2C=CC1C=C2", "CC#CC#CCC", "CCCCCCC")),
)
ORDERS = st.permutations(range(len(GIVEN)))


def check_independence(
    model: TrainedFlow, structures: Sequence[Structure], order: list[int], formula: str | None
) -> None:
    """Given in another order, the candidates come out in the same."""
    expected = rank(model, SOME_LETTERS, structures, formula=formula)
    found = rank(model, SOME_LETTERS, [structures[k] for k in order], formula=formula)
    assert names(found) == names(expected)
    check_order(found.candidates)
    assert sorted(c.place for c in found.candidates) == sorted(order)
    for one, other in zip(found.candidates, expected.candidates, strict=True):
        assert one.score == pytest.approx(other.score)
        assert one.probability == pytest.approx(other.probability)
        assert structures[order[one.place]] == one.structure
    assert found.none_fits == expected.none_fits


@settings(max_examples=10)
@given(ORDERS, st.sampled_from([None, "C7H8", "C7H16"]))
def test_the_order_of_the_input_does_not_matter(
    small_flow: TrainedFlow, order: list[int], formula: str | None
) -> None:
    check_independence(small_flow, GIVEN, order, formula)


AGAIN = TOLUENE.permuted((3, 1, 2, 0, 6, 5, 4))  # numbered in another way


@pytest.mark.parametrize("again", [TOLUENE, AGAIN], ids=["as before", "numbered in another way"])
def test_what_is_given_twice_is_listed_twice(again: Structure, small_flow: TrainedFlow) -> None:
    ranking = rank(small_flow, TOLUENE_PPM, [*GIVEN, again])
    assert sorted(c.place for c in ranking.candidates) == [0, 1, 2, 3, 4, 5]
    twice = [c for c in ranking.candidates if c.structure.connectivity == "Cc1ccccc1"]
    assert [c.score for c in twice] == [pytest.approx(twice[0].score)] * 2
    # And counts once where probabilities are summed.
    assert ranking.probability == pytest.approx(rank(small_flow, TOLUENE_PPM, GIVEN).probability)
    check_independence(small_flow, [*GIVEN, again], [5, 3, 0, 1, 4, 2], None)


def test_smiles_may_be_given(small_flow: TrainedFlow) -> None:
    ranking = rank(small_flow, "137.89, 21.46", ["Cc1ccccc1", "CC"])
    assert set(names(ranking)) == {"Cc1ccccc1", "CC"}
    assert all(c.n_sampled is None for c in ranking.candidates)


@pytest.mark.parametrize("formula", ["C7H16", "C10H14"])
def test_another_formula_than_the_one_asked_for_is_ruled_out(
    formula: str, small_flow: TrainedFlow
) -> None:
    ranking = rank(small_flow, TOLUENE_PPM, GIVEN, formula=formula)
    check_order(ranking.candidates)
    for candidate in ranking.candidates:
        own = candidate.structure.formula
        if own == formula:
            assert candidate.fit.contradiction is None
            assert np.isfinite(candidate.score)
        else:
            assert candidate.fit.contradiction == f"its formula is {own}, not {formula}"
            assert candidate.log_p == -np.inf
    assert (ranking.probability > 0) == (formula == "C7H16")
    assert ranking.none_fits or formula == "C7H16"


def test_a_formula_that_all_candidates_have_is_known(small_flow: TrainedFlow) -> None:
    same = rank(small_flow, TOLUENE_PPM, GIVEN[:-1])
    assert same.question.formula == "C7H8"
    told = rank(small_flow, TOLUENE_PPM, GIVEN[:-1], formula="C7H8")
    assert same == told
    assert rank(small_flow, TOLUENE_PPM, GIVEN).question.formula is None
    other = rank(small_flow, TOLUENE_PPM, GIVEN[:-1], formula="C7H16")
    assert other.question.formula == "C7H16"


def test_without_weight_impossible_candidates_still_have_an_order(
    make_flow: Callable[..., TrainedFlow], calibration: Calibration
) -> None:
    unweighted = replace(calibration, ranking=RankingWeights(0.0, 0.75))
    model = make_flow(calibration=unweighted)
    ranking = rank(model, TOLUENE_PPM, GIVEN, formula="C7H16")
    assert not any(np.isnan(c.score) for c in ranking.candidates)
    check_independence(model, GIVEN, [3, 1, 4, 0, 2], "C7H16")


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, False), (1.1, True)])
def test_that_none_fits_follows_from_the_threshold(
    threshold: float,
    expected: bool,
    make_flow: Callable[..., TrainedFlow],
    calibration: Calibration,
) -> None:
    model = make_flow(calibration=replace(calibration, none_fits_below=threshold))
    ranking = rank(model, TOLUENE_PPM, GIVEN)
    assert ranking.none_fits is expected
    assert (ranking.probability < threshold) == expected


def test_candidates_that_cannot_be_ranked_are_refused(small_flow: TrainedFlow) -> None:
    with pytest.raises(StructureError, match="at least one is needed"):
        rank(small_flow, TOLUENE_PPM, [])
    with pytest.raises(StructureError, match=r"structure 1 .*contains O"):
        rank(small_flow, TOLUENE_PPM, ["CC", "CCO"])
    with pytest.raises(StructureError, match="C7H9"):
        rank(small_flow, TOLUENE_PPM, ["CC"], formula="C7H9")


# Assignment.


def test_a_structure_is_assigned_as_its_fit_says(small_flow: TrainedFlow) -> None:
    found = assign(small_flow, "137.89, 129.07, 128.26, 125.33, 21.46, 77.16 (CDCl3)", "Cc1ccccc1")
    assert found.peaks.shifts_ppm == TOLUENE_PPM  # without the solvent's line
    assert found == assign(small_flow, ask(TOLUENE_PPM, small_flow.axis), TOLUENE)
    assert {pair.group.atoms for pair in found.assigned} == {(0,), (1,), (2, 6), (3, 5), (4,)}
    with pytest.raises(StructureError, match="contains O"):
        assign(small_flow, TOLUENE_PPM, "CCO")


@pytest.mark.slow
def test_toluene_is_known_from_its_spectrum() -> None:
    model = nmrflow.load_pretrained("hydrocarbons")
    found = elucidate(model, TOLUENE_PPM, formula="C7H8", n_samples=50)
    assert names(found)[0] == "Cc1ccccc1"
    assert found.candidates[0].fit.n_matched == 5
    ranking = rank(model, TOLUENE_PPM, ["C1=CC=CC=CC1", "Cc1ccccc1", "C1C2C=CC1C=C2"])
    assert names(ranking)[0] == "Cc1ccccc1"
    assert ranking.candidates[0].place == 1
