"""Checkpoints of every format stay readable and give the numbers that they gave.

``format_1.ckpt`` is ``best.ckpt`` of ``+experiment=baseline model=irevnet_small
+model.flow.coupling.subnet.width=2 trainer.max_epochs=2``; the JSON file beside it holds every
8th number of y and every 64th of z as they were when the format was current. ``answers.json``
holds what these and the package's first weights for hydrocarbons answered at that time: shifts,
logits, latents, likelihoods, and candidates in their order. A new format gets files of its own;
these stay.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nmrflow
from nmrflow.answers.candidates import Candidate
from nmrflow.answers.question import ask
from nmrflow.errors import CheckpointError
from nmrflow.model.trained import TrainedFlow
from nmrflow.training.resume import find_resumable

HERE = Path(__file__).parent
ANSWERS: dict[str, Any] = json.loads((HERE / "answers.json").read_text())
TOLERANCE = {"rtol": 0, "atol": 1e-6}


@pytest.mark.parametrize("name", ["format_1"])
def test_golden_checkpoint(name: str) -> None:
    expected = json.loads((HERE / f"{name}.json").read_text())
    model = nmrflow.load_checkpoint(HERE / f"{name}.ckpt")
    latent = model.to_latent(expected["smiles"])
    torch.testing.assert_close(latent.y[:, ::8], torch.tensor(expected["y"]), atol=1e-5, rtol=0)
    torch.testing.assert_close(latent.z[:, ::64], torch.tensor(expected["z"]), atol=1e-5, rtol=0)
    back = model.from_latent(latent)
    assert all(proposal.structure is not None for proposal in back)
    (proposals,) = model.propose_structures([[21.4, 128.0]], n_samples=2, seed=0)
    assert len(proposals) == 2


def test_earlier_formats_are_not_resumed() -> None:
    file = HERE / "format_1.ckpt"
    with pytest.raises(CheckpointError, match=r"format 1.*loaded and scored, but not resumed"):
        find_resumable(str(file), nmrflow.load_checkpoint(file).description)


def test_the_published_network_says_what_it_said() -> None:
    told = ANSWERS["published"]
    model = nmrflow.load_checkpoint(HERE / "format_1.ckpt")
    latent = model.to_latent(told["smiles"])
    # float32, whose sums another processor orders otherwise.
    np.testing.assert_allclose(latent.z[:, ::64], told["z"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(latent.y[:, ::8], told["y"], rtol=0, atol=1e-5)
    logits = model.predict_logits(told["smiles"])
    np.testing.assert_allclose(logits[:, ::8], told["logits"], rtol=0, atol=1e-5)
    (drawn,) = model.propose_structures([[21.4, 128.0]], n_samples=3, seed=0)
    sums = [np.abs(proposal.x).sum() for proposal in drawn]
    np.testing.assert_allclose(sums, told["x_sums"], rtol=1e-5)


@pytest.fixture(scope="module")
def hydrocarbons() -> TrainedFlow:
    return nmrflow.load_pretrained("hydrocarbons")


def test_shifts_and_intervals_stay(hydrocarbons: TrainedFlow) -> None:
    predicted = hydrocarbons.predict_shifts(ANSWERS["smiles"])
    for told, found in zip(ANSWERS["shifts"], predicted, strict=True):
        np.testing.assert_allclose(found.median_ppm, told["median"], **TOLERANCE)
        np.testing.assert_allclose(found.low_ppm, told["low"], **TOLERANCE)
        np.testing.assert_allclose(found.high_ppm, told["high"], **TOLERANCE)


def test_logits_stay(hydrocarbons: TrainedFlow) -> None:
    logits = hydrocarbons.predict_logits(ANSWERS["smiles"])[:, ::8]
    np.testing.assert_allclose(logits, ANSWERS["logits"], **TOLERANCE)


@pytest.mark.parametrize("suffix", ["", "_formula"])
def test_likelihoods_and_latents_stay(hydrocarbons: TrainedFlow, suffix: str) -> None:
    formulas = ANSWERS["formulas"] if suffix else [None] * len(ANSWERS["formulas"])
    questions = [
        ask(shifts["median"], hydrocarbons.axis, formula=formula, keeps_solvent=True)
        for shifts, formula in zip(ANSWERS["shifts"], formulas, strict=True)
    ]
    # The conditional is float32: its sums differ by processor.
    log_p = hydrocarbons.log_p(ANSWERS["smiles"], questions)
    np.testing.assert_allclose(log_p, ANSWERS[f"log_p{suffix}"], rtol=0, atol=1e-4)
    latent = hydrocarbons.to_latent(ANSWERS["smiles"], questions)
    np.testing.assert_allclose(latent.z[:, ::9], ANSWERS[f"z{suffix}"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(latent.y[:, ::8], ANSWERS["y"], **TOLERANCE)


def compare(found: tuple[Candidate, ...], told: list[dict[str, Any]]) -> None:
    assert [c.structure.connectivity for c in found] == [c["connectivity"] for c in told]
    assert [c.n_sampled for c in found] == [c["n_sampled"] for c in told]
    for candidate, expected in zip(found, told, strict=True):
        values = {
            "score": candidate.score,
            "log_p": candidate.log_p,
            "consistency": candidate.consistency,
            "probability": candidate.probability,
            "log_density": candidate.fit.log_density,
        }
        for name, value in values.items():
            assert value == pytest.approx(expected[name], abs=1e-4), name


@pytest.mark.parametrize("number", range(len(ANSWERS["questions"])))
def test_the_same_candidates_in_the_same_order(hydrocarbons: TrainedFlow, number: int) -> None:
    told = ANSWERS["questions"][number]
    found = nmrflow.elucidate(
        hydrocarbons, told["peaks"], formula=told["formula"], n_samples=200, seed=3
    )
    assert (found.n_distinct, found.n_invalid) == (told["n_distinct"], told["n_invalid"])
    compare(found.candidates, told["candidates"])


def test_given_candidates_stay_in_order(hydrocarbons: TrainedFlow) -> None:
    peaks = "137.9, 129.1, 128.3, 125.3, 21.5"
    given = ["C1C=CC=CC=C1", "Cc1ccccc1", "C1C2C=CC1C=C2", "CC(C)C"]
    found = nmrflow.rank(hydrocarbons, peaks, given)
    assert found.none_fits == ANSWERS["ranking"]["none_fits"]
    compare(found.candidates, ANSWERS["ranking"]["candidates"])
