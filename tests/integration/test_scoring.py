"""All scores together: a small trained network, and one that answers what it is told to."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import nmrflow
from nmrflow.chem.structure import Structure
from nmrflow.data.dataset import SpectrumDataset
from nmrflow.data.splits import Sides
from nmrflow.evaluation.paper import conditional
from nmrflow.evaluation.scoring import MIN_TO_PROBE, score
from nmrflow.metrics.calibration import probabilities
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.question import Question

DEVIATIONS = {
    f"conditional/{kind}_{place}{norm}"
    for kind in ("cd", "rcd")
    for place in ("local", "prior")
    for norm in ("", "_l2")
}
DRAWN = {
    "structure/bond_count_correlation",
    "structure/aromatic_bond_count_correlation",
    *(f"conditional/variation_{name}" for name in ("mean", "std", "rows_mean", "rows_std")),
    *DEVIATIONS,
}
"""What other draws change, whatever the network."""

SCORES = DRAWN | {
    "n",
    "n_seen_in_training",
    *(
        f"spectrum/{constant}{name}"
        for constant in ("", "constant/")
        for name in ("f1_macro", "f1_micro", "f1_within_1_bin")
    ),
    *(f"spectrum/{what}_{of}" for what in ("bits", "last_bin") for of in ("predicted", "true")),
    "calibration/ece",
    "calibration/reliability",
    *(f"inversion/{name}" for name in ("max_abs_error", "mean_abs_error", "exact_structures")),
    *(f"latent/z_{a}_{b}" for a in ("mean", "std") for b in ("mean", "std")),
    *(f"latent/dimension_{name}" for name in ("mean", "std", "mean_abs")),
    *(f"latent/dimension_std_{name}" for name in ("mean", "min", "max")),
    *(f"latent/y_from_z_auroc_{name}" for name in ("linear", "mlp")),
    "conditional/n_molecules",
    *(f"structure/{name}" for name in ("n_samples", "valid_raw", "unique", "novel", "coverage")),
    *(
        f"structure/{name}{formula}"
        for name in ("top1", "top10", "tanimoto_top10")
        for formula in ("", "_formula")
    ),
    *(f"published_inverse/{name}bond_count_correlation" for name in ("", "aromatic_")),
    *(f"entropy/{name}" for name in ("x_bits", "n")),
}


@pytest.fixture(scope="module")
def model(finished_run: Path) -> TrainedFlow:
    return nmrflow.load_checkpoint(finished_run)


@pytest.fixture(scope="module")
def sides(model: TrainedFlow, table: Path) -> Sides:
    return model.split.divide(model.source_at(str(table)).read().records)


@pytest.fixture(scope="module")
def few(model: TrainedFlow, sides: Sides) -> SpectrumDataset:
    """Eight records of the validation side, of different molecules."""
    distinct = {record.structure.connectivity: record for record in sides.validation}
    return SpectrumDataset(list(distinct.values())[:8], model.codec, model.axis)


@pytest.fixture(scope="module")
def alone(model: TrainedFlow, few: SpectrumDataset) -> dict[str, Any]:
    """Scores of the few without a training side."""
    return score(model, few, None, n_samples=3, seed=0)


def test_all_documented_scores_are_there(finished_run: Path) -> None:
    scores = json.loads((finished_run / "evaluation.json").read_text())
    assert {name for name in scores if "/" in name} == {name for name in SCORES if "/" in name}
    for name in DEVIATIONS:
        assert list(scores[name]) == [f"{level:g}" for level in conditional.NOISE_LEVELS]
        values = list(scores[name].values())
        assert values == sorted(values)
    for name in ("mean", "std"):
        assert len(scores[f"latent/dimension_{name}"]) == 896
    assert sum(point["n"] for point in scores["calibration/reliability"]) == 128 * scores["n"]
    assert math.isfinite(scores["published_inverse/bond_count_correlation"])
    assert math.isfinite(scores["published_inverse/aromatic_bond_count_correlation"])
    assert scores["structure/n_samples"] == 5
    assert scores["conditional/n_molecules"] == min(scores["n"], conditional.N_DISTURBED)
    assert scores["entropy/n"] == scores["n_train"] + scores["n_validation"] == 120
    assert scores["entropy/x_bits"] > 20
    for probe in ("linear", "mlp"):
        assert 0 < scores[f"latent/y_from_z_auroc_{probe}"] < 1


def test_docs_name_every_group_of_scores() -> None:
    text = (Path(__file__).parents[2] / "docs/scores.md").read_text()
    for name in sorted(SCORES):
        last = name.rpartition("/")[2].removesuffix("_formula").removesuffix("_l2")
        # Tables abbreviate the second of two alike to what is different: `_std`, `bits_true`.
        tails = [last[i:] for i, letter in enumerate(last) if letter == "_" or i == 0]
        assert any(f"{tail}`" in text for tail in tails), name


def test_what_needs_a_training_side_is_none_without(
    model: TrainedFlow, sides: Sides, few: SpectrumDataset, alone: dict[str, Any]
) -> None:
    missing = {name for name in DEVIATIONS if "prior" in name}
    missing |= {name for name in SCORES if "auroc" in name}
    nowhere = {f"structure/{name}" for name in ("unique", "novel")}  # without a valid sample
    assert alone.keys() == SCORES
    assert {name for name, value in alone.items() if value is None} - nowhere == missing
    assert alone["entropy/n"] == 8
    # A training side too small for probes still makes a prior.
    tiny = SpectrumDataset(sides.train[: MIN_TO_PROBE - 1], model.codec, model.axis)
    scores = score(model, few, tiny, n_samples=1, seed=0)
    assert scores["latent/y_from_z_auroc_linear"] is None
    assert scores["latent/y_from_z_auroc_mlp"] is None
    assert scores["conditional/cd_prior"]["1"] > 0
    assert scores["entropy/n"] == 8 + MIN_TO_PROBE - 1


def test_the_seed_decides_the_draws_and_nothing_else(
    model: TrainedFlow, few: SpectrumDataset, alone: dict[str, Any]
) -> None:
    assert score(model, few, None, n_samples=3, seed=0) == alone
    other = score(model, few, None, n_samples=3, seed=1)
    changed = {name for name in SCORES if other[name] != alone[name]}
    assert changed == {name for name in DRAWN if alone[name] is not None}


class Answers(NamedTuple):
    """What an elucidator says to a query of the few."""

    drawn: Callable[[int, Structure], list[Structure | None]]
    logits: Callable[[Structure], np.ndarray] | None = None


class Told(TrainedFlow):
    """A network whose backward direction (and, if told so, forward) is made up."""

    def __init__(self, model: TrainedFlow, records: SpectrumDataset, answers: Answers) -> None:
        super().__init__(model.network, model.description)
        self.records, self.answers = records, answers

    def iterate_proposals(
        self,
        questions: Sequence[Question],
        n_samples: int,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        *,
        explains: bool = True,  # noqa: ARG002
    ) -> Iterator[list[Proposal]]:
        assert all(q.formula is None for q in questions)  # The published network takes none.
        codes = np.stack([question.code(self.axis) for question in questions])
        np.testing.assert_array_equal(codes, self.records.code.numpy())
        z = np.zeros(896, dtype=np.float32)
        nothing = np.full(self.codec.shape, np.nan, np.float32)
        y = np.zeros(128, dtype=np.float32)
        for i, record in enumerate(self.records.records):
            yield [
                Proposal(None, "no", nothing, z, y)
                if structure is None
                else Proposal(structure, None, self.codec.encode(structure).astype("f4"), z, y)
                for structure in self.answers.drawn(i, record.structure)
            ]

    def predict_logits(self, structures: list[Structure]) -> np.ndarray:
        if self.answers.logits is None:
            return super().predict_logits(structures)
        return np.stack([self.answers.logits(structure) for structure in structures])


@pytest.fixture(scope="module")
def told(model: TrainedFlow, few: SpectrumDataset) -> Callable[[Answers], dict[str, Any]]:
    def run(answers: Answers) -> dict[str, Any]:
        scores = score(Told(model, few, answers), few, None, n_samples=1, seed=0)
        return {
            name.removeprefix("structure/"): value
            for name, value in scores.items()
            if name.startswith("structure/")
        }

    return run


RANKINGS = [f"{name}{formula}" for name in ("top1", "top10") for formula in ("", "_formula")]


def test_a_perfect_elucidator(told) -> None:
    scores = told(Answers(lambda _, truth: [truth] * 4))
    assert scores == {
        "n_samples": 4,
        "valid_raw": 1,
        "unique": 0.25,
        "novel": 1,  # No molecule of the validation side is on the training side.
        "coverage": 1,
        **dict.fromkeys(RANKINGS, 1),
        "tanimoto_top10": pytest.approx(1),
        "tanimoto_top10_formula": pytest.approx(1),
        "bond_count_correlation": pytest.approx(1),
        "aromatic_bond_count_correlation": pytest.approx(1),
    }


def test_an_elucidator_that_finds_nothing(told) -> None:
    scores = told(Answers(lambda *_: [None] * 4))
    assert scores == {
        "n_samples": 4,
        **dict.fromkeys(("valid_raw", "coverage", *RANKINGS), 0),
        **dict.fromkeys(("tanimoto_top10", "tanimoto_top10_formula"), 0),
        **dict.fromkeys(("unique", "novel"), None),
        # A diverged tensor has no bonds: the counts do not vary.
        **dict.fromkeys(("bond_count_correlation", "aromatic_bond_count_correlation"), None),
    }


@pytest.fixture(scope="module")
def others(few: SpectrumDataset, sides: Sides) -> list[Structure]:
    """Molecules of the training side, each of a formula that no truth has."""
    formulas = {record.structure.formula for record in few.records}
    distinct = {r.structure.connectivity: r.structure for r in sides.train}
    return [s for s in distinct.values() if s.formula not in formulas]


def logits_of(code: np.ndarray) -> np.ndarray:
    return np.where(code == 1, 5.0, -5.0)


def test_the_truth_among_others_is_ranked_by_likelihood(
    told, few: SpectrumDataset, others: list[Structure]
) -> None:
    truths = [record.structure for record in few.records]
    codes = dict(zip((t.connectivity for t in truths), few.code.numpy(), strict=True))

    def drawn(_: int, truth: Structure) -> list[Structure | None]:
        renumbered = truth.permuted(range(truth.n_atoms - 1, -1, -1))
        return [None, *others[:1] * 4, truth, renumbered, None]

    def right(structure: Structure) -> np.ndarray:
        code = codes.get(structure.connectivity)
        return np.zeros(128) if code is None else logits_of(code)

    def wrong(structure: Structure) -> np.ndarray:
        code = codes.get(structure.connectivity)
        return np.zeros(128) if code is None else -logits_of(code)

    found = told(Answers(drawn, right))
    assert {name: found[name] for name in RANKINGS} == dict.fromkeys(RANKINGS, 1)
    common = {
        "n_samples": 8,
        "valid_raw": 6 / 8,
        "unique": 2 / 6,  # Two numberings are one molecule.
        "novel": 1 / 2,
        "coverage": 1,
        "tanimoto_top10": pytest.approx(1),
    }
    assert {name: found[name] for name in common} == common
    missed = told(Answers(drawn, wrong))
    assert missed["top1"] == 0
    # Whoever knows the formula drops the others.
    assert missed["top10"] == missed["top1_formula"] == missed["top10_formula"] == 1
    assert {name: missed[name] for name in common} == common


def test_without_a_likelihood_the_most_frequent_comes_first(told, others) -> None:
    def drawn(_: int, truth: Structure) -> list[Structure | None]:
        return [others[0], truth, others[1], truth]

    assert told(Answers(drawn, lambda _: np.zeros(128)))["top1"] == 1


def test_ten_candidates_are_looked_at(told, others) -> None:
    def unlikely_truth(structure: Structure) -> np.ndarray:
        # A measured code has few bits set: whoever predicts many is unlikely.
        return np.full(128, -1.0 if structure in others else 9.0)

    for n_others, found in ((9, 1), (10, 0)):
        scores = told(
            Answers(lambda _, truth, n=n_others: [truth, *others[:n]] * 2, unlikely_truth)
        )
        assert scores["coverage"] == scores["top1_formula"] == 1
        assert scores["top1"] == 0
        assert scores["top10"] == found
        # Bonds are counted in the first sample, here the truth; the last is always the same.
        assert scores["bond_count_correlation"] == pytest.approx(1)
        assert (scores["tanimoto_top10"] == pytest.approx(1)) == bool(found)


def test_the_ranking_is_by_the_own_forward_prediction(
    told, model: TrainedFlow, few: SpectrumDataset
) -> None:
    candidates = [record.structure for record in few.records]
    p = probabilities(model.predict_logits(candidates))
    code = few.code.numpy().astype(float)
    likelihood = code @ np.log(p).T + (1 - code) @ np.log(1 - p).T
    expected = np.mean(likelihood.argmax(axis=1) == np.arange(len(candidates)))
    scores = told(Answers(lambda *_: list(candidates)))
    assert scores["top1"] == expected
    assert scores["coverage"] == scores["top10"] == 1


def test_in_brief_the_same_scores_but_for_what_is_sampled_or_fitted(model, few, alone) -> None:
    brief = score(model, few, None, n_samples=3, seed=0, complete=False)
    assert brief == {name: alone[name] for name in brief}
    left_out = alone.keys() - brief.keys()
    assert {name.split("/")[0] for name in left_out} == {"structure", "conditional", "latent"}
    assert {name for name in left_out if name.startswith("latent/")} == {
        "latent/y_from_z_auroc_linear",
        "latent/y_from_z_auroc_mlp",
    }
