"""What no function of the inputs can avoid: equal inputs with different targets.

A network gives equal inputs equal predictions, so that errors whose sums over equal inputs vanish are not correlated
with any network, and ``D(v)`` is a lower bound of every one.
"""

from typing import Final

import numpy as np

from service.core.convex_losses.differences import HalfSquaredLoss
from service.core.convex_losses.scalar import ScalarLoss
from service.core.convex_losses.softmax import SoftmaxLoss
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.relu.rows import EPS

_BISECTIONS: Final = 120
_KINK: Final = 1e-7
_LARGEST: Final = 1e6
"""Predictions beyond this are those of losses that are smallest at infinity."""


def groups_of(x: FloatArray) -> IntArray:
    """The group (n,) of each row of inputs (n, d): equal rows are in one."""
    # zero has two signs, which are equal
    return np.unique(x + 0.0, axis=0, return_inverse=True)[1].ravel()


def best_constants(loss: ScalarLoss, groups: IntArray) -> FloatArray:
    """Predictions (n, k) that are constant on groups (n,) and nearly the best; not for a softmax."""
    shape = (int(groups.max(initial=-1)) + 1, loss.y.shape[1])
    if isinstance(loss, HalfSquaredLoss):
        return _means(loss.y, groups)
    # at a kink the slope of one sample alone changes, which a little rounding spreads
    loss = loss.smoothed(_KINK * (1.0 + float(np.abs(loss.y).max(initial=0.0))))
    low, high = np.full(shape, -_LARGEST), np.full(shape, _LARGEST)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        with np.errstate(over="ignore", invalid="ignore"):
            above = _summed(loss.slope(middle[groups]), groups) > 0.0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray((0.5 * (low + high))[groups])


def inconsistent_errors(loss: ScalarLoss, groups: IntArray) -> FloatArray:
    """Errors (n, k) whose sums over groups (n,) vanish up to rounding, and whose dual is nearly the best such one."""
    if isinstance(loss, SoftmaxLoss):
        return loss.y - _means(loss.y, groups)
    sizes = np.bincount(groups)[groups]
    # one sample alone has no error at its best prediction, wherever that is
    constants = best_constants(loss, groups)
    loss = loss.smoothed(_KINK * (1.0 + float(np.abs(loss.y).max(initial=0.0))))
    errors = np.where(sizes[:, None] > 1, -loss.slope(constants), 0.0)
    for _ in range(2):
        errors = errors - _correction(loss, errors, groups)
    return errors


def inconsistency_bound(loss: ScalarLoss, errors: FloatArray, groups: IntArray) -> float:
    """The lower bound of every function of the inputs that errors (n, k) prove; minus infinity if they prove none.

    What their sums over groups (n,) still are is charged.
    """
    size = np.abs(errors).max(initial=0.0)
    if (np.abs(_summed(errors, groups)) > 1e3 * len(errors) * EPS * size).any():
        return -np.inf
    if isinstance(loss, SoftmaxLoss):
        # in exact arithmetic the mean of each group is one of probabilities, next to the one that was rounded
        moves = 4.0 * EPS * (np.abs(loss.y) + np.abs(errors))
    else:
        moves = 2.0 * np.abs(_correction(loss, errors, groups))
    with np.errstate(invalid="ignore"):
        value = float(loss.dual_near(errors, moves).sum())
    rounding = 4.0 * (errors.size + 8) * EPS * loss.magnitude(errors)
    return value - rounding if np.isfinite(value) else -np.inf


def _correction(loss: ScalarLoss, errors: FloatArray, groups: IntArray) -> FloatArray:
    """What is taken off errors (n, k) so that their sums over groups (n,) vanish, within the domain of the dual."""
    room = loss.room(errors)
    total = _summed(room, groups)
    share = np.where(total > 0.0, _summed(errors, groups) / np.where(total > 0.0, total, 1.0), 0.0)
    return np.asarray(room * share[groups])


def _summed(values: FloatArray, groups: IntArray) -> FloatArray:
    sums = np.zeros((int(groups.max(initial=-1)) + 1, values.shape[1]))
    np.add.at(sums, groups, values)
    return sums


def _means(values: FloatArray, groups: IntArray) -> FloatArray:
    return np.asarray((_summed(values, groups) / np.bincount(groups)[:, None])[groups])
