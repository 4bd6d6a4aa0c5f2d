"""Weights of the core to the wire and back: factors that stay small at any width, or full matrices."""

from typing import Literal, TypeAlias

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters, UniformColumn
from service.errors import InputError, LimitExceeded, Location
from service.operations.mapping.arrays import matrix
from service.schemas import weights as wire
from service.settings import Limits

Form: TypeAlias = Literal["factors", "full"]


def to_wire(
    parameters: Parameters, form: Form, limits: Limits, at: Location = ("return", "weights")
) -> tuple[list[wire.Weight], list[wire.BiasVector] | None]:
    """Weights, and biases if the network has any.

    Raises
    ------
    LimitExceeded
        At ``at`` if more numbers than ``max_returned_numbers`` would be sent.
    """
    matrices = [
        *parameters.weights,
        *(other for other in (*parameters.biases, *parameters.skips) if other is not None),
    ]
    count = sum(_numbers(matrix, form) for matrix in matrices)
    if count > limits.max_returned_numbers:
        raise LimitExceeded(at, "max_returned_numbers", limits.max_returned_numbers, "numbers in the answer")
    weights = [_matrix(weight, form) for weight in parameters.weights]
    if all(bias is None for bias in parameters.biases):
        return weights, None
    return weights, [None if bias is None else _bias(bias, form) for bias in parameters.biases]


def skips_to_wire(parameters: Parameters, form: Form) -> list[wire.Weight | None]:
    """Weights of the skips, null for one that has none."""
    return [None if skip is None else _matrix(skip, form) for skip in parameters.skips]


def to_core(weights: list[wire.Weight], biases: list[wire.BiasVector] | None, at: Location) -> Parameters:
    """Weights of an answer as the core computes with them; `InputError` below ``at`` if a shape is wrong."""
    vectors = [None] * len(weights) if biases is None else biases
    return Parameters(
        weights=tuple(factored(weight, (*at, "weights", index)) for index, weight in enumerate(weights)),
        biases=tuple(_bias_factored(bias, (*at, "biases", index)) for index, bias in enumerate(vectors)),
    )


def _numbers(matrix: FactoredMatrix, form: Form) -> int:
    rows, columns = matrix.shape
    if form == "full":
        return rows * columns
    return sum(1 if isinstance(side, UniformColumn) else side.size for side in (matrix.left, matrix.right))


def _matrix(matrix: FactoredMatrix, form: Form) -> wire.Weight:
    if form == "full":
        dense: list[list[float]] = matrix.dense().tolist()
        return dense
    if not matrix.values.size:
        # without any direction there would be rows of no entries
        rows, columns = matrix.shape
        matrix = FactoredMatrix(UniformColumn(0.0, rows), np.zeros(1), UniformColumn(0.0, columns))
    return _factors(matrix)


def _factors(matrix: FactoredMatrix) -> wire.FactoredMatrix:
    return wire.FactoredMatrix(
        shape=list(matrix.shape),
        left=_factor(matrix.left),
        values=matrix.values.tolist(),
        right=_factor(matrix.right),
    )


def _bias(bias: FactoredMatrix, form: Form) -> wire.BiasVector:
    if form == "factors":
        return _factors(bias)
    dense: list[float] = bias.dense()[:, 0].tolist()
    return dense


def _factor(factor: FloatArray | UniformColumn) -> wire.Factor:
    if isinstance(factor, UniformColumn):
        return wire.UniformColumn(uniform=factor.value, length=factor.length)
    dense: list[list[float]] = factor.tolist()
    return dense


def factored(weight: wire.Weight, at: Location) -> FactoredMatrix:
    """A matrix of the wire in factored form; `InputError` at ``at`` if its parts do not fit together."""
    if isinstance(weight, wire.FactoredMatrix):
        left, right = (_side(side, (*at, name)) for side, name in ((weight.left, "left"), (weight.right, "right")))
        factored = FactoredMatrix(left, np.array(weight.values), right)
        ranks = {1 if isinstance(side, UniformColumn) else side.shape[1] for side in (left, right)}
        if list(factored.shape) != weight.shape or ranks != {len(weight.values)}:
            raise InputError.at((*at, "shape"), "does not match the factors left, values and right")
        return factored
    dense = matrix(weight, at)
    return FactoredMatrix(dense, np.ones(dense.shape[1]), np.eye(dense.shape[1]))


def _bias_factored(bias: wire.BiasVector, at: Location) -> FactoredMatrix | None:
    if bias is None:
        return None
    if isinstance(bias, wire.FactoredMatrix):
        return factored(bias, at)
    return FactoredMatrix(np.array(bias)[:, np.newaxis], np.ones(1), np.ones((1, 1)))


def _side(side: wire.Factor, at: Location) -> FloatArray | UniformColumn:
    if isinstance(side, wire.UniformColumn):
        return UniformColumn(side.uniform, side.length)
    return matrix(side, at)
