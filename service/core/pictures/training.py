"""A point where training ends, on a kink if it must, and how far any point is from rest."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import unflatten
from service.core.pictures.descent import descend
from service.core.pictures.kinks import ON_KINK, KinkedPoint, has_kinks
from service.core.pictures.objective import objective_of, shape_of
from service.core.pictures.settling import LARGEST, settle

AT_REST: Final = 1e-6
"""Share of the gradient at the start below which a point is at rest."""
SETTLED: Final = 1e-9
"""The same share at which the steps near kinks stop."""
PER_ITERATION: Final = 20
"""Products with the Hessian near kinks for each iteration of L-BFGS."""
ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Rest:
    """How far a point is from rest.

    Attributes
    ----------
    stationarity : float
        Norm of the generalised gradient of least norm.
    kinks : int
        Pre-activations that lie on their kink.
    """

    stationarity: float
    kinks: int


@dataclass(frozen=True, slots=True)
class TrainedPoint:
    """Where training ended.

    Attributes
    ----------
    point : (P,) array
    iterations : int
        Of L-BFGS.
    converged : bool
        Whether the point is at rest.
    path : (m, P) array
        From the start to the point where it was asked for, else empty.
    """

    point: FloatArray
    iterations: int
    converged: bool
    path: FloatArray


def rest_of(problem: Problem, point: FloatArray, gradient: FloatArray) -> Rest:
    """Stationarity of a point (P,) whose gradient (P,), that of the left sides of kinks, is known."""
    if not has_kinks(problem):
        return Rest(float(np.linalg.norm(gradient)), 0)
    here = KinkedPoint(problem, unflatten(point, shape_of(problem)))
    return Rest(here.least_norm().norm, len(here.near(ON_KINK)[0]))


def settling_budget(problem: Problem, weights: int, iterations: int) -> int:
    """Gradients and products with the Hessian that `train` may take beside L-BFGS."""
    return PER_ITERATION * iterations if has_kinks(problem) and weights <= LARGEST else 0


def train(problem: Problem, start: FloatArray, iterations: int, *, with_path: bool = False) -> TrainedPoint:
    """L-BFGS from a point (P,); near kinks Newton steps onto them, in turn, while the budgets last.

    Raises
    ------
    NumericalError
        If the loss leaves double precision on the way.
    """
    objective, like = objective_of(problem), shape_of(problem)
    scale = float(np.linalg.norm(objective.slope(start)[1]))
    point, used = start, 0
    paths: list[FloatArray] = []
    budget = settling_budget(problem, start.size, iterations)
    for _ in range(ROUNDS):
        trained = descend(problem, point, iterations - used, with_path=with_path)
        paths.append(trained.path)
        point, used = trained.point, used + trained.iterations
        if budget > 0:
            settled = settle(problem, point, like, budget, SETTLED * scale)
            point, budget = settled.point, budget - settled.spent
        if used >= iterations or rest_of(problem, point, objective.slope(point)[1]).stationarity <= SETTLED * scale:
            break
    found = rest_of(problem, point, objective.slope(point)[1]).stationarity
    path = np.concatenate([*paths, point[None, :]]) if with_path else np.zeros((0, point.size))
    return TrainedPoint(point, used, found <= AT_REST * scale, path)
