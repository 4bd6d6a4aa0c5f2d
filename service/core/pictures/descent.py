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
    """

    point: FloatArray
    loss: float
    gradient_norm: float
    iterations: int


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


def descend(problem: Problem, start: FloatArray, iterations: int) -> Trained:
    """Follow L-BFGS from a point (P,) for at most ``iterations`` steps.

    Raises
    ------
    NumericalError
        If the loss leaves double precision on the way.
    """
    objective = objective_of(problem)
    with np.errstate(all="ignore"):
        found = minimize(
            objective.slope,
            start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": iterations, "maxfun": 3 * iterations, "ftol": 0.0, "gtol": 1e-9, "maxcor": 20},
        )
        loss, gradient = objective.slope(found.x)
    if not np.isfinite(loss):
        raise NumericalError("training left the range of double precision")
    return Trained(np.asarray(found.x), float(loss), float(np.linalg.norm(gradient)), int(found.nit))
