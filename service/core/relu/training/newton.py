"""Newton's method on units, with kinks and lengths rounded by less and less.

The curvature of a kink counts only where it is convex, so that every matrix is positive definite, kinks are crossed or
settled on, and units that are zero on all samples are no trap.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.training.curvature import gauss_newton

_LAST: Final = 1e-8
_LARGE: Final = 400
"""Numbers of a network from which the stages are fewer and shorter."""


def settled(objective: Objective, units: HiddenUnits, start: float, stop: Callable[[], bool]) -> HiddenUnits:
    """The network after a homotopy from rounding ``start``, relative to its units; ``O(n (m d)^2)`` a step."""
    if not len(units) and not len(units.free):
        return units
    large = units.w.size > _LARGE
    factor, steps, last = (0.1, 3, 1e-6) if large else (0.2, 8, _LAST)
    sizes = units.lengths
    scale = float(sizes.mean()) if len(units) and sizes.any() else 1.0
    spread = _spread(objective, units)
    targets = float(np.abs(objective.loss.y).max(initial=0.0)) or 1.0
    rounding = start
    while rounding >= last and not stop():
        stage = _Stage(objective, rounding * scale * spread, rounding * scale, rounding * targets)
        for _ in range(steps):
            moved = stage.step(units)
            if moved is None:
                break
            units = moved
        rounding *= factor
    return units


def _spread(objective: Objective, units: HiddenUnits) -> float:
    """Root mean square of the products of units of length one, which inputs may be much longer than."""
    present = units.lengths > 0.0
    if not present.any():
        return 1.0
    directions = units.w[present] / units.lengths[present, None]
    return float(np.sqrt(np.square(objective.x @ directions.T).mean())) or 1.0


class _Stage:
    """The rounded objective of one stage."""

    def __init__(self, objective: Objective, kink: float, length: float, width: float) -> None:
        self.objective = objective
        self.loss = objective.loss.smoothed(width)
        self._kink = 4.0 * kink * kink
        self._length = length * length
        x = objective.x
        self._squares = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)

    def value(self, units: HiddenUnits) -> float:
        """The rounded objective."""
        problem = self.objective
        products = problem.x @ units.w.T
        rounded = 0.5 * (products + np.sqrt(np.square(products) + self._kink))
        slope = problem.slope
        f = ((1.0 - slope) * rounded + slope * products) @ units.signs + problem.free @ units.free
        lengths = np.sqrt(np.einsum("ij,ij->i", units.w, units.w) + self._length)
        ridge = problem.ridge * float(units.free @ units.free)
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.loss.rounded_value(f) + problem.beta * lengths.sum() + ridge)

    def step(self, units: HiddenUnits) -> HiddenUnits | None:
        """One damped step; None where nothing is gained any more."""
        problem, slope = self.objective, self.objective.slope
        count, dimension = units.w.shape
        products = problem.x @ units.w.T
        roots = np.sqrt(np.square(products) + self._kink)
        f = (0.5 * (1.0 - slope) * (products + roots) + slope * products) @ units.signs + problem.free @ units.free
        first, second = self.loss.slope(f), self.loss.curvature(f)
        active = 0.5 * (1.0 - slope) * (1.0 + products / roots) + slope
        bend = 0.5 * (1.0 - slope) * self._kink / (roots * roots * roots)
        lengths = np.sqrt(np.einsum("ij,ij->i", units.w, units.w) + self._length)
        jacobian = np.concatenate(
            [
                ((active * units.signs)[:, :, None] * problem.x[:, None, :]).reshape(len(f), count * dimension),
                problem.free,
            ],
            axis=1,
        )
        gradient = first @ jacobian
        gradient[: count * dimension] += (problem.beta / lengths[:, None] * units.w).ravel()
        gradient[count * dimension :] += 2.0 * problem.ridge * units.free
        hessian = gauss_newton(jacobian, second)
        convex = np.maximum(first[:, None] * units.signs, 0.0) * bend
        blocks = (convex.T @ self._squares).reshape(count, dimension, dimension)
        shares = units.w / lengths[:, None]
        blocks += (problem.beta / lengths)[:, None, None] * (
            np.eye(dimension) - shares[:, :, None] * shares[:, None, :]
        )
        for unit in range(count):
            place = slice(unit * dimension, (unit + 1) * dimension)
            hessian[place, place] += blocks[unit]
        size = np.arange(len(hessian))
        hessian[size, size] += 1e-12 * np.abs(hessian[size, size]).mean() + 1e-300
        hessian[size[count * dimension :], size[count * dimension :]] += 2.0 * problem.ridge
        try:
            move = -cho_solve(cho_factor(hessian, check_finite=False), gradient, check_finite=False)
        except LinAlgError:
            return None
        slope_along = float(gradient @ move)
        if not np.isfinite(slope_along) or slope_along >= 0.0:
            return None
        before = self.value(units)
        if -slope_along <= 1e-15 * abs(before):
            return None
        size_ = 1.0
        while size_ > 1e-8:
            w = units.w + size_ * move[: count * dimension].reshape(count, dimension)
            moved = HiddenUnits(w, units.signs, units.free + size_ * move[count * dimension :])
            if self.value(moved) <= before + 1e-4 * size_ * slope_along:
                return moved
            size_ *= 0.5
        return None
