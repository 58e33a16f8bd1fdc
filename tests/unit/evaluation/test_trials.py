"""Trials: isomers chosen from a corpus, cases with and without the truth, calibrations of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmrflow.answers.elucidation import Elucidation
from nmrflow.answers.fit import Fit, fit
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.generation.walk import generate_molecules
from nmrflow.chem.similarity import fingerprints, tanimoto
from nmrflow.chem.structure import Structure
from nmrflow.data.corpus import CorpusWriter, Shard
from nmrflow.data.records import Record
from nmrflow.errors import DataError
from nmrflow.evaluation.logistic import fit_logistic, left_over_weights
from nmrflow.evaluation.trials import (
    N_ISOMERS,
    Case,
    among_cases,
    choose_isomers,
    elucidations,
    question_of,
    rankings,
)
from nmrflow.model.results import PredictedShifts
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.peaks import Peak, PeakList

TRUTHS = ("CCC(C)CC(C)C", "Cc1ccccc1", "C=C")
SHIFTS = (19.2, 22.6, 29.5)
PEAKS = PeakList(tuple(Peak(shift, "Q", atoms=("0",)) for shift in SHIFTS))


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [Record(name, name, Structure.from_smiles(name), PEAKS, "by hand") for name in TRUTHS]


@pytest.fixture(scope="module")
def made(records: list[Record]) -> list[Structure]:
    """Generated molecules, the truths among them."""
    seeds = [record.structure for record in records]
    return list(generate_molecules(seeds, 2_000, 0, Domain([["C", 0, 4]], 8, 2), with_seeds=True))


@pytest.fixture(scope="module")
def corpus(
    made: list[Structure], small_flow: TrainedFlow, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"), made, small_flow)


def write_corpus(folder: Path, made: list[Structure], flow: TrainedFlow) -> Path:
    codec, forward = flow.codec, flow.network.forward
    assert isinstance(codec, TableCodec)
    assert forward is not None
    features = forward.features
    molecules = [codec.canonical(structure.connectivity, features) for structure in made]
    writer = CorpusWriter(folder)
    for part in (molecules[:1000], molecules[1000:]):
        writer.add(
            Shard(
                np.stack([molecule.cells for molecule in part]),
                np.zeros((len(part), 1, 16), dtype=np.uint8),
                np.full(len(part), 9, dtype=np.uint8),
                np.stack([features.count_kinds(molecule.graph) for molecule in part]),
            )
        )
    writer.close(128)
    return folder


@pytest.mark.parametrize("nearest", [False, True])
def test_isomers_are_generated_ones_without_the_truth(
    corpus: Path,
    small_flow: TrainedFlow,
    records: list[Record],
    made: list[Structure],
    *,
    nearest: bool,
) -> None:
    formulas = {structure.connectivity: structure.formula for structure in made}
    n_octanes = sum(formula == "C8H18" for formula in formulas.values()) - 1
    found = choose_isomers(corpus, small_flow.network, records, nearest=nearest, seed=3)
    assert 1 < n_octanes < N_ISOMERS
    assert [len(names) for names in found] == [n_octanes, N_ISOMERS, 0]
    for names, record in zip(found, records, strict=True):
        assert len(set(names)) == len(names)
        assert record.structure.connectivity not in names
        assert {formulas[name] for name in names} <= {record.structure.formula}
    assert choose_isomers(corpus, small_flow.network, records, nearest=nearest, seed=3) == found
    assert (
        choose_isomers(corpus, small_flow.network, records, nearest=nearest, seed=4) == found
    ) == nearest


def test_the_nearest_are_nearer_than_all_others(
    corpus: Path, small_flow: TrainedFlow, records: list[Record], made: list[Structure]
) -> None:
    truth = records[1].structure
    names = choose_isomers(corpus, small_flow.network, records, nearest=True, seed=0)[1]
    others = [
        structure.connectivity
        for structure in made
        if structure.formula == truth.formula
        and structure.connectivity not in (*names, truth.connectivity)
    ]
    near, far = (
        tanimoto(fingerprints([truth.connectivity]), fingerprints(part))[0]
        for part in (names, others)
    )
    assert len(far) > 20
    assert near.min() >= far.max()
    assert (np.diff(near) <= 0).all()


@pytest.mark.parametrize("nearest", [False, True])
def test_isomers_of_molecules_of_several_elements(
    make_flow: Callable[..., TrainedFlow],
    small_model: Callable[..., dict[str, Any]],
    tmp_path: Path,
    *,
    nearest: bool,
) -> None:
    types = [["C", 0, 4], ["N", 0, 3], ["O", 0, 2]]
    flow = make_flow(small_model({"atom_types": types, "max_atoms": 6}))
    seeds = [Structure.from_smiles(smiles) for smiles in ("CCO", "CC(N)=O", "CCC")]
    made = list(generate_molecules(seeds, 1_000, 0, flow.domain, with_seeds=True))
    folder = write_corpus(tmp_path / "corpus", made, flow)
    records = [Record(s.formula, s.formula, s, PEAKS, "by hand") for s in seeds]
    found = choose_isomers(folder, flow.network, records, nearest=nearest, seed=0)
    for names, seed in zip(found, seeds, strict=True):
        isomers = {s.connectivity for s in made if s.formula == seed.formula}
        isomers -= {seed.connectivity}
        assert len(set(names)) == len(names) == min(len(isomers), N_ISOMERS)
        assert set(names) <= isomers
    assert found[0] == ["COC"]
    assert len(found[1]) > 5


def test_a_truth_is_first_where_it_scores_above_every_isomer(
    small_flow: TrainedFlow, records: list[Record]
) -> None:
    answers = elucidations(small_flow, records, tells_formula=True, n_samples=5, seed=0)
    isomers = [["CCCCCCCC", "CCCCCC(C)C"], ["C1C=CC=CC=C1"], []]
    trials = rankings(small_flow, records, isomers, answers)
    assert [len(trial.isomers) for trial in trials] == [2, 1, 0]
    for trial, record in zip(trials, records, strict=True):
        assert trial.truth.structure.connectivity == record.structure.connectivity
    assert trials[2].is_first
    best = replace(trials[0].truth, score=1 + max(one.score for one in trials[0].isomers))
    assert replace(trials[0], truth=best).is_first
    assert not replace(trials[0], truth=replace(best, score=best.score - 1)).is_first
    # With the truth there are more candidates, hence more of the network's own probability.
    cases = [trials[0].case(has_truth=has) for has in (True, False)]
    assert [case.is_among for case in cases] == [True, False]
    assert cases[0].evidence["mass"] > cases[1].evidence["mass"]


def test_cases_are_of_the_first_and_of_all_candidates(
    small_flow: TrainedFlow, records: list[Record]
) -> None:
    question = question_of(records[1], tells_formula=False)
    assert question.shifts_ppm == SHIFTS
    assert all(peak == Peak(peak.shift_ppm) for peak in question.peaks.peaks)
    (answer,) = elucidations(small_flow, records[1:2], tells_formula=False, n_samples=200, seed=0)
    assert answer.question == question
    n = len(answer.candidates)
    assert n > 10
    last = answer.candidates[-1].structure
    cases = among_cases(answer, last)
    assert [case.is_among for case in cases] == [False, False, False, True]
    masses = [case.evidence["mass"] for case in cases]
    assert masses == sorted(masses)
    empty = Elucidation(question, (), 0, 1, 1, 0)
    assert among_cases(empty, last) == []


def test_a_calibration_follows_the_cases() -> None:
    random = np.random.default_rng(0)
    mass = random.normal(size=2_000)
    is_among = random.random(2_000) < 1 / (1 + np.exp(1 - 2 * mass))
    cases = [
        Case({"mass": float(m), "lead": float(noise), "tension": 1.0}, bool(among))
        for m, noise, among in zip(mass, random.normal(size=2_000), is_among, strict=True)
    ]
    fitted = fit_logistic(cases)
    assert fitted.weights["mass"] == pytest.approx(2, abs=0.3)
    assert fitted.weights["lead"] == pytest.approx(0, abs=0.2)
    predicted = [fitted(case.evidence) for case in cases]
    assert np.mean(predicted) == pytest.approx(is_among.mean(), abs=0.01)


def test_weights_that_are_fixed_leave_a_calibration_right_on_average() -> None:
    """Evidence that says the same twice does not lower, or raise, every probability."""
    random = np.random.default_rng(0)
    tension = random.normal(size=2_000)
    is_among = random.random(2_000) < 1 / (1 + np.exp(tension - 1))
    cases = [
        Case({"mass": 0.0, "lead": 0.0, "tension": float(t), "extra": float(t > 0.5)}, bool(among))
        for t, among in zip(tension, is_among, strict=True)
    ]
    fitted = fit_logistic(cases, fixed={"extra": -2.0})
    assert fitted.weights["extra"] == -2.0
    predicted = np.array([fitted(case.evidence) for case in cases])
    assert predicted.mean() == pytest.approx(is_among.mean(), abs=1e-3)
    alone = fit_logistic(cases)
    assert alone.intercept == pytest.approx(1.0, abs=0.2)
    assert alone.weights["tension"] == pytest.approx(-1.0, abs=0.2)
    assert fitted.weights["tension"] > alone.weights["tension"]


@pytest.mark.parametrize(("is_among", "word"), [(True, "always"), (False, "never")])
def test_cases_of_one_kind_teach_nothing(*, is_among: bool, word: str) -> None:
    with pytest.raises(DataError, match=f"the truth is {word} among the candidates of 3 cases"):
        fit_logistic([Case({"mass": 0.0, "lead": 0.0, "tension": 0.0}, is_among)] * 3)


def test_what_is_left_over_costs_how_much_rarer_it_is_with_the_truth(
    shifts_by_hand: Callable[..., PredictedShifts],
) -> None:
    def fits(*numbers: int) -> list[Fit]:
        """So many with all peaks explained, one peak too many, one too few."""
        shifts = shifts_by_hand("CCC", (16.0, 24.0, 16.0))
        lists = ([16.0, 24.0], [16.0, 24.0, 90.0], [16.0])
        made = [fit(shifts, PeakList(tuple(map(Peak, one)))) for one in lists]
        return [one for one, n in zip(made, numbers, strict=True) for _ in range(n)]

    found = left_over_weights(fits(800, 20, 100), fits(100, 40, 20))
    # Log ratios of the frequencies, but for how little the regression is held back.
    assert found["extra"] == pytest.approx(np.log((20 / 800) / (40 / 100)), abs=0.1)
    assert found["missing"] == pytest.approx(np.log((100 / 800) / (20 / 100)), abs=0.1)
    assert left_over_weights(fits(100, 40, 40), fits(100, 4, 4)) == {"extra": 0.0, "missing": 0.0}
