"""A calibration is chosen, on the validation side of an inner split."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from scipy.optimize import brentq

from nmrflow import load_checkpoint
from nmrflow.answers.assignment import assign
from nmrflow.answers.elucidation import elucidate
from nmrflow.answers.prediction import LEVEL
from nmrflow.console import progress
from nmrflow.data.corpus import find_corpus
from nmrflow.data.records import Record
from nmrflow.data.sources.revmolspec import RevMolSpec
from nmrflow.data.splits import InnerSplit, draw
from nmrflow.errors import ConfigError, DataError
from nmrflow.evaluation.backward import KNOWN, choose, question_knowing
from nmrflow.evaluation.isomers import IsomerLists
from nmrflow.evaluation.logistic import (
    OF_ANSWERS,
    OF_FITS,
    OF_FOUND,
    fit_alone,
    fit_given,
    fit_logistic,
    left_over_weights,
)
from nmrflow.evaluation.trials import (
    among_cases,
    choose_isomers,
    elucidations,
    is_whole,
    question_of,
    rankings,
    wrong_fits,
)
from nmrflow.model.calibration import Calibration, Logistic
from nmrflow.model.drawing import WIDE_BEAM
from nmrflow.model.trained import TrainedFlow
from nmrflow.shifts.mixture import LaplaceMixture


def calibrate(
    run: Path,
    data: Path,
    *,
    n_samples: int,
    seed: int,
    shifts_ppm: tuple[float, float] | None = None,
) -> Calibration:
    """Choose a calibration on the validation side of a run's split.

    Args:
        run: A run's folder, with its corpus.
        data: The measured spectra, in the published table's form.
        n_samples: Draws for each spectrum.
        seed: Of the draws, and of the choice of isomers.
        shifts_ppm: As of :class:`Calibration`: the data have bins, whose ends are open.

    Raises:
        DataError: If the data cannot be read, no record is on that side, or the truth is
            never, or always, among the candidates.
        ConfigError: If the run was not trained on the inner split: its validation side is what
            answers are to be judged on.
        CheckpointError: If there is no checkpoint in the folder.
    """
    model = load_checkpoint(run)
    ranking, model.calibration = model.ranking, None
    _check_inner(run, model)
    corpus = find_corpus(run / "stages")  # Now, and not when all else is done.
    records = model.split.divide(RevMolSpec(str(data)).read().records).validation
    if not records:
        raise DataError(f"{data}: no record is on the validation side")
    blind, told = (
        elucidations(model, records, tells_formula=tells, n_samples=n_samples, seed=seed)
        for tells in (False, True)
    )
    among = [
        case
        for answers in (blind, told)
        for answer, record in zip(answers, records, strict=True)
        for case in among_cases(answer, record.structure)
    ]
    isomers = [
        choose_isomers(corpus, model.network, records, nearest=near, seed=seed)
        for near in (False, True)
    ]
    trials = [
        trial
        for others in isomers
        for trial in rankings(model, records, others, told)
        if trial.isomers
    ]
    right = [
        assign(model, question_of(record, tells_formula=False), record.structure)
        for record in records
    ]
    left_over = left_over_weights(right, wrong_fits([*blind, *told], records))
    # The rest is fitted beside them: they know in part of the same.
    with_given, limit = fit_given(trials, OF_ANSWERS, left_over)
    conditions = {**_conditions(model, records), "n_samples": n_samples, "seed": seed}
    with_among = fit_logistic(among, fixed=left_over)
    alone, no_fit = fit_alone(trials, left_over)
    return Calibration(
        ranking,
        with_among,
        with_given,
        limit,
        conditions,
        shifts_ppm,
        alone=alone,
        no_fit_below=no_fit,
    )


def calibrate_ranking(
    run: Path,
    data: str,
    lists: Sequence[Path],
    *,
    n_most: int,
    seed: int,
    shifts_ppm: tuple[float, float] | None = None,
) -> Calibration:
    """As :func:`calibrate`, for a network that only predicts: of candidates that somebody gives.

    Args:
        run: A run's folder.
        data: What it was trained on.
        lists: SMILES, one a line, from which isomers come.
        n_most: Most spectra; of more some are drawn.
        seed: Of the draw, and of the choice of isomers.
        shifts_ppm: As of :class:`Calibration`.

    Raises:
        DataError: If something cannot be read, or there are too few isomers.
        ConfigError: As :func:`calibrate`.
        CheckpointError: As :func:`calibrate`.
    """
    model = load_checkpoint(run)
    ranking, model.calibration = model.ranking, None
    assert model.network.forward is not None
    _check_inner(run, model)
    everything = model.source_at(data).read().records
    held_out = model.split.divide(everything).validation
    model.network.forward.widening = widening = choose_widening(model, held_out)
    records = draw(filter(is_whole, held_out), n_most, seed)
    isomers = IsomerLists(lists, everything, records, model.domain, seed)
    trials = [
        trial
        for nearest in (False, True)
        for trial in rankings(
            model, records, isomers.choose(records, nearest=nearest, seed=seed), None
        )
        if trial.isomers
    ]
    if not trials:
        raise DataError(f"{data}: no spectrum's molecule has an isomer in the lists")
    right = [trial.truth.fit for trial in trials]
    wrong = [max(trial.isomers, key=lambda one: one.score).fit for trial in trials]
    left_over = left_over_weights(right, wrong)
    with_given, limit = fit_given(trials, OF_FITS, left_over)
    conditions = {**_conditions(model, records), "n_trials": len(trials), "seed": seed}
    alone, no_fit = fit_alone(trials, left_over)
    return Calibration(
        ranking, None, with_given, limit, conditions, shifts_ppm, widening, alone, no_fit
    )


def calibrate_among(
    run: Path, data: str, so_far: Calibration, *, n_most: int, seed: int
) -> Calibration:
    """A calibration with what is said of the candidates that a network finds by itself.

    Args:
        run: A run's folder.
        data: What it was trained on.
        so_far: All else, which stays.
        n_most: Most spectra; of more some are drawn. Each is asked with nothing, the formula, and
            the kinds of carbon known too.
        seed: Of the draw.

    Raises:
        DataError: If the data cannot be read, or the truth is never, or always, found.
        SpectrumError: If the network finds none.
        ConfigError: As :func:`calibrate`.
        CheckpointError: As :func:`calibrate`.
    """
    model = load_checkpoint(run)
    model.calibration = None
    _check_inner(run, model)
    records = choose(
        model, model.split.divide(model.source_at(data).read().records).validation, n_most, seed
    )
    among = fit_among(model, records)
    conditions = {**so_far.conditions, "among": {**_conditions(model, records), "seed": seed}}
    return replace(so_far, among=among, proposals=model.proposal_ranking, conditions=conditions)


def fit_among(model: TrainedFlow, records: Sequence[Record]) -> Logistic:
    """From the evidence to whether the truth is among candidates that a network finds itself.

    Args:
        model: The network.
        records: Held out; each is asked with nothing, the formula, and the kinds of carbon known.

    Raises:
        DataError: If the truth is never, or always, found.
        SpectrumError: If the network finds no structures.
    """
    cases, right, wrong = [], [], []
    for known in KNOWN:
        title = f"elucidating{known.suffix.replace('_', ', ')}"
        for record in progress(records, len(records), title):
            question = question_knowing(record, known)
            answer = elucidate(model, question, n_shown=WIDE_BEAM)
            cases += among_cases(answer, record.structure)
            right.append(assign(model, question, record.structure))
            wrong += wrong_fits([answer], [record])
    return fit_logistic(cases, OF_FOUND, fixed=left_over_weights(right, wrong))


def choose_widening(model: TrainedFlow, records: Sequence[Record]) -> float:
    """The factor on scales with which intervals hold as many assigned shifts as they say.

    From 0.3 to 5.
    """
    parts = []
    for record, shifts in zip(
        records, model.predict_shifts([r.structure for r in records], LEVEL), strict=True
    ):
        told = {int(a): p.shift_ppm for p in record.peaks.peaks for a in p.atoms}
        at = torch.tensor([*told.values()], dtype=torch.float64)
        parts.append((shifts.distribution.rows(torch.tensor([*told])), at))
    mixture = LaplaceMixture(*map(torch.cat, zip(*(mixture for mixture, _ in parts), strict=True)))
    at = torch.cat([shifts for _, shifts in parts])[:, None]

    def excess(factor: float) -> float:
        below = mixture._replace(scale_ppm=factor * mixture.scale_ppm).cdf(at)
        inside = (2 * below - 1).abs() <= LEVEL
        return float(inside.double().mean()) - LEVEL

    low, high = 0.3, 5.0
    if excess(low) >= 0 or excess(high) <= 0:
        return low if excess(low) >= 0 else high
    return round(float(brentq(excess, low, high, xtol=1e-3)), 3)


def _check_inner(run: Path, model: TrainedFlow) -> None:
    if model.split.name != InnerSplit.name:
        raise ConfigError(
            f"{run}: was trained on the split {model.split.name!r}; train one with split=inner, "
            "or what judges the answers would be what they were calibrated on"
        )


def _conditions(model: TrainedFlow, records: Sequence[Record]) -> dict[str, Any]:
    return {
        "experiment": model.description["config"]["name"],
        "split": model.split.name,
        "split_seed": model.split.seed,
        "n": len(records),
    }
