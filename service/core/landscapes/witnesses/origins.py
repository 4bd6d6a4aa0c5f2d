"""The zero network: a bad minimum under decay, a flat saddle of deep linear networks, a strict one of two layers."""

import numpy as np

from service.core.arrays import FloatArray
from service.core.landscapes.data_facts import data_facts_of
from service.core.landscapes.witnesses.claims import Claim, Construction
from service.core.losses import DenseParameters
from service.core.nonlinear import apply, loss_of
from service.core.problems import Problem, shapes_of

_SCALES = np.logspace(-2.0, 1.0, 13)
_STEPS = np.linspace(0.05, 0.5, 10)


def decayed_origin(problem: Problem) -> Construction | None:
    """The origin under decay, and the best chain of one active neuron a layer below it."""
    samples = problem.samples
    if samples is None:
        return None
    network, zero = problem.network, _zero(problem)
    leading = np.linalg.svd(problem.data.xy, full_matrices=False)[0][:, 0]
    best, least = None, loss_of(network, problem.loss, zero, samples)
    for scale in _SCALES.tolist():
        for direction in (leading, -leading):
            feature = samples.x @ (scale * direction)
            for index, layer in enumerate(network.layers[:-1]):
                feature = apply(layer, feature if index == 0 else scale * feature)
            square = float(np.mean(feature * feature)) + network.layers[-1].weight_decay
            if square == 0.0:
                continue
            chain = _zero(problem)
            chain.weights[0][0] = scale * direction
            for weight in chain.weights[1:-1]:
                weight[0, 0] = scale
            chain.weights[-1][:, 0] = samples.y.T @ feature / len(feature) / square
            value = loss_of(network, problem.loss, chain, samples)
            if value < least:
                best, least = chain, value
    if best is None:
        return None
    return Construction("W4", "the origin under decay", "R14", Claim.SPURIOUS_MINIMUM, zero, best)


def flat_origin(problem: Problem) -> Construction | None:
    """The origin of a deep linear network, with a path that leaves it at the order of its depth."""
    path = _aligned_path(problem)
    if path is None:
        return None
    title = "the origin: no gradient, no curvature, and a way down"
    return Construction("W5", title, "R08c", Claim.NON_STRICT_SADDLE, _zero(problem), None, path)


def escape(problem: Problem) -> Construction | None:
    """The origin of two linear layers, with the direction of negative curvature."""
    path = _aligned_path(problem)
    if path is None:
        return None
    return Construction("W6", "the origin and its escape", "R08b", Claim.STRICT_SADDLE, _zero(problem), None, path)


def _aligned_path(problem: Problem) -> tuple[DenseParameters, ...] | None:
    slope = data_facts_of(problem).slope_at_zero
    if slope is None or problem.samples is None:
        return None
    left, values, right = np.linalg.svd(slope)
    layers, curvature = problem.network.n_layers, float(problem.data.spectrum.values[-1])
    if values[0] <= 0.0 or curvature <= 0.0:
        return None
    size = (float(values[0]) / curvature) ** (1.0 / layers)
    return tuple(_aligned(problem, left[:, 0], right[0], size * step) for step in _STEPS.tolist())


def _aligned(problem: Problem, source: FloatArray, target: FloatArray, size: float) -> DenseParameters:
    point = _zero(problem)
    point.weights[0][0] = size * source
    for weight in point.weights[1:-1]:
        weight[0, 0] = size
    point.weights[-1][:, 0] = size * target
    return point


def _zero(problem: Problem) -> DenseParameters:
    shapes = shapes_of(problem.network, problem.data.inputs)
    return DenseParameters.without_biases([np.zeros(shape) for shape in shapes])
