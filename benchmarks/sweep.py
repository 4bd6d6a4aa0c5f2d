"""A sweep of a million decays on fixed data, on one core, and its agreement with single solutions."""

import sys
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.comparison import Comparison, best_core_time
from benchmarks.problems import problems
from service.core.asked.sweeps.axes import Axis, varied
from service.core.asked.sweeps.columns import Sweep
from service.core.asked.sweeps.points import sweep_of
from service.core.dispatch import solve
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.problems import Problem
from service.operations.mapping.problem import to_core
from service.operations.minima import parse
from service.settings import Limits
from service.vocabulary import SweepParameter

VALUES: Final = 1_000_000
COMPARED: Final = 500
ALLOWED_ERROR: Final = 1e-11
TARGET_S: Final = 1.0


def compare() -> list[Comparison]:
    """From the moments, so with the eigendecomposition, to every column of the sweep."""
    values = np.geomspace(1e-4, 1e2, VALUES)
    with threadpool_limits(limits=1):
        seconds = best_core_time(lambda: sweep_of(fresh(), SweepParameter.DECAY_SCALE, values))
        error = largest_error(fresh(), values)
    print(f"  largest error against {COMPARED} single solutions: {error:.2g}", file=sys.stderr)
    assert error < ALLOWED_ERROR
    return [
        Comparison(
            work="sweep of 10^6 decays on fixed data, one core, error < 1e-11",
            measured=seconds,
            reference="one second",
            measured_reference=TARGET_S,
            unit="s",
            bound=1.0,
            at_least=False,
        )
    ]


def fresh() -> Problem:
    """A problem of which nothing has been computed yet."""
    return to_core(parse(next(problems(1, seed=3))).request.problem, Limits()).core


def largest_error(problem: Problem, values: FloatArray) -> float:
    """Largest difference from single solutions, relative to the largest entry of each column."""
    swept = sweep_of(problem, SweepParameter.DECAY_SCALE, values)
    chosen = np.sort(np.random.default_rng(0).choice(values.size, COMPARED, replace=False))
    axis = Axis(SweepParameter.DECAY_SCALE, values)
    minima = [solve(varied(problem, [axis], index)).solution.minimum for index in chosen.tolist()]
    assert [minimum.trivial for minimum in minima] == swept.trivial[chosen].tolist()
    assert 0 < np.count_nonzero(swept.trivial[chosen]) < COMPARED
    singles = {
        "loss": [minimum.loss for minimum in minima],
        "fit": [minimum.terms.fit for minimum in minima],
        "noise": [minimum.terms.noise for minimum in minima],
        "decay": [minimum.terms.decay for minimum in minima],
        "norm": [float(np.linalg.norm(minimum.singular_values)) for minimum in minima],
    }
    return max(_difference(swept, name, np.array(column), chosen) for name, column in singles.items())


def _difference(swept: Sweep, name: str, single: FloatArray, chosen: IntArray) -> float:
    column: FloatArray = getattr(swept, name)[chosen]
    return float(np.abs(column - single).max() / np.abs(single).max())
