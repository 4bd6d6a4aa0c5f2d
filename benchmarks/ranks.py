"""Rank predictions and the flow that shows them, against what one would otherwise do."""

import time
from functools import partial
from itertools import pairwise

import numpy as np
from scipy.optimize import linprog

from benchmarks.comparison import Comparison, best_core_time
from evidence.ranks_flows import experiments, separable, setting_of
from service.core.asked.rank_prediction import predict
from service.core.dynamics.flow import FlowState, Until, advance, begin, gaussian_start
from service.core.dynamics.flow_rates import Rates
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot, flatten, unflatten
from service.vocabulary import Loss

DEEP = -1e4
MODEST_STEP = 0.05
STEPS = tuple(MODEST_STEP * 2.0**power for power in range(10))
PATIENCE_S = 20.0
LOOK_EVERY = 500


def excess(snapshot: Snapshot) -> float:
    """Stable rank of the first matrix less one: how far the flow is from its limit."""
    values = np.linalg.svd(snapshot.weights[0], compute_uv=False)
    return float(np.sum((values / values[0]) ** 2)) - 1.0


def flow_until(setting: Setting, start: Snapshot, target: float | None) -> FlowState:
    """The first state of the flow within ``target`` of stable rank one, or that at the deep log loss."""
    state = begin(setting, start)
    while state.stop is None and (target is None or excess(unflatten(state.theta, start)) > target):
        state = advance(setting, start, state, Until(DEEP))
    return state


def descend(rates: Rates, start: Snapshot, step: float, target: float) -> tuple[float, float, int]:
    """Core seconds, stable rank less one and steps of plain descent on the mean loss, at the target or out of time."""
    theta, began, index = flatten(start), time.process_time(), 0
    while True:
        for _ in range(LOOK_EVERY):
            theta = theta - step * rates.objective(theta)[1]
        index += LOOK_EVERY
        reached = excess(unflatten(theta, start))
        if reached <= target or time.process_time() - began > PATIENCE_S:
            return time.process_time() - began, reached, index


def largest_stable_step(rates: Rates, start: Snapshot) -> float:
    """The largest step of the table with which the loss falls at every one of the first steps."""
    stable = MODEST_STEP
    for step in STEPS:
        theta, values = flatten(start), [np.inf]
        with np.errstate(all="ignore"):
            while len(values) <= LOOK_EVERY and np.isfinite(theta).all():
                value, gradient = rates.objective(theta)
                values.append(value)
                theta = theta - step * gradient
        if all(later <= earlier for earlier, later in pairwise(values)):
            stable = step
    return stable


def compare() -> list[Comparison]:
    """Flow against gradient descent to the same stable rank, and predictions against one linear program."""
    _, setting, scale, _, _ = experiments()[0]
    start = gaussian_start(setting, scale, 1)
    rates, rows = Rates(setting, start), []
    fast = largest_stable_step(rates, start)
    # with the largest step descent comes early where the flow is still young: only later does its logarithm show
    for step, target, bound in ((MODEST_STEP, 0.02, 0.01), (fast, 0.02, 1.0), (fast, 0.015, 0.01), (fast, 0.005, 0.01)):
        seconds, reached, steps = descend(rates, start, step, target)
        short = "" if reached <= target else f", given up at {1.0 + reached:.4f}"
        flow = best_core_time(partial(flow_until, setting, start, target))
        work = f"linear 5-6-4-1: flow to stable rank {1.0 + target:g}"
        reference = f"gradient descent, step {step:g}, {steps} steps{short}"
        rows.append(Comparison(work, flow, reference, seconds, "s", bound, False))
    deep = best_core_time(partial(flow_until, setting, start, None), 3)
    reference = f"gradient descent, step {fast:g}, to stable rank 1.015"
    at = 1.0 + excess(unflatten(flow_until(setting, start, None).theta, start))
    work = f"the whole flow to log loss {DEEP:g}, stable rank {at:.5f}"
    rows.append(Comparison(work, deep, reference, rows[2].measured_reference, "s", 0.1, False))
    return [*rows, _prediction()]


def _prediction() -> Comparison:
    x, y = separable(0, 1000, 100, 0.3)

    def predicted() -> object:
        return predict(setting_of((x, y), (Layer(8), Layer(6), Layer(1)), Loss.LOGISTIC))

    work = "ranks, separability, margin and support, n = 1,000, d = 100"
    measured = best_core_time(predicted)
    reference = best_core_time(partial(_separable_by_program, y * x), 3)
    return Comparison(work, measured, "HiGHS on separability alone", reference, "s", 1.0, False)


def _separable_by_program(rows: FloatArray) -> bool:
    """``max t, rows w >= t, |w| <= 1`` by the library's linear program."""
    n, d = rows.shape
    found = linprog(
        np.r_[np.zeros(d), -1.0],
        A_ub=np.column_stack([-rows, np.ones(n)]),
        b_ub=np.zeros(n),
        bounds=[(-1.0, 1.0)] * d + [(None, None)],
    )
    return found.x is not None and bool(found.x[-1] > 1e-9)
