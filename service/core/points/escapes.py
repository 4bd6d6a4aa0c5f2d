"""A way down from a point: a direction, a step along it, and the decrease that the step achieves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.optimize import minimize

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.losses.batched import BatchedLoss
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of, loss_of
from service.core.losses.trained import trained_mask
from service.core.points.classes import Curvature
from service.vocabulary import PointClass

EscapeKind: TypeAlias = Literal["gradient", "negative_curvature", "higher_order"]
TRIES = 6
STACKED_NUMBERS = 2_000_000
"""Weights of all steps that are held at once."""


@dataclass(frozen=True, slots=True)
class Escape:
    """A straight step to a lower loss.

    Attributes
    ----------
    kind : str
        ``gradient``, ``negative_curvature`` or ``higher_order``.
    direction : (P,) array
        Unit vector in the order of the flattened parameters.
    step : float
        Length to go.
    decrease : float
        Loss before minus loss after the step; positive.
    """

    kind: EscapeKind
    direction: FloatArray
    step: float
    decrease: float


def losses_on_line(
    problem: Problem, parameters: DenseParameters, direction: FloatArray, steps: FloatArray
) -> FloatArray:
    """Exact loss at ``parameters + step * direction`` for each step, shape (m,)."""
    loss, along = BatchedLoss(problem), unflatten(direction, parameters)
    at_once = max(STACKED_NUMBERS // direction.size, 1)
    parts: list[FloatArray] = []
    for first in range(0, steps.size, at_once):
        factors = steps[first : first + at_once, None, None]
        weights = [at + factors * way for at, way in zip(parameters.weights, along.weights, strict=True)]
        biases = [
            at[:, None] + factors * way[:, None]
            for at, way in zip(parameters.biases, along.biases, strict=True)
            if at is not None and way is not None
        ]
        parts.append(loss.of([*weights, *biases]))
    return np.concatenate(parts)


def reach_of(problem: Problem, parameters: DenseParameters) -> float:
    """Length in which steps are measured: that of the weights, or of balanced layers that carry the targets."""
    own = float(np.linalg.norm(flatten(parameters)))
    inputs = float(problem.data.xx.diagonal().max())
    targets = problem.spread
    if not inputs > 0.0 or not targets > 0.0:
        return max(own, 1.0)
    return max(own, float((targets / inputs) ** (0.5 / problem.network.n_layers)))


def escape_from(
    problem: Problem,
    parameters: DenseParameters,
    point_class: PointClass,
    gradient: FloatArray,
    curvature: Curvature,
) -> Escape | None:
    """The way down from a point with gradient (P,) that its class calls for; ``None`` where there is none."""
    if point_class in (PointClass.NON_STRICT_SADDLE, PointClass.DEGENERATE):
        return _by_descent(problem, parameters)
    line = DescentLine(
        lambda direction, steps: losses_on_line(problem, parameters, direction, steps),
        float(loss_of(problem.network, problem.data, parameters)),
        reach_of(problem, parameters),
    )
    return steepest_step(line, point_class, gradient, curvature)


@dataclass(frozen=True, slots=True)
class DescentLine:
    """What steps from a point are measured with.

    Attributes
    ----------
    losses : callable
        Of a unit direction (P,) and steps (m,): losses (m,).
    start : float
        Loss at the point.
    reach : float
        Length in which steps are measured.
    grid, refinements : int
        Steps that are tried over seven decades, and how often the best is refined.
    """

    losses: Callable[[FloatArray, FloatArray], FloatArray]
    start: float
    reach: float
    grid: int = 57
    refinements: int = 3


def steepest_step(
    line: DescentLine, point_class: PointClass, gradient: FloatArray, curvature: Curvature
) -> Escape | None:
    """The better of the ways along gradient (P,) and negative curvature that a class calls for, if it calls for one."""
    if point_class is PointClass.NOT_STATIONARY:
        ways = [best_step(line, -gradient, "gradient", both_ways=False)]
        if curvature.vector is not None and curvature.least is not None and curvature.least < -curvature.zero_tolerance:
            # on a plateau the gradient is short, and negative curvature leads down
            ways.append(best_step(line, curvature.vector, "negative_curvature", both_ways=True))
        return max((way for way in ways if way is not None), key=lambda way: way.decrease, default=None)
    if point_class is PointClass.STRICT_SADDLE and curvature.vector is not None:
        return best_step(line, curvature.vector, "negative_curvature", both_ways=True)
    return None


def best_step(line: DescentLine, direction: FloatArray, kind: EscapeKind, *, both_ways: bool) -> Escape | None:
    """Longest useful step along a direction (P,) that is not zero: a grid over seven decades, then refinements."""
    unit = direction / float(np.linalg.norm(direction))
    best: tuple[float, float, FloatArray] | None = None
    for signed in (unit, -unit) if both_ways else (unit,):
        steps = line.reach * np.geomspace(1e-6, 10.0, line.grid)
        for _ in range(1 + line.refinements):
            losses = line.losses(signed, steps)
            at = int(np.argmin(losses))
            found = (float(losses[at]), float(steps[at]), signed)
            if best is None or found[0] < best[0]:
                best = found
            low, high = steps[max(at - 1, 0)], steps[min(at + 1, steps.size - 1)]
            steps = np.linspace(low, high, 9)
    if best is None or best[0] >= line.start:
        return None
    return Escape(kind, best[2], best[1], line.start - best[0])


def _by_descent(problem: Problem, parameters: DenseParameters) -> Escape | None:
    """Perturb, descend, and take the straight way to where that leads, if it is lower."""
    begin = flatten(parameters)
    start = float(loss_of(problem.network, problem.data, parameters))
    rng = np.random.default_rng(0)
    size = reach_of(problem, parameters) / np.sqrt(begin.size)
    trained = trained_mask(problem.network, parameters)

    def value_and_gradient(point: FloatArray) -> tuple[float, FloatArray]:
        at = unflatten(point, parameters)
        gradient = flatten(gradient_of(problem.network, problem.data, at)) * trained
        return float(loss_of(problem.network, problem.data, at)), gradient

    best: Escape | None = None
    for _ in range(TRIES):
        perturbed = begin + 0.1 * size * rng.standard_normal(begin.size) * trained
        # where layers differ by many orders of magnitude a descent may leave the range of numbers: it is not a way down
        with np.errstate(over="ignore", invalid="ignore"):
            reached = minimize(
                value_and_gradient, perturbed, jac=True, method="L-BFGS-B", options={"maxiter": 200, "maxcor": 20}
            )
        decrease = start - float(reached.fun)
        if decrease > 1e-9 * problem.spread and (best is None or decrease > best.decrease):
            way = np.asarray(reached.x) - begin
            length = float(np.linalg.norm(way))
            best = Escape("higher_order", way / length, length, decrease)
    return best
