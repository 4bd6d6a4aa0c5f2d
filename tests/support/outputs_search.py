"""Search for a lower loss by many local minimisations of the exact expected loss: the opponent of every formula."""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, shapes_of
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of, loss_of
from tests.support.descents import descended


def template(problem: Problem) -> DenseParameters:
    """Zero parameters with the shapes of the problem's network."""
    network = problem.network
    weights = tuple(np.zeros(shape) for shape in shapes_of(network, problem.data.inputs))
    biases = tuple(
        np.zeros(layer.width) if network.has_bias(index) else None for index, layer in enumerate(network.layers)
    )
    return DenseParameters(weights, biases)


def descend(problem: Problem, start: FloatArray, iterations: int = 3000) -> tuple[float, FloatArray]:
    """One L-BFGS run on the exact loss: the loss reached and the parameters."""
    like = template(problem)

    def value_and_gradient(point: FloatArray) -> tuple[float, FloatArray]:
        parameters = unflatten(point, like)
        loss = loss_of(problem.network, problem.data, parameters)
        return float(loss), flatten(gradient_of(problem.network, problem.data, parameters))

    return descended(value_and_gradient, start, iterations)


def search(problem: Problem, seed: int, restarts: int) -> tuple[float, DenseParameters]:
    """Least loss over ``restarts`` runs from Gaussian weights of several sizes, and where it is reached."""
    rng = np.random.default_rng(seed)
    like = template(problem)
    size = flatten(like).size
    scales = (0.3, 0.7, 1.5)
    runs = [descend(problem, scales[run % 3] * rng.standard_normal(size)) for run in range(restarts)]
    loss, point = min(runs, key=lambda run: run[0])
    return loss, unflatten(point, like)
