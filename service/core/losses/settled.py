"""Weights of a small linear network moved downhill to rest on the exact expected loss, and back into a wider one."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.optimize import minimize

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters
from service.core.ground.problems import Network, Problem, shapes_of
from service.core.losses.dense import DenseParameters
from service.core.losses.expected import loss_and_gradient

MOST_STEPS: Final = 800


def settled(problem: Problem, start: DenseParameters, steps: int = MOST_STEPS) -> DenseParameters:
    """Where L-BFGS comes to rest from ``start``; no worse than it.

    Parameters
    ----------
    problem : Problem
        Linear, without skips.
    start : DenseParameters
    steps : int
    """
    network = problem.network

    def value(point: FloatArray) -> tuple[float, FloatArray]:
        loss, slope = loss_and_gradient(network, problem.data, _parts(problem, point))
        return loss, _flat(slope)

    first = _flat(start)
    best, least = first, value(first)[0]
    # a second run forgets slopes that rounding has spoilt, and so comes nearer to rest
    for _ in range(2):
        found = minimize(
            value,
            best,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": steps, "maxfun": 2 * steps, "maxcor": 30, "ftol": 0.0, "gtol": 0.0},
        )
        if found.fun <= least:
            best, least = np.asarray(found.x, dtype=np.float64), float(found.fun)
    return _parts(problem, best)


def _flat(parameters: DenseParameters) -> FloatArray:
    biases = [bias for bias in parameters.biases if bias is not None]
    return np.concatenate([np.ravel(part) for part in (*parameters.weights, *biases)])


def _parts(problem: Problem, point: FloatArray) -> DenseParameters:
    network, at = problem.network, 0
    weights: list[FloatArray] = []
    biases: list[FloatArray | None] = []
    for rows, columns in shapes_of(network, problem.data.inputs):
        weights.append(point[at : at + rows * columns].reshape(rows, columns))
        at += rows * columns
    for index, layer in enumerate(network.layers):
        biases.append(point[at : at + layer.width] if network.has_bias(index) else None)
        at += layer.width if network.has_bias(index) else 0
    return DenseParameters(tuple(weights), tuple(biases))


def widened(network: Network, weights: Sequence[FloatArray], biases: Sequence[FloatArray | None]) -> Parameters:
    """The same function and cost in a network whose hidden layers are wider: neurons that are added are zero.

    Parameters
    ----------
    network : Network
        The wider one.
    weights : sequence of (width, inputs) arrays
    biases : sequence of (width,) arrays or None
    """
    large: list[FactoredMatrix] = []
    shifts: list[FactoredMatrix | None] = []
    before = weights[0].shape[1]
    for layer, weight, bias in zip(network.layers, weights, biases, strict=True):
        large.append(
            FactoredMatrix(_padded(weight, layer.width), np.ones(weight.shape[1]), np.eye(before, weight.shape[1]))
        )
        shifts.append(
            None if bias is None else FactoredMatrix(_padded(bias[:, None], layer.width), np.ones(1), np.eye(1))
        )
        before = layer.width
    return Parameters(tuple(large), tuple(shifts))


def _padded(matrix: FloatArray, rows: int) -> FloatArray:
    whole = np.zeros((rows, matrix.shape[1]))
    whole[: len(matrix)] = matrix
    return whole
