"""The largest correlation of errors with a unit, exactly, for inputs of rank one and two; ``O(n log n)``.

In a plane a unit is an angle, and the correlation is ``c.u`` on each arc between two angles at which a row starts or
stops to be active.  One sort and one running sum give c on every arc.
"""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.relu.rows import EPS, WeightedRows
from service.core.relu.search import Largest

PLANE: Final = 2
"""Rank of the inputs up to which correlations are computed exactly."""
MOST_UNITS: Final = 100
"""Missing units that are returned."""
_TURN: Final = 2.0 * np.pi
_ANGLE_ERROR: Final = 32.0 * EPS
"""What rounding can add to the correlation, over the sum of all coefficients, since angles are known up to it."""
_LONG_EPS: Final = float(np.finfo(np.longdouble).eps)


def largest_on_plane(rows: WeightedRows, above: float) -> Largest:
    """The largest correlation of rows of rank at most two.

    Parameters
    ----------
    rows : WeightedRows
    above : float
        Local maxima with a larger correlation are returned, at most `MOST_UNITS` of them.
    """
    rank = rows.x.shape[1]
    if rank > 2:
        raise ValueError(f"rows of rank {rank} are not in a plane")
    if not len(rows.x):
        return _largest(rows, np.zeros((0, rank)), np.zeros(0), above, 0.0, 0)
    weights = rows.plus - rows.minus
    size = float(np.abs(weights).sum() + np.abs(rows.linear).sum())
    if rank == 1:
        directions = np.array([[1.0], [-1.0]])
        values = _sum(np.maximum(directions @ rows.x.T, 0.0) * weights) + directions @ rows.linear
        return _largest(rows, directions, values, above, _rounding(size, len(weights)), 2)
    arcs = _Arcs(rows.x, weights, rows.linear)
    directions, values = arcs.maxima()
    return _largest(rows, directions, values, above, _rounding(size, 2 * len(weights)), len(arcs.angles))


def _sum(terms: FloatArray) -> FloatArray:
    """Sums (b,) of terms (b, n)."""
    return np.asarray(terms.sum(axis=1, dtype=np.longdouble), dtype=np.float64)


def _rounding(size: float, count: int) -> float:
    """What rounding can add: a running sum of ``count`` numbers whose sizes add up to twice ``size``, and angles."""
    return size * (_ANGLE_ERROR + 4.0 * (count + 2) * _LONG_EPS)


def _largest(
    rows: WeightedRows, directions: FloatArray, values: FloatArray, above: float, rounding: float, cones: int
) -> Largest:
    value = float(values.max(initial=0.0))
    kept = np.flatnonzero(values > above)
    kept = kept[np.argsort(-values[kept], kind="stable")][:MOST_UNITS]
    bound = value + rounding + rows.allowance
    return Largest(bound, value, directions[kept] @ rows.basis.T, values[kept], cones, complete=True)


class _Arcs:
    """Arcs of the circle on which the same rows are active.

    Attributes
    ----------
    angles : (m,) array
        Where the arcs start, ascending; each ends where the next starts, and the last where the first does.
    gradients : (m, 2) array
        What the correlation is the product of a unit with, on each.
    """

    def __init__(self, x: FloatArray, weights: FloatArray, linear: FloatArray) -> None:
        # opposite rows share their two angles to the last bit
        upper = (x[:, 1] > 0.0) | ((x[:, 1] == 0.0) & (x[:, 0] > 0.0))
        folded = np.where(upper[:, None], x, -x)
        middle = np.arctan2(np.abs(folded[:, 1]), folded[:, 0])
        before, beyond = middle - 0.5 * np.pi, _wrapped(middle + 0.5 * np.pi)
        starts, ends = np.where(upper, before, beyond), np.where(upper, beyond, before)
        angles = np.concatenate([starts, ends])
        order = np.argsort(angles, kind="stable")
        terms = weights[:, None] * x
        # which rows are active on the last arc, which wraps around, follows from the same rounded angles as the order,
        # so that every row is on between its own two angles and off elsewhere
        wrapping = starts > ends
        first = terms[wrapping].sum(axis=0, dtype=np.longdouble) + linear
        steps = np.concatenate([terms, -terms]).astype(np.longdouble)[order]
        ordered = angles[order]
        some = np.append(ordered[1:] > ordered[:-1], True)
        self.angles = ordered[some]
        self.gradients = (first + np.cumsum(steps, axis=0)).astype(float)[some]

    def maxima(self) -> tuple[FloatArray, FloatArray]:
        """Directions (b, 2) and values (b,) of all local maxima; the largest of them is the largest value of all.

        The slope along the circle changes its sign from plus to minus once within an arc or between two of them.
        """
        at = np.column_stack([np.cos(self.angles), np.sin(self.angles)])
        after = np.roll(at, -1, axis=0)
        rises = _rising(self.gradients, at)
        falls = ~_rising(self.gradients, after)
        lengths = np.hypot(self.gradients[:, 0], self.gradients[:, 1])
        inside = rises & falls & (lengths > 0.0)
        corner = ~falls & ~np.roll(rises, -1)
        peaks = self.gradients[inside] / lengths[inside, None]
        at_corners = np.einsum("ij,ij->i", self.gradients[corner], after[corner])
        return np.concatenate([peaks, after[corner]]), np.concatenate([lengths[inside], at_corners])


def _wrapped(angles: FloatArray) -> FloatArray:
    """Angles below pi."""
    return np.where(angles >= np.pi, angles - _TURN, angles)


def _rising(gradients: FloatArray, at: FloatArray) -> BoolArray:
    """Whether correlations rise with the angle at directions of length one."""
    return np.asarray(gradients[:, 1] * at[:, 0] - gradients[:, 0] * at[:, 1] > 0.0)
