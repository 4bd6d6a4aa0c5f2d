"""Certified isolation of all real roots of a smooth function on an interval.

Bounds on the first and second derivative, valid on the whole line, turn values at two nodes into a proof
that nothing, or exactly one root, lies between them.  All open intervals are treated in one numpy call.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray

TANGENTIAL = 1e-9
"""Intervals shorter than this that stay undecided hold a (near) double root."""


@dataclass(frozen=True, slots=True)
class DerivativeBounds:
    """Bounds of the first (``slope``) and second (``curvature``) derivative on the whole line."""

    slope_low: float
    slope_high: float
    curvature_low: float
    curvature_high: float


@dataclass(frozen=True, slots=True)
class Nodes:
    """Values and derivatives of the function at ascending points ``t``, each of shape (m,)."""

    t: FloatArray
    value: FloatArray
    slope: FloatArray


@dataclass(frozen=True, slots=True)
class Isolated:
    """Result of `isolate`.

    Attributes
    ----------
    low, high : (r,) arrays
        Brackets with exactly one simple root each.
    rising : (r,) array of bool
        Whether the function goes from negative to positive there.
    tangential : (s,) array
        Midpoints of undecided intervals shorter than `TANGENTIAL`.
    """

    low: FloatArray
    high: FloatArray
    rising: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
    tangential: FloatArray


Evaluate = Callable[[FloatArray], Nodes]


def isolate(nodes: Nodes, evaluate: Evaluate, bounds: DerivativeBounds) -> Isolated:
    """Find brackets of all roots between the first and the last node.

    Parameters
    ----------
    nodes : Nodes
        Start grid; any spacing is correct, about one unit of the derivative bounds is quick.
    evaluate : callable
        Gives `Nodes` at new points.
    bounds : DerivativeBounds

    Returns
    -------
    Isolated
        Brackets in ascending order.
    """
    left = (nodes.t[:-1], nodes.value[:-1], nodes.slope[:-1])
    right = (nodes.t[1:], nodes.value[1:], nodes.slope[1:])
    lows: list[FloatArray] = []
    highs: list[FloatArray] = []
    risings: list[FloatArray] = []
    tangential: list[FloatArray] = []
    while left[0].size:
        empty, monotone = _decide(left, right, bounds)
        crossing = (left[1] >= 0.0) != (right[1] >= 0.0)
        found = monotone & crossing
        if found.any():
            lows.append(left[0][found])
            highs.append(right[0][found])
            risings.append(right[1][found] >= 0.0)
        undecided = ~(empty | monotone)
        if not undecided.any():
            break
        left = (left[0][undecided], left[1][undecided], left[2][undecided])
        right = (right[0][undecided], right[1][undecided], right[2][undecided])
        middle = 0.5 * (left[0] + right[0])
        stuck = right[0] - left[0] < TANGENTIAL
        if stuck.any():
            tangential.append(middle[stuck])
            middle = middle[~stuck]
            left = (left[0][~stuck], left[1][~stuck], left[2][~stuck])
            right = (right[0][~stuck], right[1][~stuck], right[2][~stuck])
        added = evaluate(middle)
        half = (added.t, added.value, added.slope)
        left = tuple(np.concatenate(pair) for pair in zip(left, half, strict=True))  # type: ignore[assignment]  # zip loses the length 3
        right = tuple(np.concatenate(pair) for pair in zip(half, right, strict=True))  # type: ignore[assignment]  # zip loses the length 3
    return _sorted(lows, highs, risings, tangential)


def _decide(
    left: tuple[FloatArray, FloatArray, FloatArray],
    right: tuple[FloatArray, FloatArray, FloatArray],
    bounds: DerivativeBounds,
) -> tuple[FloatArray, FloatArray]:
    """Masks of the intervals proved free of roots and of those proved monotone."""
    (t1, g1, d1), (t2, g2, d2) = left, right
    h = t2 - t1
    low, high = bounds.curvature_low, bounds.curvature_high
    monotone = (d1 + low * h > 0.0) | (d2 - high * h > 0.0) | (d1 + high * h < 0.0) | (d2 - low * h < 0.0)
    positive = (g1 > 0.0) & (g2 > 0.0)
    negative = (g1 < 0.0) & (g2 < 0.0)
    fall, rise = -bounds.slope_low, bounds.slope_high
    square = 0.5 * h * h
    above = (g1 / fall + g2 / rise > h) | (g1 + d1 * h + low * square > 0.0) | (g2 - d2 * h + low * square > 0.0)
    below = (g1 / rise + g2 / fall < -h) | (g1 + d1 * h + high * square < 0.0) | (g2 - d2 * h + high * square < 0.0)
    return (positive & (above | monotone)) | (negative & (below | monotone)), monotone


def _sorted(
    lows: list[FloatArray], highs: list[FloatArray], risings: list[FloatArray], tangential: list[FloatArray]
) -> Isolated:
    nothing = np.empty(0)
    undecided = np.sort(np.concatenate(tangential)) if tangential else nothing
    if not lows:
        return Isolated(nothing, nothing, np.empty(0, dtype=bool), undecided)
    low, high, rising = np.concatenate(lows), np.concatenate(highs), np.concatenate(risings)
    order = np.argsort(low)
    return Isolated(low[order], high[order], rising[order].astype(bool), undecided)


def polish(isolated: Isolated, evaluate: Evaluate, iterations: int = 60) -> FloatArray:
    """Roots in the brackets to rounding, by Newton steps that never leave their bracket, all at once."""
    low, high = isolated.low.copy(), isolated.high.copy()
    if not low.size:
        return low
    root = 0.5 * (low + high)
    for _ in range(iterations):
        nodes = evaluate(root)
        right_of_root = (nodes.value >= 0.0) == isolated.rising
        high = np.where(right_of_root, root, high)
        low = np.where(right_of_root, low, root)
        slope = np.where(nodes.slope == 0.0, 1.0, nodes.slope)
        step = root - nodes.value / slope
        outside = (step < low) | (step > high) | (nodes.slope == 0.0)
        proposal = np.where(outside, 0.5 * (low + high), step)
        moved = np.abs(proposal - root)
        root = proposal
        if float(moved.max()) <= 4e-16 * max(1.0, float(np.abs(root).max())):
            break
    return root
