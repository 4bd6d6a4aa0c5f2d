"""Two-layer ReLU networks: certified minima against a cone program over every activation pattern."""

import time
from typing import Final

import cvxpy as cp
import numpy as np

from service.core.convex_losses.differences import HalfSquaredLoss, HuberLoss
from service.core.convex_losses.labelled import LogisticLoss
from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.minimum import CertifiedLoop
from service.core.relu.networks import Objective
from tests.support.relu_enumeration import patterns

CASES: Final = 30
DELTA: Final = 0.5
AGREES: Final = 1e-7
SHAPES: Final = ((9, 2), (10, 2), (12, 2), (7, 3), (8, 3))
LOSSES: Final = ("squared", "logistic", "huber")

_WHAT: Final = """\
{cases} random objectives with two or three inputs. cvxpy {cvxpy} with Clarabel solves the convex program in which every
activation pattern of the samples has a unit of each sign; its precision is about 1e-9. *Difference* is the largest
|network - program| / program, *bound* the largest (bound - program) / program, where positive.
"""


def report() -> str:
    """Solve both ways and compare.

    Raises
    ------
    RuntimeError
        If the two differ by more than 1e-7.
    """
    lines = [
        "| loss | objectives | patterns | difference | bound | s of a core here | there |",
        "|---|---|---|---|---|---|---|",
    ]
    for loss in LOSSES:
        rows = [_compared(loss, *SHAPES[case % len(SHAPES)], case) for case in range(CASES // len(LOSSES))]
        apart, above, counts, here, there = (np.array(column) for column in zip(*rows, strict=True))
        if apart.max() > AGREES or above.max() > AGREES:
            raise RuntimeError(f"{loss}: they differ by {apart.max():.1e}, the bound is above by {above.max():.1e}")
        lines.append(
            f"| {loss} | {len(rows)} | {counts.min():.0f} to {counts.max():.0f} | {apart.max():.1e} "
            f"| {max(above.max(), 0.0):.1e} | {here.sum():.2f} | {there.sum():.2f} |"
        )
    return "\n".join([_WHAT.format(cases=CASES, cvxpy=cp.__version__), *lines])


def _compared(loss: str, count: int, inputs: int, seed: int) -> tuple[float, float, int, float, float]:
    rng = np.random.default_rng([15, seed, LOSSES.index(loss)])
    x, y = rng.standard_normal((count, inputs)), rng.standard_normal(count)
    made: dict[str, ScalarLoss] = {
        "squared": HalfSquaredLoss(y),
        "logistic": LogisticLoss(np.where(y > 0.0, 1.0, -1.0)),
        "huber": HuberLoss(y, DELTA),
    }
    objective = Objective(x, made[loss], 10.0 ** rng.uniform(-1.5, 0.0), 0.0, np.zeros((count, 0)))
    start = time.process_time()
    found = CertifiedLoop(objective, 1e-9).run()
    between = time.process_time()
    active = patterns(x).astype(float)
    value = _program(objective, loss, active)
    seconds = between - start, time.process_time() - between
    return abs(found.value - value) / value, (found.dual.bound - value) / value, len(active), *seconds


def _program(objective: Objective, loss: str, active: FloatArray) -> float:
    """The minimum of the convex program with a unit of each sign for every pattern (p, n)."""
    x, y = objective.x, objective.loss.y
    f, decay, constraints = 0, 0, []
    for pattern in active:
        for sign in (1.0, -1.0):
            w = cp.Variable(x.shape[1])
            f = f + sign * cp.multiply(pattern, x @ w)
            decay = decay + cp.norm(w, 2)
            constraints.append(cp.multiply(2.0 * pattern - 1.0, x @ w) >= 0)
    if loss == "squared":
        fit = 0.5 * cp.sum_squares(f - y)
    elif loss == "logistic":
        fit = cp.sum(cp.logistic(-cp.multiply(y, f)))
    else:
        fit = 0.5 * cp.sum(cp.huber(f - y, DELTA))
    program = cp.Problem(cp.Minimize(fit + objective.beta * decay), constraints)
    program.solve(solver="CLARABEL")
    return float(program.value)
