"""Lower bounds from errors whose largest correlation with a unit is bounded.

For every v, every ``M >= max |g_v(u)|`` over units of length one, and every network of any width, the objective is at
least ``D(a v)`` for ``0 <= a <= beta / M``; a bound needs nothing else to be proved.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.networks import Objective
from service.core.relu.rows import EPS, Span

_GOLDEN: Final = (5.0**0.5 - 1.0) / 2.0
_NARROWINGS: Final = 70


@dataclass(frozen=True, slots=True)
class DualBound:
    """A lower bound and what proves it.

    Attributes
    ----------
    bound : float
        Lower bound of the objective, rounding counted.
    errors : (n,) array
        The dual point a v.
    feature_bound : float
        Upper bound of the size of its correlation with any unit that costs beta; at most beta but for rounding.
    """

    bound: float
    errors: FloatArray
    feature_bound: float


def dual_bound(objective: Objective, errors: FloatArray, feature_bound: float) -> DualBound:
    """The best bound along a ray of errors (n,), which what is free must not be correlated with unless it costs.

    ``O(n)`` for a squared loss, and some 70 times that for others.
    """
    if not objective.is_admissible(errors):
        # at the ends of the domain of the dual nothing may have been left to correct them with
        errors = np.zeros_like(errors)
    feature_bound *= objective.excess
    most = objective.beta / feature_bound if feature_bound > 0.0 else 1e300
    length = float(np.abs(errors).max(initial=0.0))
    most = min(most, 1e150 / length) if length > 0.0 else 0.0

    def value(share: float) -> float:
        return dual_value(objective, share * errors)

    low, high = 0.0, most
    while high > 4.0 and value(high) < value(0.5 * high):
        high *= 0.5
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = value(left), value(right)
    for _ in range(_NARROWINGS):
        if at_left < at_right:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = value(right)
        else:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = value(left)
    shares = (0.0, left, right, min(1.0, most), most)
    share = max(shares, key=value)
    point = share * errors
    return DualBound(value(share) - dual_rounding(objective, point), point, share * feature_bound)


def crude_dual(objective: Objective, errors: FloatArray) -> DualBound:
    """A bound from errors (n,) without a search; what it misses by grows with the part of them that cancels."""
    rows = Span.of(objective.x).with_errors(errors, objective.slope)
    return dual_bound(objective, errors, max(rows.crude_bound, rows.reversed.crude_bound))


def dual_value(objective: Objective, errors: FloatArray) -> float:
    """D(v) for errors (n,), less what coefficients that cost can save; rounding aside."""
    with np.errstate(over="ignore", invalid="ignore"):
        value = objective.loss.dual(errors)
        if objective.ridge > 0.0:
            along = objective.free.T @ errors
            value -= float(along @ along) / (4.0 * objective.ridge)
    return value if np.isfinite(value) else -np.inf


def dual_rounding(objective: Objective, errors: FloatArray) -> float:
    """What rounding can add to `dual_value` for errors (n,)."""
    return 4.0 * (len(errors) + 8) * EPS * objective.loss.magnitude(errors)
