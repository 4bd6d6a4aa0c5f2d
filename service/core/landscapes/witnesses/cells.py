"""Spurious minima of ReLU and leaky ReLU networks: affine cells and dead units, with a better network beside them."""

from itertools import pairwise

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import apply

_DIRECTIONS = 24


def affine_cell(problem: Problem) -> Construction | None:
    """All units of all layers active: the network is the best affine map, while a hinge does better."""
    samples = problem.samples
    if samples is None:
        return None
    ones = np.ones((len(samples.x), 1))
    design = np.hstack([samples.x, ones])
    fitted: FloatArray = np.linalg.lstsq(design, samples.y[:, 0], rcond=None)[0].astype(np.float64)
    hinge = _best_hinge(problem, samples, design, samples.y - design @ fitted[:, None])
    if hinge is None:
        return None
    direction, threshold, feature = hinge
    extended = np.hstack([design, feature[:, None]])
    refitted: FloatArray = np.linalg.lstsq(extended, samples.y[:, 0], rcond=None)[0].astype(np.float64)
    better = _passing(problem, samples, refitted[:-2], float(refitted[-2]), (direction, threshold, float(refitted[-1])))
    point = _passing(problem, samples, fitted[:-1], float(fitted[-1]), None)
    title = "every unit active: the best affine map"
    return Construction("W1", title, "R36", WitnessClaim.SPURIOUS_MINIMUM, point, better)


def dead_units(problem: Problem) -> Construction | None:
    """Every hidden unit silent on every sample, the output at the mean of the targets."""
    samples = problem.samples
    if samples is None:
        return None
    ones = np.ones((len(samples.x), 1))
    mean = samples.y.mean(axis=0)
    hinge = _best_hinge(problem, samples, ones, samples.y - mean)
    if hinge is None:
        return None
    direction, threshold, feature = hinge
    fitted = np.linalg.lstsq(np.hstack([ones, feature[:, None]]), samples.y, rcond=None)[0]
    weights, biases = _empty(problem, samples, -1.0)
    point = DenseParameters(tuple(weights), (*biases[:-1], mean))
    weights, biases = _empty(problem, samples, 0.0)
    weights[0][0], biases[0][0] = direction, -threshold
    for weight in weights[1:-1]:
        weight[0, 0] = 1.0
    weights[-1][:, 0] = fitted[1]
    better = DenseParameters(tuple(weights), (*biases[:-1], fitted[0]))
    return Construction("W2", "every unit silent", "R39", WitnessClaim.SPURIOUS_MINIMUM, point, better)


def _empty(problem: Problem, samples: Samples, bias: float) -> tuple[list[FloatArray], list[FloatArray]]:
    widths = [samples.x.shape[1], *(layer.width for layer in problem.network.layers)]
    weights = [np.zeros((after, before)) for before, after in pairwise(widths)]
    return weights, [np.full(width, bias) for width in widths[1:]]


def _passing(
    problem: Problem,
    samples: Samples,
    slope: FloatArray,
    offset: float,
    hinge: tuple[FloatArray, float, float] | None,
) -> DenseParameters:
    """An affine map through the first neuron of every layer, and a hinge through the second, all else at one."""
    weights, biases = _empty(problem, samples, 1.0)
    lift = 1.0 - min(0.0, float((samples.x @ slope).min()))
    weights[0][0], biases[0][0] = slope, lift
    total = lift
    if hinge is not None:
        direction, threshold, _ = hinge
        weights[0][1], biases[0][1] = direction, -threshold
    shift = 0.0
    for weight, bias in zip(weights[1:-1], biases[1:-1], strict=True):
        weight[0, 0], total = 1.0, total + bias[0]
        if hinge is not None:
            # far enough to stay active also where a leaky hinge is negative
            reach = 1.0 + float(np.abs(samples.x @ hinge[0] - hinge[1]).max())
            weight[1, 1], bias[1], shift = 1.0, reach, shift + reach
    weights[-1][0, 0], biases[-1][0] = 1.0, offset - total
    if hinge is not None:
        weights[-1][0, 1] = hinge[2]
        biases[-1][0] -= hinge[2] * shift
    return DenseParameters(tuple(weights), tuple(biases))


def _best_hinge(
    problem: Problem, samples: Samples, design: FloatArray, residual: FloatArray
) -> tuple[FloatArray, float, FloatArray] | None:
    """Direction and threshold of the unit that explains most of the residual beside ``design``, and its values."""
    rng = np.random.default_rng(0)
    x = samples.x
    directions = np.vstack([np.eye(x.shape[1]), -np.eye(x.shape[1]), rng.normal(size=(_DIRECTIONS, x.shape[1]))])
    basis = np.linalg.qr(design)[0]
    best: tuple[float, FloatArray, float, FloatArray] | None = None
    for direction in directions:
        projections = x @ direction
        sorted_values = np.unique(projections)
        thresholds = 0.5 * (sorted_values[1:] + sorted_values[:-1])[:64]
        if not thresholds.size:
            continue
        features = apply(problem.network.layers[0], projections[:, None] - thresholds)
        free = features - basis @ (basis.T @ features)
        squares = np.sum(free * free, axis=0)
        usable = squares > 1e-10 * np.sum(features * features, axis=0)
        gains = np.where(usable, np.sum((residual.T @ free) ** 2, axis=0) / np.where(usable, squares, 1.0), 0.0)
        index = int(np.argmax(gains))
        if best is None or gains[index] > best[0]:
            best = (float(gains[index]), direction, float(thresholds[index]), features[:, index])
    return None if best is None or best[0] <= 0.0 else best[1:]
