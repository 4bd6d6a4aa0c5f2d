"""The best lengths of units whose directions stay: a convex problem, solved by Newton steps within their signs."""

from typing import Final

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.nnls import non_negative
from service.core.relu.training.curvature import gauss_newton

_STEPS: Final = 12
_GAIN: Final = 1e-14


def relengthened(objective: Objective, units: HiddenUnits) -> HiddenUnits:
    """Units of the same directions, and what is free, at their best lengths; never a worse network.

    Each step minimises a quadratic model over lengths that are not negative.  ``O(n m^2)`` a step.
    """
    lengths = units.lengths
    if not len(units) or not (lengths > 0.0).all():
        return units
    directions = units.w / lengths[:, None]
    features = objective.features(directions) * units.signs
    best, value = units, objective.value(units)
    for _ in range(_STEPS):
        step = _step(objective, features, best)
        if step is None:
            break
        moved = _moved(objective, best, value, directions, step)
        if moved is None:
            break
        reached = objective.value(moved)
        gained, best, value = value - reached, moved, reached
        if gained <= _GAIN * abs(value):
            break
    return best


def _moved(
    objective: Objective, units: HiddenUnits, value: float, directions: FloatArray, step: FloatArray
) -> HiddenUnits | None:
    """The network on the way to a step, as far as the objective falls; None where it does not."""
    lengths, free = units.lengths, units.free
    size = 1.0
    while size > 1e-4:
        scaled = np.maximum(lengths + size * (step[: len(lengths)] - lengths), 0.0)
        moved = HiddenUnits(scaled[:, None] * directions, units.signs, free + size * (step[len(lengths) :] - free))
        if objective.value(moved) < value:
            return moved
        size *= 0.5
    return None


def _step(objective: Objective, features: FloatArray, units: HiddenUnits) -> FloatArray | None:
    """Lengths (m,) and coefficients of what is free that minimise the quadratic model at the network."""
    count = len(units)
    jacobian = np.concatenate([features, objective.free], axis=1)
    predictions = objective.predictions(units)
    now = np.concatenate([units.lengths, units.free])
    gradient = objective.loss.slope(predictions) @ jacobian
    gradient[:count] += objective.beta
    gradient[count:] += 2.0 * objective.ridge * units.free
    hessian = gauss_newton(jacobian, objective.loss.curvature(predictions))
    place = np.arange(len(hessian))
    hessian[place[count:], place[count:]] += 2.0 * objective.ridge
    hessian[place, place] *= 1.0 + 1e-12
    hessian[place, place] += 1e-13 * hessian.trace() / len(hessian) + 1e-300
    right = hessian @ now - gradient
    inner, cross, outer = hessian[count:, count:], hessian[count:, :count], hessian[:count, :count]
    if not len(inner):
        return non_negative(outer[:, :, None], right[:count, None])[:, 0]
    try:
        factor = cho_factor(inner, check_finite=False)
    except LinAlgError:
        return None
    turned = cho_solve(factor, np.column_stack([cross, right[count:]]), check_finite=False)
    reduced, side = outer - cross.T @ turned[:, :-1], right[:count] - cross.T @ turned[:, -1]
    lengths = non_negative(reduced[:, :, None], side[:, None])[:, 0]
    return np.concatenate([lengths, turned[:, -1] - turned[:, :-1] @ lengths])
