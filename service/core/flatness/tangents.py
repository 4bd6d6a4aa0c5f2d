"""The tangent kernel of a linear network at a least-squares map, in coordinates of the data.

There the residual is orthogonal to the inputs, so that the Hessian is twice the Gauss-Newton matrix, whose nonzero
eigenvalues are those of a kernel over functions of the inputs.  See ``docs/theory/flatness.md``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.several_outputs.squared_error.quadratic import quadratic_of

_ABSENT: Final = 1e-13
"""Share of the largest singular value below which one is rounding."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The positive singular values (r,) of a chain, with left (k, r) and right (q, r) vectors."""

    left: FloatArray
    values: FloatArray
    right: FloatArray


@dataclass(frozen=True, slots=True)
class Tangents:
    """Data and least-squares map of a network of `layers` layers without noise and decay.

    Attributes
    ----------
    layers : int
        Number of weight matrices L.
    spread : (q,) array
        Eigenvalues of the second moment of the inputs, as functions on the data; an output bias adds a direction.
    least_squares : (k, d) array
        The shortest least-squares map.
    chain : (k, q) array
        The same in these coordinates.
    fixed : (q,) array or None
        Direction of an output bias; its part of the kernel depends on no weight.
    """

    layers: int
    spread: FloatArray
    least_squares: FloatArray
    chain: FloatArray
    fixed: FloatArray | None

    @property
    def singular(self) -> Frame:
        """The frame of the chain."""
        left, values, right = np.linalg.svd(self.chain, full_matrices=False)
        kept = values > _ABSENT * max(float(values.max(initial=0.0)), 1e-300)
        return Frame(left[:, kept], values[kept], right[kept].T)


def tangents_of(problem: Problem) -> Tangents:
    """The tangents of a linear network without hidden biases, noise and decay at a least-squares map.

    O(d^3 + k d^2).
    """
    quadratic, layers = quadratic_of(problem), problem.network.n_layers
    least_squares = quadratic.expand((quadratic.target / quadratic.scales).T).T
    if not problem.network.has_bias(layers - 1):
        return Tangents(layers, quadratic.scales**2, least_squares, quadratic.target, None)
    mean = np.zeros(problem.data.inputs) if quadratic.x_mean is None else quadratic.x_mean
    basis = np.eye(mean.size) if quadratic.basis is None else quadratic.basis
    # functions of the inputs over the orthonormal centred directions, and the constant as the last
    root = np.column_stack([basis * quadratic.scales, mean])
    values, frame = np.linalg.eigh(root.T @ root)
    return Tangents(layers, np.maximum(values, 0.0), least_squares, least_squares @ root @ frame, frame[-1])
