"""Errors of several outputs: the largest length of their correlations with one unit, by branch and bound on cones.

``|V' phi(u)| = (|V' phi(u)| + r(u)) - r(u)`` with ``r(u) = sum_i |V_i| max(x_i.u, 0)``, both parts convex.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.relu.cones import Bounded, SimplicialCones, plainly_bounded
from service.core.relu.critical import MOST_RANK
from service.core.relu.rows import EPS, Span, WeightedRows
from service.core.relu.search import ConeSearch, Largest
from service.core.relu.spectral import spectral_bound

_ROUNDING: Final = 4.0
"""Sums of one output are added up in squares and each row is split in two: more roundings than one correlation has."""


@dataclass(frozen=True, slots=True)
class NormedRows(WeightedRows):
    """Rows with errors of several outputs.

    Attributes
    ----------
    errors : (n, k) array
        What multiplies ``max(x.u, 0)``, of each output.
    sloped : (r, k) array
        What multiplies u.
    """

    errors: FloatArray
    sloped: FloatArray

    def positive(self, active: FloatArray, directions: FloatArray) -> FloatArray:
        """The length of the correlations and r (b,) at directions (b, r) with ``active = max(x.u, 0)`` (b, n)."""
        return self.true(active, directions) + active @ self.minus

    def true(self, active: FloatArray, directions: FloatArray) -> FloatArray:
        """The length of the correlations (b,) at directions (b, r) with ``active = max(x.u, 0)`` (b, n)."""
        each = active @ self.errors + directions @ self.sloped
        return np.asarray(np.sqrt(np.square(each).sum(axis=1)))


class NormedSearch(ConeSearch):
    """Branch and bound for the length of the correlations."""

    def _examined(self, cones: SimplicialCones) -> Bounded:
        return plainly_bounded(self.rows, cones, self.threshold)


def normed_rows(span: Span, errors: FloatArray, slope: float) -> NormedRows:
    """Rows for errors (n, k) of units with a slope at most 1."""
    joined = np.zeros((len(span.x) + 1, errors.shape[1]))
    np.add.at(joined, span.groups, errors * span.lengths[:, None])
    joined = joined[:-1]
    factor = 1.0 - slope
    sizes = factor * np.sqrt(np.square(joined).sum(axis=1))
    steepest = max(1.0, abs(slope), factor)
    total = float(np.sqrt(np.square(errors).sum(axis=1)) @ span.lengths) * steepest
    rounding = _ROUNDING * (len(errors) + 4 * span.dimension + errors.shape[1] + 256) * EPS
    outside = float(np.sqrt(np.square(joined).sum(axis=1)) @ span.outside)
    return NormedRows(
        span.x,
        sizes,
        sizes,
        np.zeros(span.dimension),
        span.basis,
        total * rounding + 1.001 * steepest * outside,
        factor * joined,
        slope * (span.x.T @ joined),
    )


def largest_length(rows: NormedRows, target: float, most: int, rtol: float = 1e-9, missing: float = np.inf) -> Largest:
    """The largest length of the correlations with a unit of length one, found and bounded.

    Parameters
    ----------
    rows : NormedRows
    target : float
        What is proved to be no larger is not looked at any closer.
    most : int
        Cones that may be bounded.
    rtol : float
        Relative difference of value and bound that is small enough.
    missing : float
        Units with a larger correlation are returned.
    """
    dimension, whole = rows.x.shape[1], _without_cones(rows)
    empty = np.zeros((0, len(rows.basis)))
    if not 0 < dimension <= MOST_RANK:
        return Largest(whole, 0.0, empty, np.zeros(0), 0, dimension == 0)
    search = NormedSearch(rows, target, missing=missing, rtol=rtol)
    search.run(most=most, stop=should_stop)
    found = search.result()
    return Largest(min(found.bound, whole), found.value, found.directions, found.values, found.cones, found.complete)


def _without_cones(rows: NormedRows) -> float:
    """Upper bound of the length of the correlations: the root of the sum of the squares of each output's bound."""
    if not rows.x.shape[1]:
        return rows.allowance
    squares = 0.0
    for errors, linear in zip(rows.errors.T, rows.sloped.T, strict=True):
        one = WeightedRows(
            rows.x, np.maximum(errors, 0.0), np.maximum(-errors, 0.0), linear, rows.basis, rows.allowance
        )
        squares += max(_least(one), _least(one.reversed)) ** 2
    return float(np.sqrt(squares)) * (1.0 + 1e-12)


def _least(rows: WeightedRows) -> float:
    return min(rows.crude_bound, spectral_bound(rows).bound)
