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
    off = residue(objective, errors)
    feature_bound = (feature_bound + off.features) * objective.excess
    most = objective.beta / feature_bound if feature_bound > 0.0 else 1e300
    length = float(np.abs(errors).max(initial=0.0))
    most = min(most, 1e150 / length) if length > 0.0 else 0.0

    def value(share: float) -> float:
        return dual_value(objective, share * errors, share * off.moves)

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


@dataclass(frozen=True, slots=True)
class Residue:
    """How far errors are from those that are not correlated with what is free: the bound is that of the latter.

    Attributes
    ----------
    moves : array in the shape of the errors
        No entry differs by more.
    features : float
        By how much their correlation with a unit of length one can differ.
    """

    moves: FloatArray
    features: float


def residue(objective: Objective, errors: FloatArray) -> Residue:
    """The residue of admissible errors (n,) or (n, k): next to rounding, and twice what was computed is charged."""
    moves = 2.0 * np.abs(objective.correction(errors))
    sizes = moves if moves.ndim == 1 else np.sqrt(np.square(moves).sum(axis=1))
    steepest = max(1.0, abs(objective.slope))
    lengths = np.sqrt(np.einsum("ij,ij->i", objective.x, objective.x))
    return Residue(moves, steepest * float(sizes @ lengths))


def dual_value(objective: Objective, errors: FloatArray, moves: FloatArray | None = None) -> float:
    """D(v) for errors (n,) or (n, k), less what coefficients that cost can save; rounding aside.

    With ``moves`` in the shape of the errors the least value of errors that differ by no more.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if moves is None or not moves.any():
            value = objective.loss.dual(errors)
        else:
            value = float(objective.loss.dual_near(errors, moves).sum())
        if objective.ridge > 0.0:
            along = objective.free.T @ errors
            value -= float(np.vdot(along, along)) / (4.0 * objective.ridge)
    return value if np.isfinite(value) else -np.inf


def dual_rounding(objective: Objective, errors: FloatArray) -> float:
    """What rounding can add to `dual_value` for errors (n,) or (n, k)."""
    return 4.0 * (errors.size + 8) * EPS * objective.loss.magnitude(errors)
