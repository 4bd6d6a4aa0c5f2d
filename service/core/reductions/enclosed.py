"""The loss of weights of a network with frozen layers, skips or a weighted error, all rounding counted.

Shares nothing with the reductions but the weighted error as a last layer.  The whole map is put together from layers
and skips, in double precision with the map of the moduli as its error, or in about twice that where the loss is small
beside what cancels in it.
"""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.as_sent import prediction_source, reflections
from service.core.ground.enclosures.sources import UNIT, gamma
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.twofold import Twofold, added, exactly, matrix_times, product_error, scaled
from service.core.ground.parameters import FactoredMatrix, Parameters, columns_of, squared_norm
from service.core.ground.problems import Moments, Network, Problem
from service.core.ground.results import Terms
from service.core.losses.dense import DenseParameters
from service.core.losses.enclosed import POSITIVE, EnclosedLoss, enclosed_loss, is_sharp
from service.core.losses.expected import noise_variance
from service.core.losses.last_bias import FELT, left_over
from service.core.losses.narrow import dense_or_narrow
from service.core.reductions.graph import end_map
from service.core.reductions.step import Weights

WIDEST = 512
"""Width up to which weights are written out as matrices as well."""


@dataclass(frozen=True, slots=True)
class Cost:
    """A term of the loss with a bound on its error."""

    value: float
    error: float


def enclosed_weights(problem: Problem, weights: Weights, offset: FloatArray, roots: FloatArray | None) -> EnclosedLoss:
    """The loss of weights with its error; in double precision, or in about twice that where it is felt.

    Parameters
    ----------
    problem : Problem
        Squared error, its weights of the outputs being a last, frozen layer.
    weights : Weights
        That layer's included.
    offset : (k,) array
        What the biases add to every prediction, before these weights.
    roots : (k,) array or None
        Square roots of the weights of the outputs.
    """
    noise, decay = _noise(problem, weights), _decay(problem.network, weights)
    constant, unsure = exactly(offset[:, None]), np.zeros(offset.size)
    if roots is not None:
        constant = scaled(constant, roots[:, None])
        unsure = 8.0 * UNIT**2 * np.abs(constant.high[:, 0])
    double = end_map(problem.network, weights, problem.data.inputs)
    wrong = _map_error(problem.network, weights, problem.data.inputs)
    found = enclosed_loss(problem, exactly(double), wrong, constant, unsure, 0.0, 0.0)
    best = _with(problem, found, double, wrong, noise, decay)
    if is_sharp(problem, best):
        return best
    written = _written_out(weights)
    whole = _map(problem.network, written or weights, problem.data.inputs)
    wrong = _careful_map_error(problem.network, weights, problem.data.inputs)
    found = enclosed_loss(problem, whole, wrong, constant, unsure, 0.0, 0.0, True)
    best = _with(problem, found, whole.high, wrong, noise, decay)
    if written is None:
        return best
    # weights are returned as factors or as matrices, which differ by the rounding of entries
    other = _map(problem.network, weights, problem.data.inputs)
    found = enclosed_loss(problem, other, wrong, constant, unsure, 0.0, 0.0, True)
    upper = _with(problem, found, other.high, wrong, noise, decay).upper
    return replace(best, error=max(best.upper, upper) - best.terms.loss)


def best_offset(problem: Problem, weights: Weights) -> FloatArray:
    """The last bias (k,) that is best for the weights as they are rounded, before weights of outputs are taken off.

    Notes
    -----
    Between the best of the matrices as they are written out and that of the factors they come from.
    """
    data = problem.data
    if data.x_mean is None or data.y_mean is None:
        return np.zeros(data.outputs)
    double = end_map(problem.network, weights, data.inputs)
    reach = np.abs(double) @ np.abs(data.x_mean)
    if reach.max(initial=0.0) <= FELT * np.sqrt(max(data.central.yy, 0.0)):
        # rounding of what the weights make of the means is not felt
        return np.asarray(data.y_mean - double @ data.x_mean)
    zero, found = exactly(np.zeros((data.outputs, 1))), []
    for each in (_written_out(weights) or weights, weights):
        whole = _map(problem.network, each, data.inputs)
        left = left_over(whole, zero, data.x_mean, data.y_mean).rounded()[:, 0]
        # means are rounded too
        mean = prediction_source(problem, centre=True).near(whole.high, whole.low, True).mean
        found.append(left if mean is None else left + mean)
    return 0.5 * found[0] + 0.5 * found[1]


def _with(
    problem: Problem, found: EnclosedLoss, whole: FloatArray, wrong: FloatArray, noise: Cost | None, decay: Cost
) -> EnclosedLoss:
    """The squared error with noise and decay added."""
    if noise is None:
        variance, squares = problem.network.input_noise_variance, problem.data.xx.diagonal()
        lengths = np.linalg.norm(whole, axis=0)
        value = variance * float(lengths**2 @ squares)
        error = variance * float((wrong * (2.0 * lengths + wrong)) @ squares)
        noise = Cost(value, 1.01 * error + gamma(POSITIVE + reflections(problem.data)) * value)
    terms = Terms(found.terms.fit, noise.value, decay.value)
    return replace(found, terms=terms, error=found.error + noise.error + decay.error + 4.0 * UNIT * terms.loss)


def _noise(problem: Problem, weights: Weights) -> Cost | None:
    """What noise adds, where some is hidden: the error is relative to the same of the moduli."""
    network, data = problem.network, problem.data
    if not np.any(network.noise_variances):
        return None
    narrow, dense = dense_or_narrow(network, Parameters(weights.layers, (None,) * network.n_layers))
    sizes = np.sqrt(np.maximum(data.xx.diagonal(), 0.0))
    largest = Moments(np.outer(sizes, sizes), np.zeros_like(data.xy), 1.0)
    moduli = DenseParameters(tuple(np.abs(weight) for weight in dense.weights), dense.biases)
    count = POSITIVE + reflections(data) + 4.0 * sum(weight.shape[1] + 4.0 for weight in dense.weights)
    return Cost(noise_variance(narrow, data, dense), gamma(count) * noise_variance(narrow, largest, moduli))


def _decay(network: Network, weights: Weights) -> Cost:
    """What the decays cost."""
    decays = [*(layer.weight_decay for layer in network.layers), *(skip.weight_decay for skip in network.skips)]
    value = error = 0.0
    for decay, weight in zip(decays, (*weights.layers, *weights.skips), strict=True):
        if weight is None or decay == 0.0:
            continue
        square = squared_norm(weight) if max(weight.shape) > WIDEST else float(np.sum(weight.dense() ** 2))
        value += decay * max(square, 0.0)
        error += decay * gamma(POSITIVE + 4.0 * weight.values.size) * squared_norm(moduli_of(weight))
    return Cost(value, error)


def moduli_of(weight: FactoredMatrix) -> FactoredMatrix:
    """The same factors without signs."""
    return FactoredMatrix(np.abs(columns_of(weight.left)), np.abs(weight.values), np.abs(columns_of(weight.right)))


def _written_out(weights: Weights) -> Weights | None:
    """The matrices themselves, where they are small."""
    every = [*weights.layers, *(skip for skip in weights.skips if skip is not None)]
    if max(max(weight.shape) for weight in every) > WIDEST:
        return None

    def dense(weight: FactoredMatrix) -> FactoredMatrix:
        matrix = weight.dense()
        return FactoredMatrix(matrix, np.ones(matrix.shape[1]), np.eye(matrix.shape[1]))

    skips = tuple(None if skip is None else dense(skip) for skip in weights.skips)
    return Weights(tuple(dense(weight) for weight in weights.layers), skips)


def _times(weight: FactoredMatrix, columns: Twofold) -> Twofold:
    left, right = columns_of(weight.left), columns_of(weight.right)
    inner = columns if _is_identity(right) else matrix_times(np.ascontiguousarray(right.T), columns)
    if not np.all(weight.values == 1.0):
        inner = matrix_times(np.diag(weight.values), inner)
    return inner if _is_identity(left) else matrix_times(left, inner)


def _is_identity(matrix: FloatArray) -> bool:
    rows, columns = matrix.shape
    return rows == columns and np.array_equal(matrix, np.eye(rows))


def _map(network: Network, weights: Weights, inputs: int) -> Twofold:
    """The end-to-end map (k, d), in about twice the working precision."""
    nodes = [exactly(np.eye(inputs))]
    for node, weight in enumerate(weights.layers, start=1):
        value = _times(weight, nodes[-1])
        for skip, own in zip(network.skips, weights.skips, strict=True):
            if skip.target == node:
                beside = nodes[skip.source]
                value = added(value, beside if own is None else _times(own, beside))
        nodes.append(value)
    return nodes[-1]


def _map_error(network: Network, weights: Weights, inputs: int) -> FloatArray:
    """Bound (d,) on the norm of the error of each column of a map in double precision, factors written out or not."""
    nodes, count = [np.eye(inputs)], 4.0
    for node, weight in enumerate(weights.layers, start=1):
        value = _of_moduli(weight, nodes[-1])
        count += 2.0 * (max(weight.shape) + weight.values.size + 4.0)
        for skip, own in zip(network.skips, weights.skips, strict=True):
            if skip.target == node:
                beside = nodes[skip.source]
                value = value + (beside if own is None else _of_moduli(own, beside))
                count += 1.0 if own is None else 2.0 * (max(own.shape) + own.values.size + 4.0)
        nodes.append(value)
    error: FloatArray = gamma(count) * np.linalg.norm(nodes[-1], axis=0)
    return error


def _of_moduli(weight: FactoredMatrix, columns: FloatArray) -> FloatArray:
    inner = np.abs(columns_of(weight.right)).T @ columns
    product: FloatArray = np.abs(columns_of(weight.left)) @ (np.abs(weight.values)[:, None] * inner)
    return product


def _careful_map_error(network: Network, weights: Weights, inputs: int) -> FloatArray:
    """The same of a map in about twice the working precision, of either factors or matrices."""
    longest = max(inputs, *(max(weight.shape) for weight in weights.layers))
    nodes: list[FloatArray] = [np.ones(inputs)]
    depth = 1.0
    for node, weight in enumerate(weights.layers, start=1):
        value = np.sqrt(squared_norm(moduli_of(weight))) * nodes[-1]
        depth += 3.0
        for skip, own in zip(network.skips, weights.skips, strict=True):
            if skip.target == node:
                size = 1.0 if own is None else float(np.sqrt(squared_norm(moduli_of(own))))
                value = value + size * nodes[skip.source]
                depth += 4.0
        nodes.append(value)
    unit = 16.0 * depth * (4.0 * product_error(longest) + 64.0 * longest * UNIT**2)
    error: FloatArray = unit * nodes[-1]
    return error
