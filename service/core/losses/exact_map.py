"""Maps and offsets in about twice the working precision, of weights as they are written out and as factors."""

import numpy as np

from service.core.ground.enclosures.sources import UNIT
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.twofold import Twofold, added, exactly, matrix_times, product_error
from service.core.ground.parameters import FactoredMatrix, Parameters, UniformColumn, columns_of
from service.core.losses.dense import DenseParameters


def map_of_matrices(parameters: DenseParameters) -> Twofold:
    """Product (k, d) of weight matrices."""
    whole = exactly(parameters.weights[0])
    for weight in parameters.weights[1:]:
        whole = matrix_times(weight, whole)
    return whole


def map_of_factors(parameters: Parameters) -> Twofold:
    """Product (k, d) of weights in factors; layers of equal entries cost nothing, however wide."""
    first = parameters.weights[0]
    whole = exactly(np.ascontiguousarray(columns_of(first.right).T))
    for index, weight in enumerate(parameters.weights):
        whole = matrix_times(np.diag(weight.values), whole)
        if index == len(parameters.weights) - 1:
            return matrix_times(columns_of(weight.left), whole)
        whole = _joined(weight, parameters.weights[index + 1], whole)
    return whole


def offset_of_matrices(parameters: DenseParameters) -> Twofold:
    """Mean prediction (k, 1) at x = 0."""
    whole: Twofold | None = None
    for weight, bias in zip(parameters.weights, parameters.biases, strict=True):
        whole = None if whole is None else matrix_times(weight, whole)
        if bias is not None:
            whole = exactly(bias[:, None]) if whole is None else added(whole, exactly(bias[:, None]))
    return exactly(np.zeros((len(parameters.weights[-1]), 1))) if whole is None else whole


def offset_of_factors(parameters: Parameters) -> Twofold:
    """Mean prediction (k, 1) at x = 0 of weights and biases in factors."""
    whole = exactly(np.zeros((parameters.weights[-1].shape[0], 1)))
    for index, bias in enumerate(parameters.biases):
        if bias is None:
            continue
        moved = matrix_times(np.diag(bias.values), exactly(np.ascontiguousarray(columns_of(bias.right).T)))
        part = bias
        for above in parameters.weights[index + 1 :]:
            moved = matrix_times(np.diag(above.values), _joined(part, above, moved))
            part = above
        whole = added(whole, matrix_times(columns_of(part.left), moved))
    return whole


def offset_error(weights: DenseParameters) -> FloatArray:
    """Bound (k,) on the error of either offset, beside the rounding of factors to matrices."""
    below: FloatArray = np.zeros(1)
    sizes: FloatArray = np.zeros(1)
    for weight, bias in zip(weights.weights, weights.biases, strict=True):
        below = np.linalg.norm(weight, axis=1) * np.linalg.norm(sizes)
        sizes = below + (0.0 if bias is None else np.abs(bias))
    if not below.any():
        # nothing is added to the last bias
        return np.zeros_like(below)
    length = max(max(weight.shape) for weight in weights.weights)
    error: FloatArray = 16.0 * len(weights.weights) * (4.0 * product_error(length) + 64.0 * length * UNIT**2) * sizes
    return error


def _joined(below: FactoredMatrix, above: FactoredMatrix, whole: Twofold) -> Twofold:
    """``above.right' below.left whole``."""
    left, right = below.left, above.right
    if isinstance(left, UniformColumn) and isinstance(right, UniformColumn):
        whole = matrix_times(np.array([[left.value]]), whole)
        whole = matrix_times(np.array([[float(left.length)]]), whole)
        return matrix_times(np.array([[right.value]]), whole)
    return matrix_times(np.ascontiguousarray(columns_of(right).T), matrix_times(columns_of(left), whole))


def map_error(weights: DenseParameters) -> FloatArray:
    """Bound on the norm of the error of each column (d,) of either map, beside the rounding of factors to matrices."""
    first, *others = weights.weights
    length = max(max(weight.shape) for weight in weights.weights)
    scale = float(np.prod([np.linalg.norm(weight) for weight in others]))
    unit = 16.0 * len(weights.weights) * (4.0 * product_error(length) + 64.0 * length * UNIT**2)
    error: FloatArray = unit * scale * np.linalg.norm(first, axis=0)
    return error
