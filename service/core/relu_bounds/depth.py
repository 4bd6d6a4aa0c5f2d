"""A lower bound for ReLU networks of more than two layers, decay on each.

With the product rho of the lengths of all weights, ``v.f <= rho M(v)``, where M(v) is the largest of
``sum_(v_i>0) v_i max(x_i.u, 0)`` over units of length one, and the decay is at least ``rate rho^(2/L)``.
"""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.relu.critical import MOST_RANK
from service.core.relu.dual import dual_rounding, dual_value, residue
from service.core.relu.networks import Objective
from service.core.relu.planar import PLANE, largest_on_plane
from service.core.relu.rows import Span, WeightedRows
from service.core.relu.search import ConeSearch
from service.core.relu.spectral import spectral_bound

_SHARES: Final = np.linspace(0.0, 2.0, 801)
"""Multiples of the errors whose bounds are put together."""
_RTOL: Final = 1e-4


def largest_positive(objective: Objective, errors: FloatArray, most: int) -> float:
    """An upper bound of M for errors (n, k), by at most ``most`` cones for each sign.

    Of several outputs ``sum_i |V_i| max(x_i.u, 0)`` takes its place, which is no smaller for any combination of them.
    """
    span = Span.of(objective.x)
    if errors.shape[1] == 1:
        parts = [np.maximum(sign * errors[:, 0], 0.0) for sign in (1.0, -1.0)]
    else:
        # the root is rounded up
        parts = [np.sqrt(np.square(errors).sum(axis=1)) * (1.0 + 1e-14)]
    return max(_largest(span.with_errors(part, 0.0), most) for part in parts)


def _largest(rows: WeightedRows, most: int) -> float:
    if not rows.x.shape[1] or not rows.plus.any():
        return rows.allowance
    if rows.x.shape[1] <= PLANE:
        return largest_on_plane(rows, np.inf).bound
    bound = min(rows.crude_bound, spectral_bound(rows).bound)
    if rows.x.shape[1] > MOST_RANK:
        return bound
    search = ConeSearch(rows, 0.0, missing=np.inf, rtol=_RTOL)
    search.run(most=most, stop=should_stop)
    return min(bound, search.bound)


def layered_bound(objective: Objective, rate: float, layers: int, errors: FloatArray, largest: float) -> float:
    """The lower bound that errors (n, k) prove with an upper bound ``largest`` of M.

    ``min_rho max_a (D(a v) - a rho M) + rate rho^(2/L)``: the first term is the largest of lines in rho, and between
    two of its corners it is one line, to which a concave function is added, so that the minimum is at a corner.
    """
    if not objective.is_admissible(errors):
        return -np.inf
    off = residue(objective, errors)
    points = []
    for share in _SHARES:
        value = dual_value(objective, share * errors, share * off.moves)
        if np.isfinite(value):
            points.append((share * (largest + off.features), value - dual_rounding(objective, share * errors)))
    slopes, heights = _upper_hull(np.array(points))
    corners = np.concatenate([[0.0], np.diff(heights) / np.diff(slopes)]) if len(slopes) > 1 else np.zeros(1)
    corners = corners[corners >= 0.0]
    lines = (heights[None, :] - corners[:, None] * slopes[None, :]).max(axis=1)
    least = float((lines + rate * corners ** (2.0 / layers)).min())
    return least - 1e-12 * abs(least)


def _upper_hull(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The points (m, 2), ascending in the first coordinate, that are corners of their concave hull."""
    hull: list[FloatArray] = []
    for point in points:
        if hull and point[0] <= hull[-1][0]:
            hull[-1] = max(point, hull[-1], key=lambda one: float(one[1]))
            continue
        while len(hull) > 1 and _below(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    found = np.array(hull)
    return found[:, 0], found[:, 1]


def _below(first: FloatArray, middle: FloatArray, last: FloatArray) -> bool:
    across = (last[0] - first[0]) * (middle[1] - first[1])
    return bool(across <= (middle[0] - first[0]) * (last[1] - first[1]))
