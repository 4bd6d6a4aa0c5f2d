"""One option a group, of least total value within a total weight: what a multiplier proves, and the choice it makes.

The multiple-choice knapsack.  Every multiplier gives a lower bound (Lagrange); the best of them is that of the linear
relaxation, found by filling segments of convex hulls in the order of what they gain (Sinha and Zoltners 1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.numbers.spectrum import EPSILON


@dataclass(frozen=True)
class OptionGroup:
    """Options of which one is chosen.

    Attributes
    ----------
    weights : (m,) array
        Ascending, not negative.
    values : (m,) array
        Descending, not negative.
    hull : (h,) array of int
        Options on the lower convex hull of (weights, values), ascending; the first and the last option are.
    """

    weights: FloatArray
    values: FloatArray
    hull: IntArray


@dataclass(frozen=True)
class LinearRelaxation:
    """The linear relaxation.

    Attributes
    ----------
    chosen : (g,) array of int
        The option of each group that fits: all segments before the one that no longer does.
    multiplier : float
        Value that a unit of weight is worth.
    bound : float
        No choice has a lower value, rounding allowed for.
    """

    chosen: IntArray
    multiplier: float
    bound: float


def relaxed(groups: Sequence[OptionGroup], capacity: float) -> LinearRelaxation:
    """Fill segments of the hulls by gain.  O(m log m) for m options in all.

    Parameters
    ----------
    groups : sequence of OptionGroup
    capacity : float
        Total weight, at least that of the first options.
    """
    gains, weights, owners = _segments(groups)
    order = np.argsort(-gains, kind="stable")
    filled = float(sum(group.weights[0] for group in groups)) + np.cumsum(weights[order])
    fitting = int(np.searchsorted(filled, capacity, side="right"))
    taken = np.bincount(owners[order[:fitting]], minlength=len(groups))
    chosen = np.array([group.hull[count] for group, count in zip(groups, taken, strict=True)], dtype=np.intp)
    multiplier = float(gains[order[fitting]]) if fitting < order.size else 0.0
    return LinearRelaxation(chosen, multiplier, proved(groups, capacity, multiplier))


def proved(groups: Sequence[OptionGroup], capacity: float, multiplier: float) -> float:
    """The lower bound of a multiplier: least value plus priced weight of each group, less the price of the capacity."""
    bound = _priced(groups, multiplier) - multiplier * capacity
    return max(bound - allowance(groups, capacity, multiplier), 0.0)


def allowance(groups: Sequence[OptionGroup], capacity: float, multiplier: float) -> float:
    """What rounding may have added to a bound, and to the value of a choice that is near it."""
    return 4.0 * (len(groups) + 2) * EPSILON * (_priced(groups, multiplier) + multiplier * capacity)


def _priced(groups: Sequence[OptionGroup], multiplier: float) -> float:
    """Sum over the groups of the least value plus priced weight."""
    return float(sum(float(np.min(group.values + multiplier * group.weights)) for group in groups))


def _segments(groups: Sequence[OptionGroup]) -> tuple[FloatArray, FloatArray, IntArray]:
    """Gain a unit of weight, weight, and group of every segment of the hulls."""
    gains, weights, owners = [], [], []
    for place, group in enumerate(groups):
        weight, gain = np.diff(group.weights[group.hull]), -np.diff(group.values[group.hull])
        with np.errstate(divide="ignore", invalid="ignore"):
            gains.append(np.where(weight > 0.0, gain / weight, np.finfo(float).max))
        weights.append(weight)
        owners.append(np.full(weight.size, place))
    return np.concatenate(gains), np.concatenate(weights), np.concatenate(owners)
