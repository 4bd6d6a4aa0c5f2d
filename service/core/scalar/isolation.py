"""Certified isolation of the real roots of a smooth function, and Newton's method inside brackets.

Bounds on the first and second derivative, valid on the whole line, turn values at two nodes into a proof
that nothing, or exactly one root, lies between them.  All open intervals are treated in one numpy call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from service.core.arrays import BoolArray, FloatArray

TANGENTIAL = 1e-9
"""Intervals shorter than this that stay undecided hold a (near) double root."""

CONVERGED = 1e-9
"""A Newton step this short is the last one: the error after it is of the order of its square."""


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

    def take(self, mask: BoolArray) -> "Nodes":
        """The nodes that the mask selects."""
        return Nodes(self.t[mask], self.value[mask], self.slope[mask])

    def joined(self, other: "Nodes") -> "Nodes":
        """These nodes, then the others."""
        return Nodes(
            np.concatenate((self.t, other.t)),
            np.concatenate((self.value, other.value)),
            np.concatenate((self.slope, other.slope)),
        )


@dataclass(frozen=True, slots=True)
class Brackets:
    """Intervals with exactly one simple root each, by their end nodes."""

    left: Nodes
    right: Nodes

    @property
    def rising(self) -> BoolArray:
        """Whether the function goes from negative to positive there."""
        rising: BoolArray = self.right.value >= 0.0
        return rising


Evaluate: TypeAlias = Callable[[FloatArray], Nodes]


def isolate(nodes: Nodes, evaluate: Evaluate, bounds: DerivativeBounds) -> Brackets:
    """Find brackets of all simple roots between the first and the last node.

    Parameters
    ----------
    nodes : Nodes
        Start grid; any spacing is correct, a small fraction of one over the curvature bound is quick.
    evaluate : callable
        Gives `Nodes` at new points.
    bounds : DerivativeBounds

    Returns
    -------
    Brackets
        In ascending order.  A root pair closer than `TANGENTIAL` is left out.
    """
    first, last = slice(None, -1), slice(1, None)
    left = Nodes(nodes.t[first], nodes.value[first], nodes.slope[first])
    right = Nodes(nodes.t[last], nodes.value[last], nodes.slope[last])
    found: Brackets | None = None
    while True:
        empty, monotone = _decide(left, right, bounds)
        crossing = monotone & ((left.value >= 0.0) != (right.value >= 0.0))
        if found is None or crossing.any():
            fresh = Brackets(left.take(crossing), right.take(crossing))
            found = fresh if found is None else Brackets(found.left.joined(fresh.left), found.right.joined(fresh.right))
        undecided = ~(empty | monotone) & (right.t - left.t >= TANGENTIAL)
        if not undecided.any():
            break
        left, right = left.take(undecided), right.take(undecided)
        middle = evaluate(0.5 * (left.t + right.t))
        left, right = left.joined(middle), middle.joined(right)
    if found.left.t.size > 1:
        order = np.argsort(found.left.t)
        found = Brackets(_ordered(found.left, order), _ordered(found.right, order))
    return found


def _ordered(nodes: Nodes, order: npt.NDArray[np.intp]) -> Nodes:
    return Nodes(nodes.t[order], nodes.value[order], nodes.slope[order])


def _decide(left: Nodes, right: Nodes, bounds: DerivativeBounds) -> tuple[BoolArray, BoolArray]:
    """Masks of the intervals proved free of roots and of those proved monotone."""
    h = right.t - left.t
    low, high = bounds.curvature_low * h, bounds.curvature_high * h
    d1, d2 = left.slope, right.slope
    monotone = (np.maximum(d1 + low, d2 - high) > 0.0) | (np.minimum(d1 + high, d2 - low) < 0.0)
    same = (left.value >= 0.0) == (right.value >= 0.0)
    positive = left.value >= 0.0
    # a negative function is minus a positive one, whose derivative bounds change places
    g1, g2 = np.abs(left.value), np.abs(right.value)
    fall = np.where(positive, -bounds.slope_low, bounds.slope_high)
    rise = np.where(positive, bounds.slope_high, -bounds.slope_low)
    bend = 0.5 * h * np.where(positive, low, -high)
    sign = np.where(positive, h, -h)
    clear = (g1 / fall + g2 / rise > h) | (np.maximum(g1 + d1 * sign, g2 - d2 * sign) + bend > 0.0)
    return same & (clear | monotone), monotone


def hermite_start(brackets: Brackets) -> FloatArray:
    """Root of the cubic through values and slopes at both ends, by three steps from the secant's."""
    h = brackets.right.t - brackets.left.t
    g1, g2 = brackets.left.value, brackets.right.value
    d1, d2 = brackets.left.slope * h, brackets.right.slope * h
    cubic = 2.0 * (g1 - g2) + d1 + d2
    square = g2 - g1 - d1 - cubic
    x = g1 / (g1 - g2)
    for _ in range(3):
        value = g1 + x * (d1 + x * (square + x * cubic))
        slope = d1 + x * (2.0 * square + 3.0 * x * cubic)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.clip(np.where(slope == 0.0, x, x - value / slope), 0.0, 1.0)
    return brackets.left.t + x * h


def polish(brackets: Brackets, evaluate: Evaluate, iterations: int = 100) -> FloatArray:
    """Roots in the brackets to rounding, by Newton steps that never leave their bracket, all at once.

    Parameters
    ----------
    brackets : Brackets
    evaluate : callable
        Gives `Nodes` at one point for each bracket.
    iterations : int

    Returns
    -------
    (r,) array
    """
    low, high, rising = brackets.left.t, brackets.right.t, brackets.rising
    if not low.size:
        return low
    root = hermite_start(brackets)
    for _ in range(iterations):
        nodes = evaluate(root)
        after = (nodes.value >= 0.0) == rising
        low, high = np.where(after, low, root), np.where(after, root, high)
        flat = nodes.slope == 0.0
        newton = root - nodes.value / np.where(flat, 1.0, nodes.slope)
        outside = (newton < low) | (newton > high) | flat
        proposal = np.where(outside, 0.5 * (low + high), newton) if outside.any() else newton
        longest = float(np.abs(proposal - root).max())
        root = proposal
        if longest <= CONVERGED:
            break
    return root
