"""A point where training ends: L-BFGS on the objective from a random start."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from service.core.dynamics.initialisations import generator
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, shapes_of
from service.core.losses.dense import DenseParameters, flatten
from service.core.pictures.objective import objective_of
from service.errors import NumericalError

SHOWN = 100
"""Points of a path that are kept beside its start."""
STREAM = 12
"""Place of these starts among the streams of random numbers of one seed."""


@dataclass(frozen=True, slots=True)
class Trained:
    """Where a descent ended.

    Attributes
    ----------
    point : (P,) array
    loss : float
    gradient_norm : float
    iterations : int
    path : (m, P) array
        The start, points after iterations, and the end; empty where it was not asked for.
    """

    point: FloatArray
    loss: float
    gradient_norm: float
    iterations: int
    path: FloatArray


def random_start(problem: Problem, seed: int, run: int) -> FloatArray:
    """Parameters (P,): weights uniform within ``sqrt(6 / (inputs + outputs))``, biases within ``1 / sqrt(inputs)``."""
    rng = generator(seed, STREAM, run)
    network = problem.network
    shapes = shapes_of(network, problem.data.inputs)
    weights = tuple(rng.uniform(-1.0, 1.0, shape) * (6.0 / sum(shape)) ** 0.5 for shape in shapes)
    biases = tuple(
        rng.uniform(-1.0, 1.0, shape[0]) / shape[1] ** 0.5 if network.has_bias(index) else None
        for index, shape in enumerate(shapes)
    )
    start: FloatArray = flatten(DenseParameters(weights, biases))
    return start


def descend(problem: Problem, start: FloatArray, iterations: int, *, with_path: bool = False) -> Trained:
    """Follow L-BFGS from a point (P,) for at most ``iterations`` steps, and keep its path if asked to.

    Raises
    ------
    NumericalError
        If the loss leaves double precision on the way.
    """
    objective = objective_of(problem)
    seen: list[FloatArray] = []
    with np.errstate(all="ignore"):
        found = minimize(
            objective.slope,
            start,
            jac=True,
            method="L-BFGS-B",
            callback=(lambda now: _keep(seen, now)) if with_path else None,
            options={"maxiter": iterations, "maxfun": 3 * iterations, "ftol": 0.0, "gtol": 1e-9, "maxcor": 20},
        )
        loss, gradient = objective.slope(found.x)
    if not np.isfinite(loss):
        raise NumericalError("training left the range of double precision")
    return Trained(
        np.asarray(found.x), float(loss), float(np.linalg.norm(gradient)), int(found.nit), _path(start, seen)
    )


def _keep(seen: list[FloatArray], now: FloatArray) -> None:
    """Every point, until there are twice as many as are shown; then every second of them."""
    seen.append(np.array(now))
    if len(seen) > 2 * SHOWN:
        del seen[1::2]


def _path(start: FloatArray, seen: list[FloatArray]) -> FloatArray:
    """The start and at most a hundred points, or nothing where nothing was kept."""
    if not seen:
        return np.zeros((0, len(start)))
    chosen = np.unique(np.linspace(0, len(seen) - 1, SHOWN).astype(int))
    return np.array([start, *(seen[int(index)] for index in chosen)])
