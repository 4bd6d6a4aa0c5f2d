"""Wide layers of few directions as narrow ones with the same largest curvature.

Hidden layers without noise turn freely, so that what weights do not use is one unit like every other: a spare unit for
each layer stands for all of them.  See ``docs/theory/flatness.md``.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters, columns_of
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters
from service.core.losses.trained import is_frozen

USED: Final = 1e-13
"""Singular values of the directions of a layer below this share of the largest count as rounding."""


def narrowed(problem: Problem, parameters: Parameters) -> tuple[Problem, DenseParameters]:
    """The problem and weights with as few hidden units as show every eigenvalue of the Hessian.

    Parameters
    ----------
    problem : Problem
    parameters : Parameters

    Notes
    -----
    O(width r^2) a layer for factors of rank r.  With noise on hidden layers or frozen layers nothing is narrowed.
    """
    if np.any(problem.network.noise_variances) or is_frozen(problem.network):
        return problem, dense_of(parameters)
    bases = [
        _basis(below, above, bias)
        for (below, above), bias in zip(pairwise(parameters.weights), parameters.biases[:-1], strict=True)
    ]
    weights: list[FloatArray] = []
    biases: list[FloatArray | None] = []
    last = len(parameters.weights) - 1
    for index, (weight, bias) in enumerate(zip(parameters.weights, parameters.biases, strict=True)):
        left = columns_of(weight.left) if index == last else bases[index].T @ columns_of(weight.left)
        right = columns_of(weight.right) if index == 0 else bases[index - 1].T @ columns_of(weight.right)
        weights.append(np.asarray((left * weight.values) @ right.T, dtype=np.float64))
        if bias is None:
            biases.append(None)
            continue
        vector = bias.dense()[:, 0]
        biases.append(vector if index == last else bases[index].T @ vector)
    layers = tuple(
        replace(layer, width=len(weight)) for layer, weight in zip(problem.network.layers, weights, strict=True)
    )
    narrow = replace(problem, network=replace(problem.network, layers=layers))
    return narrow, DenseParameters(tuple(weights), tuple(biases))


def numbers_of(parameters: Parameters) -> int:
    """Weights and biases, as many as a dense form has."""
    parts: Sequence[FactoredMatrix | None] = (*parameters.weights, *parameters.biases)
    return sum(rows * columns for rows, columns in (part.shape for part in parts if part is not None))


def dense_of(parameters: Parameters) -> DenseParameters:
    """All weights and biases as arrays."""
    return DenseParameters(
        tuple(weight.dense() for weight in parameters.weights),
        tuple(None if bias is None else bias.dense()[:, 0] for bias in parameters.biases),
    )


def _basis(below: FactoredMatrix, above: FactoredMatrix, bias: FactoredMatrix | None) -> FloatArray:
    """Orthonormal columns (width, r) that hold what a hidden layer uses, and one more where there is room."""
    parts = [columns_of(below.left) * below.values, columns_of(above.right) * above.values]
    if bias is not None:
        parts.append(columns_of(bias.left) * bias.values)
    # of one length, so that weak layers are not taken for rounding
    parts = [part / max(float(np.linalg.norm(part)), 1e-300) for part in parts]
    left, values, _ = np.linalg.svd(np.column_stack(parts), full_matrices=False)
    used: FloatArray = left[:, values > USED * max(float(values.max(initial=0.0)), 1e-300)]
    width = len(left)
    if used.shape[1] == width:
        return np.eye(width)
    # the coordinate that is least used has the largest part outside
    spare = np.zeros(width)
    spare[int(np.argmin(np.sum(used * used, axis=1)))] = 1.0
    for _ in range(2):
        spare -= used @ (used.T @ spare)
    return np.column_stack((used, spare / np.linalg.norm(spare)))
