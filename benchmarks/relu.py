"""Certified ReLU networks against twenty runs of L-BFGS on the same objective, which prove nothing."""

import time
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.comparison import Comparison, best_core_time
from service.core.convex_losses.differences import HalfSquaredLoss
from service.core.ground.stopping import stopped_by
from service.core.relu.minimum import CertifiedLoop
from service.core.relu.networks import Objective
from service.core.relu.planar import largest_on_plane
from service.core.relu.rows import Span
from service.core.relu.search import ConeSearch
from tests.support.relu_instances import Instance, best_of_searches
from tests.support.relu_teachers import DECAY, data

RUNS: Final = 20
CASES: Final = (
    ("teacher", 1000, 3, 1e-6, 60.0),
    ("teacher", 100, 5, 1e-6, 60.0),
    ("teacher", 300, 5, 1e-6, 60.0),
    ("sine", 100, 5, 1e-6, 90.0),
    ("teacher", 100, 6, 1e-3, 60.0),
    ("teacher", 1000, 10, 1e-3, 40.0),
)
"""Data, samples, inputs, relative gap that is wanted, and seconds of a core after which the search is left."""


def compare() -> list[Comparison]:
    """Seconds of a core, one thread; each line says in `work` what was reached."""
    with threadpool_limits(limits=1):
        return [*(_certified(*case) for case in CASES), _on_a_plane(), _cones()]


def _certified(kind: str, count: int, inputs: int, wanted: float, limit: float) -> Comparison:
    x, y = data(kind, count, inputs)
    objective = Objective(x, HalfSquaredLoss(y), DECAY * count, 0.0, np.zeros((count, 0)))
    loop, start = CertifiedLoop(objective, wanted), time.process_time()
    history = []
    with stopped_by(lambda: time.process_time() - start > limit):
        for found in loop.improvements():
            history.append((time.process_time() - start, found.value, found.gap))
            if found.gap <= wanted:
                break
    seconds, value, gap = history[-1]
    near = next(moment for moment, reached, _ in history if reached <= value * (1.0 + 1e-3))
    start = time.process_time()
    best = best_of_searches(Instance(objective, "squared", "none", 0.0), RUNS, 1)
    searched = time.process_time() - start
    reached = f"gap {gap:.1e}; within 1e-3 of its value after {near:.1f} s; best run {best / value - 1.0:+.1e} above"
    return Comparison(
        work=f"{kind}, {count} x {inputs}: {reached}",
        measured=seconds,
        reference=f"{RUNS} runs of L-BFGS",
        measured_reference=searched,
        unit="s",
        bound=60.0,
        at_least=False,
    )


def _on_a_plane() -> Comparison:
    rng = np.random.default_rng(3)
    x, errors = rng.standard_normal((100_000, 2)), rng.standard_normal(100_000)

    def proof() -> None:
        rows = Span.of(x).with_errors(errors, 0.0)
        largest_on_plane(rows, np.inf)
        largest_on_plane(rows.reversed, np.inf)

    return Comparison(
        work="one proof, 100,000 x 2, both signs",
        measured=best_core_time(proof, 3),
        reference="numpy.sort of 200,000 angles",
        measured_reference=best_core_time(lambda: np.sort(rng.standard_normal(200_000)), 3),
        unit="s",
        bound=100.0,
        at_least=False,
    )


def _cones() -> Comparison:
    """Microseconds a cone at the errors of a trained network, where the work is hardest."""
    x, y = data("teacher", 100, 6)
    objective = Objective(x, HalfSquaredLoss(y), 1.0, 0.0, np.zeros((100, 0)))
    loop, start = CertifiedLoop(objective), time.process_time()
    with stopped_by(lambda: time.process_time() - start > 10.0):
        loop.run()
    search = ConeSearch(Span.of(x).with_errors(loop.trainer.errors(), 0.0), 1.0 + 1e-4)
    start = time.process_time()
    search.run(most=20_000)
    each = (time.process_time() - start) / search.examined
    matrices = np.random.default_rng(1).standard_normal((512, 6, 6))
    return Comparison(
        work=f"one cone, 100 x 6, {search.examined:,} of them",
        measured=1e6 * each,
        reference="numpy.linalg.inv of one matrix 6 x 6, 512 at a time",
        measured_reference=1e6 * best_core_time(lambda: np.linalg.inv(matrices)) / 512,
        unit="us",
        bound=40.0,
        at_least=False,
    )
