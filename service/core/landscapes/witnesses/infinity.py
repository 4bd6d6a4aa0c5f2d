"""A separating linear network whose output layer grows: the loss falls strictly and is never attained."""

import numpy as np

from service.core.data_facts.separation import separation_of
from service.core.ground.problems import Problem, shapes_of
from service.core.landscapes import hypotheses
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import outputs_of
from service.vocabulary import Bias

_GROWTH = 0.25 * 2.0 ** np.arange(9)
"""Least margins along the path."""


def growing_output(problem: Problem) -> Construction | None:
    """The separating map in the first layers, the output layer doubled again and again."""
    offset = problem.network.bias in (Bias.ALL, Bias.OUTPUT)
    found = separation_of(problem, offset=offset)
    shapes = shapes_of(problem.network, problem.data.inputs)
    narrow = problem.network.n_hidden > 0 and hypotheses.NO_BOTTLENECK.check(problem).holds is not True
    if found is None or not found.separable or hypotheses.LINEAR.check(problem).holds is not True or narrow:
        return None
    outputs, inputs = problem.network.outputs, problem.data.inputs
    both = found.coefficients.reshape(outputs, -1)
    through = min(outputs, inputs)
    weights = [np.zeros(shape) for shape in shapes]
    # the map stands in the layer at its narrower end, identities in the others
    at = len(weights) - 1 if inputs <= outputs else 0
    for index, weight in enumerate(weights):
        if index != at:
            weight[:through, :through] = np.eye(through)
    weights[at][:outputs, :inputs] = both[:, :inputs]
    biases = [np.zeros(shape[0]) if problem.network.has_bias(index) else None for index, shape in enumerate(shapes)]
    if offset:
        biases[-1] = both[:, -1]
    start = DenseParameters(tuple(weights), tuple(biases))
    least = _least_margin(problem, start)
    if not least > 0.0:
        return None
    path = tuple(_grown(start, float(growth) / least) for growth in _GROWTH)
    title = "a growing output layer"
    return Construction("W8", title, "R46", WitnessClaim.DESCENT_TO_INFINITY, path[0], None, path)


def _grown(point: DenseParameters, factor: float) -> DenseParameters:
    """The output layer multiplied."""
    last = point.biases[-1]
    return DenseParameters(
        (*point.weights[:-1], factor * point.weights[-1]),
        (*point.biases[:-1], None if last is None else factor * last),
    )


def _least_margin(problem: Problem, point: DenseParameters) -> float:
    """Smallest signed output, or difference between the output of the right class and the largest other one."""
    if problem.samples is None:
        return 0.0
    outputs, y = outputs_of(problem.network, point, problem.samples.x), problem.samples.y
    if outputs.shape[1] == 1:
        return float((y * outputs).min())
    right = np.sum(y * outputs, axis=1)
    return float((right - np.where(y > 0.5, -np.inf, outputs).max(axis=1)).min())
