"""Inputs of one layer of units as the search for the largest correlation reads them.

For errors v the correlation with a unit u is ``g(u) = sum_i v_i phi(x_i.u)``, ``phi(z) = max(z, slope z)``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray

EPS: Final = float(np.finfo(float).eps)
_RANK: Final = 1e-13


@dataclass(frozen=True, slots=True)
class WeightedRows:
    """Rows in the coordinates of their span, with errors, for one sign of the correlation.

    Attributes
    ----------
    x : (n, r) array
        WeightedRows of length one in principal axes; rows that are positive multiples of each other are one.
    plus, minus : (n,) array
        What multiplies ``max(x.u, 0)``, by its sign; non-negative.
    linear : (r,) array
        What multiplies u.
    basis : (d, r) array
        Orthonormal columns: a unit is ``basis u``.
    allowance : float
        What rounding, and rows outside the span, can add to any correlation that is computed from these.
    """

    x: FloatArray
    plus: FloatArray
    minus: FloatArray
    linear: FloatArray
    basis: FloatArray
    allowance: float

    def correlation(self, directions: FloatArray) -> FloatArray:
        """g (b,) at directions (b, r)."""
        return self.true(np.maximum(directions @ self.x.T, 0.0), directions)

    def positive(self, active: FloatArray, directions: FloatArray) -> FloatArray:
        """The convex part (b,) that is interpolated, at directions (b, r) with ``active = max(x.u, 0)`` (b, n)."""
        return active @ self.plus + directions @ self.linear

    def true(self, active: FloatArray, directions: FloatArray) -> FloatArray:
        """g (b,) at directions (b, r) with ``active = max(x.u, 0)`` (b, n)."""
        return active @ (self.plus - self.minus) + directions @ self.linear

    @property
    def crude_bound(self) -> float:
        """Upper bound of g over units of length one that costs one decomposition.

        ``sum_i p_i max(x_i.u, 0) <= sqrt(sum p)  sqrt(u'X'diag(p)Xu)`` by Cauchy and Schwarz.
        """
        if not self.x.shape[1]:
            return 0.0
        second = self.x.T @ (self.plus[:, None] * self.x)
        largest = max(float(np.linalg.eigvalsh(second)[-1]), 0.0) * (1.0 + 1e-10)
        return float(np.sqrt(self.plus.sum() * largest) + np.sqrt(self.linear @ self.linear)) + self.allowance

    @property
    def reversed(self) -> "WeightedRows":
        """The rows with errors of the other sign."""
        return WeightedRows(self.x, self.minus, self.plus, -self.linear, self.basis, self.allowance)


@dataclass(frozen=True, slots=True)
class Span:
    """Inputs without repetition, in the coordinates of their span.

    Attributes
    ----------
    x : (m, r) array
        WeightedRows of length one.
    basis : (d, r) array
    groups : (n,) array of int
        Row of ``x`` for each sample; what belongs to inputs that are zero is m.
    lengths : (n,) array
        Lengths of the inputs.
    outside : (m,) array
        Length of the part of each row that is outside the span; a row that is short beside others may be all outside.
    """

    x: FloatArray
    basis: FloatArray
    groups: IntArray
    lengths: FloatArray
    outside: FloatArray

    @property
    def dimension(self) -> int:
        """Rank of the inputs."""
        return int(self.x.shape[1])

    @classmethod
    def of(cls, x: FloatArray) -> "Span":
        """Span of inputs (n, d), ``O(n d^2)``."""
        lengths = np.sqrt(np.einsum("ij,ij->i", x, x))
        present = lengths > 0.0
        units = x[present] / lengths[present, None]
        distinct, inverse = np.unique(units, axis=0, return_inverse=True)
        groups = np.full(len(x), len(distinct))
        groups[present] = inverse.ravel()
        if not len(distinct):
            return cls(np.zeros((0, 0)), np.zeros((x.shape[1], 0)), groups, lengths, np.zeros(0))
        weights = np.zeros(len(distinct))
        np.add.at(weights, groups[present], lengths[present])
        values, vectors = np.linalg.svd(weights[:, None] * distinct, full_matrices=False)[1:]
        rank = max(1, int((values > _RANK * values[0]).sum()))
        basis = vectors[:rank].T
        inside = distinct @ basis
        outside = np.sqrt(np.square(distinct - inside @ basis.T).sum(axis=1))
        return cls(inside, basis, groups, lengths, outside)

    def with_errors(self, errors: FloatArray, slope: float) -> WeightedRows:
        """Rows for errors (n,) of units with a slope at most 1, ``O(n r)``."""
        joined = np.zeros(len(self.x) + 1)
        np.add.at(joined, self.groups, errors * self.lengths)
        joined = joined[:-1]
        factor = 1.0 - slope
        steepest = max(1.0, abs(slope), factor)
        total = float(np.abs(errors) @ self.lengths) * steepest
        rounding = (len(errors) + 4 * self.dimension + 256) * EPS
        return WeightedRows(
            self.x,
            factor * np.maximum(joined, 0.0),
            factor * np.maximum(-joined, 0.0),
            slope * (joined @ self.x),
            self.basis,
            total * rounding + 1.001 * steepest * float(np.abs(joined) @ self.outside),
        )
