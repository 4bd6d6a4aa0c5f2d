"""Linear networks and starts whose directions are learned one after the other, and the flow itself by an ODE solver."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem

INPUTS, OUTPUTS, WIDTH = 4, 3, 5


def instance(layers: int, decay: float, seed: int, *, size: float = 1.3, white: bool = True) -> Problem:
    """Three outputs of four inputs of equal second moment ``size``, or of correlated ones."""
    rng = np.random.default_rng(seed)
    second = size * np.eye(INPUTS) if white else np.cov(rng.standard_normal((INPUTS, 30)))
    cross = second @ rng.standard_normal((INPUTS, OUTPUTS))
    hidden = (Layer(WIDTH, weight_decay=decay),) * (layers - 1)
    return Problem(Network((*hidden, Layer(OUTPUTS, weight_decay=decay))), Moments(second, cross, 100.0))


def aligned_start(problem: Problem, seed: int, scale: float = 1e-3) -> list[FloatArray]:
    """Balanced layers along the directions of the data, each with a strength of its own."""
    rng, layers = np.random.default_rng(seed), problem.network.n_layers
    left, _, right = np.linalg.svd(problem.data.xy.T, full_matrices=False)
    hidden = [np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))[0][:, :OUTPUTS] for _ in range(layers - 1)]
    frames, sizes = [right.T, *hidden, left], scale * np.exp(rng.standard_normal(OUTPUTS))
    return [frames[layer + 1] @ np.diag(sizes ** (1.0 / layers)) @ frames[layer].T for layer in range(layers)]


def random_start(problem: Problem, seed: int, scale: float = 1e-3) -> list[FloatArray]:
    """Normal weights."""
    rng, widths = np.random.default_rng(seed), [INPUTS, *(layer.width for layer in problem.network.layers)]
    return [scale * rng.standard_normal((rows, columns)) for columns, rows in pairwise(widths)]


def times_of_flow(
    problem: Problem, weights: Sequence[FloatArray], values: Sequence[float | None], end: float
) -> list[float | None]:
    """When the map along each direction reaches a value, by LSODA; None where it does not before the end."""
    shapes = [weight.shape for weight in weights]
    edges = np.cumsum([0, *(weight.size for weight in weights)])
    second, cross, decays = problem.data.xx, problem.data.xy, problem.network.weight_decays
    left, _, right = np.linalg.svd(cross.T, full_matrices=False)

    def parts(flat: FloatArray) -> list[FloatArray]:
        return [flat[a:b].reshape(shape) for a, b, shape in zip(edges[:-1], edges[1:], shapes, strict=True)]

    def product(matrices: Sequence[FloatArray]) -> FloatArray:
        found = np.eye(matrices[0].shape[1])
        for matrix in matrices:
            found = matrix @ found
        return found

    def rate(_: float, flat: FloatArray) -> FloatArray:
        layers = parts(flat)
        error = product(layers) @ second - cross.T
        found = []
        for place, weight in enumerate(layers):
            before = product(layers[:place]) if place else np.eye(second.shape[0])
            after = product(layers[place + 1 :]) if place + 1 < len(layers) else np.eye(cross.shape[1])
            found.append(-2.0 * (after.T @ error @ before.T + decays[place] * weight).ravel())
        return np.concatenate(found)

    begin = np.concatenate([weight.ravel() for weight in weights])
    solved: Any = solve_ivp(rate, (0.0, end), begin, "LSODA", dense_output=True, rtol=1e-9, atol=1e-12)

    def along(place: int, at: float) -> float:
        return float(left[:, place] @ product(parts(solved.sol(at))) @ right[place])

    def above(place: int, value: float, at: float) -> float:
        return along(place, at) - value

    found: list[float | None] = []
    for place, value in enumerate(values):
        if value is None or not along(place, 0.0) < value < along(place, end):
            found.append(None)
        else:
            found.append(float(brentq(partial(above, place, value), 0.0, end)))
    return found
