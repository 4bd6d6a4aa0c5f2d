"""One linear layer under every convex loss: beside scikit-learn, and beside searches that never go below a bound."""

import os
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.one_layer.parts import parts_of
from service.core.one_layer.predicted import LayerWeights
from service.vocabulary import Loss
from tests.support.one_layer_instances import (
    BIASES,
    KINKED,
    LOSSES,
    PARAMETERS,
    drawn,
    layer,
    searched,
    solved,
    value_at,
)

CASES: Final = 210
RESTARTS: Final = 3
SIZES: Final = ((30, 2), (80, 5), (200, 12))
DECAYS: Final = (1.0, 1e-2, 1e-4)
BELOW: Final = 1e-9
"""Relative excess over the loss of scikit-learn that rounding of its own stopping may leave."""

_WHAT: Final = """\
{cases} random problems: {losses}; {sizes} samples and inputs, decays from 1e-4 to 1 and none,
no bias, a free one, a decayed one. *gap* is the largest relative gap, *lowest run* the smallest (run - bound) / |bound|
of {restarts} runs of L-BFGS, which would be negative if a bound were false; *seconds* are of one core.
"""
_PEERS: Final = """\
The same objective in scikit-learn {sklearn} (tolerances at 1e-10 or the least allowed, iterations at 100,000), its
coefficients evaluated in the objective of the service: *excess* is (its loss - ours) / |ours|, *apart* the largest
difference of coefficients over the largest coefficient.
"""


def report() -> str:
    """Certify, search, and fit the same with scikit-learn.

    Raises
    ------
    RuntimeError
        If a search or a peer ends below a bound.
    """
    lines = [_searches(int(os.environ.get("EVIDENCE_CASES", CASES)))]
    lines.append(_peers())
    lines.append(f"Python {platform.python_version()}, numpy {np.__version__}; seeds are the numbers of the cases.\n")
    return "\n".join(lines)


def _searches(cases: int) -> str:
    rows: dict[Loss, list[tuple[float, float, float, bool]]] = defaultdict(list)
    for seed in range(cases):
        loss, bias = LOSSES[seed % len(LOSSES)], tuple(BIASES)[seed // len(LOSSES) % len(BIASES)]
        n, d = SIZES[seed % len(SIZES)]
        decay = (*DECAYS, 0.0)[seed // 3 % 4]
        problem = layer(drawn(loss, n, d, seed), loss, decay, bias)
        begun = time.process_time()
        answer = solved(problem)
        taken = time.process_time() - begun
        lower = answer.certificate.lower_bound
        lowest = (searched(problem, RESTARTS, seed) - lower) / max(abs(lower), 1e-6)
        if lowest < 0.0:
            raise RuntimeError(f"a search ends below the bound of case {seed} ({loss}, {bias}, {decay})")
        rows[loss].append((answer.certificate.relative_gap, lowest, taken, answer.certificate.holds))
    what = _WHAT.format(
        cases=cases,
        losses=", ".join(loss.value for loss in LOSSES),
        sizes=", ".join(f"{n} x {d}" for n, d in SIZES),
        restarts=RESTARTS,
    )
    table = [
        "| loss | problems | certified | gap | lowest run | seconds, median and largest |",
        "|---|---|---|---|---|---|",
    ]
    for loss, found in rows.items():
        gaps, lowest_runs, seconds, closed = (np.array(column) for column in zip(*found, strict=True))
        table.append(
            f"| {loss.value} | {len(found)} | {int(closed.sum())} | {gaps.max():.1e} | {lowest_runs.min():.1e} "
            f"| {np.median(seconds):.3f}, {seconds.max():.3f} |"
        )
    return "## Against searches\n" + what + "\n" + "\n".join(table) + "\n"


def _peers() -> str:
    sklearn = import_module("sklearn")
    models = import_module("sklearn.linear_model")
    svm = import_module("sklearn.svm")
    table = ["| estimator | problems | largest gap | excess, least and largest | apart |", "|---|---|---|---|---|"]
    for name, (loss, build) in _estimators(models, svm).items():
        excesses, distances, gaps = [], [], []
        for seed in range(12):
            n, d = SIZES[seed % len(SIZES)]
            decay = 0.0 if loss in KINKED else DECAYS[seed % len(DECAYS)]
            problem = layer(
                drawn(loss, n, d, 1000 + seed), loss, decay, "none" if loss is Loss.SQUARED_HINGE else "free"
            )
            answer = solved(problem)
            minimum = answer.solution.minimum
            matrix, offset = build(problem, decay)
            value = _loss_at(problem, matrix, offset)
            unit = max(abs(minimum.loss), 1e-12)
            excesses.append((value - minimum.loss) / unit)
            if value < answer.certificate.lower_bound - BELOW * unit:
                raise RuntimeError(f"{name} ends below the bound of case {seed}")
            distances.append(float(np.abs(matrix - minimum.end_to_end_map).max() / np.abs(matrix).max()))
            gaps.append(answer.certificate.relative_gap)
        table.append(
            f"| {name} | {len(gaps)} | {max(gaps):.1e} | {min(excesses):.1e}, {max(excesses):.1e} "
            f"| {max(distances):.1e} |"
        )
    return "## Against scikit-learn\n" + _PEERS.format(sklearn=sklearn.__version__) + "\n" + "\n".join(table) + "\n"


Fit = Callable[[Problem, float], tuple[FloatArray, FloatArray]]


def _estimators(models: Any, svm: Any) -> Mapping[str, tuple[Loss, Fit]]:
    """Estimators with their parameters for E l + g |w|^2 on n samples."""

    def fitted(make: Callable[[int, float], Any], *, labels: bool = False) -> Fit:
        def fit(problem: Problem, decay: float) -> tuple[FloatArray, FloatArray]:
            samples = problem.samples
            if samples is None:
                raise ValueError("a peer needs samples")
            y = samples.y.argmax(axis=1) if labels else samples.y[:, 0]
            found = make(len(samples.x), decay).fit(samples.x, y)
            matrix = np.atleast_2d(np.asarray(found.coef_, dtype=float))
            return matrix, np.broadcast_to(np.asarray(found.intercept_, dtype=float), len(matrix))

        return fit

    many = {"tol": 1e-10, "max_iter": 100_000}
    return {
        "LogisticRegression (two classes)": (
            Loss.LOGISTIC,
            fitted(lambda n, g: models.LogisticRegression(C=1.0 / (2.0 * n * g), **many)),
        ),
        "LogisticRegression (three classes)": (
            Loss.CROSS_ENTROPY,
            fitted(lambda n, g: models.LogisticRegression(C=1.0 / (2.0 * n * g), **many), labels=True),
        ),
        "LinearSVC (squared hinge, no intercept)": (
            Loss.SQUARED_HINGE,
            # its squared hinge has no 1/2
            fitted(lambda n, g: svm.LinearSVC(C=1.0 / (4.0 * n * g), fit_intercept=False, dual=True, **many)),
        ),
        "QuantileRegressor on no penalty": (
            Loss.QUANTILE,
            fitted(lambda _n, _g: models.QuantileRegressor(quantile=PARAMETERS[Loss.QUANTILE], alpha=0.0)),
        ),
        "PoissonRegressor": (
            Loss.POISSON,
            fitted(lambda _n, g: models.PoissonRegressor(alpha=2.0 * g, **many)),
        ),
    }


def _loss_at(problem: Problem, matrix: FloatArray, offset: FloatArray) -> float:
    total = sum(value_at(part, LayerWeights(matrix, offset)) for part in parts_of(problem))
    return total / len(problem.samples.x) if problem.samples is not None else total
