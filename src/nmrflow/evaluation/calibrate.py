"""Calibrate answers: ``python -m nmrflow.evaluation.calibrate RUN DATA --output FILE``.

RUN was trained on the inner split, so that its validation side is part of the outer training
side. What is chosen there holds for a network trained on the whole training side by the same
recipe: FILE goes beside its checkpoint, as ``NAME.calibration.json`` beside ``NAME.ckpt``.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize

from nmrflow import load_checkpoint
from nmrflow.answers.elucidation import assign
from nmrflow.answers.fit import Fit
from nmrflow.console import quiet_libraries, say
from nmrflow.data.corpus import find_corpus
from nmrflow.data.sources.revmolspec import RevMolSpec
from nmrflow.data.splits import InnerSplit
from nmrflow.errors import ConfigError, DataError, errors_for_people
from nmrflow.evaluation.trials import (
    Case,
    among_cases,
    choose_isomers,
    elucidations,
    question_of,
    rankings,
    wrong_fits,
)
from nmrflow.files.writing import check_writable, write_text
from nmrflow.model.calibration import SUFFIX, Calibration, Logistic

FALSE_ALARMS = 0.07
"""Share of candidates with the truth among them of which it is said that none fits."""

_LEARNED, _LEFT_OVER = ("lead", "mass", "tension"), ("extra", "missing")
"""The evidence: of whole answers, and of single fits, since what is left over is rare."""

_RIDGE = 0.1
"""Half of it times the sum of the weights' squares is added to the loss of a fit, in nats."""


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
    if model.split.name != InnerSplit.name:
        raise ConfigError(
            f"{run}: was trained on the split {model.split.name!r}; train one with split=inner, "
            "or what judges the answers would be what they were calibrated on"
        )
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
    given = [trial.case(has_truth=has) for has in (True, False) for trial in trials]
    # The rest is fitted beside them: they know in part of the same.
    with_among, with_given = (fit_logistic(cases, fixed=left_over) for cases in (among, given))
    told_true = [with_given(trial.case(has_truth=True).evidence) for trial in trials]
    return Calibration(
        ranking,
        with_among,
        with_given,
        round(float(np.quantile(told_true, FALSE_ALARMS)), 4),
        {
            "experiment": model.description["config"]["name"],
            "split": model.split.name,
            "split_seed": model.split.seed,
            "n": len(records),
            "n_samples": n_samples,
            "seed": seed,
        },
        shifts_ppm,
    )


def fit_logistic(
    cases: Sequence[Case],
    names: Sequence[str] = _LEARNED,
    *,
    fixed: Mapping[str, float] | None = None,
) -> Logistic:
    """A logistic regression from some of the evidence to whether the truth is among candidates.

    Args:
        cases: What to learn from.
        names: Of the evidence whose weights are learnt.
        fixed: Weights of other evidence, which stay as they are while those are learnt.

    Raises:
        DataError: If it always is, or never.
    """
    if len({case.is_among for case in cases}) < 2:
        always = "always" if cases and cases[0].is_among else "never"
        raise DataError(
            f"the truth is {always} among the candidates of {len(cases)} cases: nothing can be "
            "learnt of when it is; calibrate a network that was trained for longer"
        )
    fixed = dict(fixed or {})
    x = np.array([[1.0, *(case.evidence[name] for name in names)] for case in cases])
    base = np.array([sum(w * case.evidence[n] for n, w in fixed.items()) for case in cases])
    sign = np.where([case.is_among for case in cases], 1.0, -1.0)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (base + x @ weights)
        held = np.concatenate([[0.0], _RIDGE * weights[1:]])  # Not the intercept.
        value = np.logaddexp(0.0, -margin).sum() + 0.5 * held @ weights
        return float(value), held - x.T @ (sign * np.exp(-np.logaddexp(0.0, margin)))

    found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="BFGS").x
    intercept, *weights = (round(float(value), 4) for value in found)
    return Logistic(intercept, {**dict(zip(names, weights, strict=True)), **fixed})


def left_over_weights(right: Sequence[Fit], wrong: Sequence[Fit]) -> dict[str, float]:
    """What a peak, or a carbon, that is one too many costs, in nats: at most 0.

    Log ratio of how often it is seen with the truth, and with the best structure that is not it.

    Args:
        right: Measured spectra with their own molecules.
        wrong: With other structures that were put first.

    Raises:
        DataError: If there is no wrong one.
    """
    cases = [
        Case({"extra": float(fit.n_extra), "missing": float(fit.n_missing)}, is_right)
        for fits, is_right in ((right, True), (wrong, False))
        for fit in fits
    ]
    found = fit_logistic(cases, _LEFT_OVER)
    return {name: min(0.0, weight) for name, weight in found.weights.items()}


def main() -> None:
    """Calibrate and write."""
    parser = argparse.ArgumentParser(prog="nmrflow.evaluation.calibrate", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a run on the inner split")
    parser.add_argument("data", type=Path, help="measured spectra, as the published table")
    parser.add_argument("--output", type=Path, required=True, help="NAME.calibration.json")
    parser.add_argument("--samples", type=int, default=600, help="draws for each spectrum")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--shifts",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="shifts in ppm between which all of the domain's molecules lie",
    )
    given = parser.parse_args()
    quiet_libraries()
    with errors_for_people():
        if not given.output.name.endswith(SUFFIX):
            raise DataError(f"{given.output}: give a name that ends with {SUFFIX}")
        check_writable(given.output)
        torch.set_num_threads(given.threads)
        calibration = calibrate(
            given.run,
            given.data,
            n_samples=given.samples,
            seed=given.seed,
            shifts_ppm=given.shifts and tuple(given.shifts),
        )
        write_text(given.output, calibration.to_json())
        say(f"{calibration.to_json()}written {given.output}")


if __name__ == "__main__":
    main()
