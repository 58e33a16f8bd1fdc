"""Logistic regressions from the evidence for answers to whether the truth is among them."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize

from nmrflow.answers.check import evidence_of_one
from nmrflow.answers.fit import Fit
from nmrflow.errors import DataError
from nmrflow.evaluation.trials import Case, RankingTrial
from nmrflow.model.calibration import Logistic

FALSE_ALARMS = 0.07
"""Share of candidates with the truth among them of which it is said that none fits."""

FALSE_ALARMS_ALONE = 0.03
"""The same of single structures, of which peaks may be said to be exchanged besides."""

OF_ANSWERS, LEFT_OVER = ("lead", "mass", "tension"), ("extra", "missing")
"""The evidence: of whole answers, and of single fits, since what is left over is rare."""

OF_FOUND = ("lead", "mass", "density", "worst", "formula")
"""The same of what a beam finds, of any formula; tension would count against its own meaning."""

OF_FITS = ("tension", "density", "worst")
"""What is learnt where the network proposes nothing: of the first candidate alone."""

_RIDGE = 0.1
"""Half of it times the sum of the weights' squares is added to the loss of a fit, in nats."""


def fit_logistic(
    cases: Sequence[Case],
    names: Sequence[str] = OF_ANSWERS,
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
    found = fit_logistic(cases, LEFT_OVER)
    return {name: min(0.0, weight) for name, weight in found.weights.items()}


def fit_given(
    trials: Sequence[RankingTrial], names: Sequence[str], left_over: Mapping[str, float]
) -> tuple[Logistic, float]:
    """Of given candidates: the probability, and the least one of which none is said to fit."""
    cases = [trial.case(has_truth=has) for has in (True, False) for trial in trials]
    fitted = fit_logistic(cases, names, fixed=left_over)
    true = [fitted(trial.case(has_truth=True).evidence) for trial in trials]
    return fitted, round(float(np.quantile(true, FALSE_ALARMS)), 4)


def fit_alone(
    trials: Sequence[RankingTrial], left_over: Mapping[str, float]
) -> tuple[Logistic, float]:
    """Of a single structure: the probability, and the least one with which it is said to fit.

    The truth, against the isomer that fits best.
    """
    cases = [
        Case(evidence_of_one(one.fit), is_true)
        for trial in trials
        for one, is_true in (
            (trial.truth, True),
            (max(trial.isomers, key=lambda isomer: isomer.score), False),
        )
    ]
    fitted = fit_logistic(cases, OF_FITS, fixed=left_over)
    true = [fitted(case.evidence) for case in cases if case.is_among]
    return fitted, round(float(np.quantile(true, FALSE_ALARMS_ALONE)), 4)
