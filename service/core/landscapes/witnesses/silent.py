"""Every hidden unit silent under any loss, and a network with one unit that is not."""

import numpy as np

from service.core.data_facts.separation import common_side
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples, shapes_of
from service.core.landscapes.networks.silent_networks import silent_errors, silent_output
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.landscapes.witnesses.objective import loss_at
from service.core.losses.dense import DenseParameters
from service.vocabulary import Bias, Loss

_DIRECTIONS = 200
_HALVINGS = 60


def silent_units(problem: Problem) -> Construction | None:
    """All units of the first layer off: by biases of minus one, or because all inputs lie on the other side."""
    samples, network = problem.samples, problem.network
    if samples is None or (problem.loss is Loss.SQUARED and network.bias is Bias.ALL):
        # under squared loss with all biases there is a witness with a fitted unit
        return None
    output = silent_output(problem, samples)
    if output is None:
        return None
    shapes = shapes_of(network, problem.data.inputs)
    weights = [np.zeros(shape) for shape in shapes]
    biases = [np.zeros(shape[0]) if network.has_bias(index) else None for index, shape in enumerate(shapes)]
    if biases[-1] is not None:
        biases[-1] = output
    errors = silent_errors(problem, output, samples)
    if network.has_bias(0):
        biases[:-1] = [np.full(shape[0], -1.0) for shape in shapes[:-1]]
        unit = _correlated_hinge(samples, errors)
    else:
        found = common_side(problem)
        if found is None or not found.separable:
            return None
        direction = found.coefficients / float((samples.x @ found.coefficients).min())
        weights[0][:] = -direction
        unit = direction, 0.0
    point = DenseParameters(tuple(weights), tuple(biases))
    better = _improved(problem, samples, point, unit, errors)
    if better is None:
        return None
    return Construction("W14", "every unit silent", "R39b", WitnessClaim.SPURIOUS_MINIMUM, point, better)


def _correlated_hinge(samples: Samples, errors: FloatArray) -> tuple[FloatArray, float]:
    """Direction (d,) and bias of the unit, among many, that is most correlated with the errors for its size."""
    x = samples.x
    axes = np.eye(x.shape[1])
    directions = np.vstack([axes, -axes, np.random.default_rng(0).normal(size=(_DIRECTIONS, x.shape[1]))])
    best, unit = -1.0, (directions[0], 0.0)
    for direction in directions:
        along = x @ direction
        for threshold in np.unique(along)[:-1]:
            feature = np.maximum(along - threshold, 0.0)
            pull = float(np.linalg.norm(errors.T @ feature)) / float(np.linalg.norm(feature))
            if pull > best:
                best, unit = pull, (direction, -float(threshold))
    return unit


def _improved(
    problem: Problem, samples: Samples, point: DenseParameters, unit: tuple[FloatArray, float], errors: FloatArray
) -> DenseParameters | None:
    """The unit in the first neuron of each layer, with output weights against the errors, of the best size tried."""
    direction, offset = unit
    feature = np.maximum(samples.x @ direction + offset, 0.0)
    against = -(errors.T @ feature)
    best, least = None, loss_at(problem, samples, point)
    step = 1.0 / max(float(feature @ feature), 1e-300)
    for _ in range(_HALVINGS):
        weights = [np.zeros_like(weight) for weight in point.weights]
        biases = [None if bias is None else np.zeros_like(bias) for bias in point.biases]
        biases[-1] = point.biases[-1]
        weights[0][0] = direction
        if biases[0] is not None and len(biases) > 1:
            biases[0][0] = offset
        for weight in weights[1:-1]:
            weight[0, 0] = 1.0
        weights[-1][:, 0] = step * against
        better = DenseParameters(tuple(weights), tuple(biases))
        reached = loss_at(problem, samples, better)
        if reached < least:
            best, least = better, reached
        elif best is not None:
            break
        step *= 0.5
    return best
