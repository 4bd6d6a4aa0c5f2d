"""The minimum of a smooth loss of one linear layer, by damped Newton steps."""

from typing import Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from service.core.convex_losses.class_shares import ClassShares
from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.one_layer.coordinates import Coordinates

STEPS: Final = 400
HALVINGS: Final = 60
RIDGES: Final = (0.0, 1e-14, 1e-12, 1e-10, 1e-8, 1e-5, 1e-2)
"""Of the scaled Hessian, tried in turn until it is positive definite."""
DONE: Final = 1e-26
"""Predicted decrease, relative to the loss, below which nothing is left to gain."""
DENSE: Final = 900
"""Coefficients up to which the Hessian of a softmax is formed."""
PRODUCTS: Final = 400
"""Products with the Hessian for one step, where it is not formed."""


class SmoothProblem:
    """Value, slope and Newton step of a loss in coordinates c (k, r), counted from weights that are known.

    Parameters
    ----------
    coordinates : Coordinates
    loss : ScalarLoss or ClassShares
    begun : (m, r) array
        Predictions of those weights.
    paid : (q, r) array
        Square roots of decays times their coefficients.
    """

    def __init__(
        self, coordinates: Coordinates, loss: ScalarLoss | ClassShares, begun: FloatArray, paid: FloatArray
    ) -> None:
        self.loss, self.columns, self.rooted = loss, coordinates.columns, coordinates.rooted
        self.begun, self.paid, self.bent = begun, paid, 2.0 * coordinates.costs

    def value(self, at: FloatArray) -> float:
        """P of coordinates (k, r)."""
        predictions = self.begun + self.columns @ at
        fit = self.loss.value(predictions if isinstance(self.loss, ClassShares) else predictions[:, 0])
        return fit + float(np.square(self.paid + self.rooted @ at).sum())

    def start(self) -> FloatArray:
        """Zero (k, r), or the least squares fit where a loss grows with differences from targets."""
        zero = np.zeros((self.columns.shape[1], self.begun.shape[1]))
        if isinstance(self.loss, ClassShares) or self.loss.centred() is None:
            return zero
        wanted = self.columns.T @ (self.loss.y - self.begun[:, 0]) - 2.0 * self.rooted.T @ self.paid[:, 0]
        fit = solved(self.columns.T @ self.columns + self.bent, wanted)[:, None]
        return fit if self.value(fit) < self.value(zero) else zero

    def slope_and_step(self, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gradient (k, r) and Newton step (k, r)."""
        predictions = self.begun + self.columns @ at
        pull = 2.0 * self.rooted.T @ (self.paid + self.rooted @ at)
        if isinstance(self.loss, ClassShares):
            return self._softmax_step(self.loss, predictions, pull)
        slope = self.columns.T @ self.loss.slope(predictions[:, 0])[:, None] + pull
        weights = self.loss.curvature(predictions[:, 0])
        hessian = self.columns.T @ (weights[:, None] * self.columns) + self.bent
        return slope, -solved(hessian, slope[:, 0])[:, None]

    def _softmax_step(
        self, loss: ClassShares, predictions: FloatArray, pull: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        shares = loss.shares(predictions)
        slope = pull - self.columns.T @ loss.errors(shares)
        if slope.size > DENSE:
            return slope, -self._by_products(loss, shares, slope)
        free, classes = slope.shape
        hessian = np.zeros((classes, free, classes, free))
        for one, other, weights in loss.bends(shares):
            block = self.columns.T @ (weights[:, None] * self.columns)
            hessian[one, :, other], hessian[other, :, one] = block, block
        for one in range(classes):
            hessian[one, :, one] += self.bent
        step = solved(hessian.reshape(slope.size, slope.size), slope.T.ravel())
        return slope, -step.reshape(classes, free).T

    def _by_products(self, loss: ClassShares, shares: FloatArray, slope: FloatArray) -> FloatArray:
        """Conjugate gradients, preconditioned by the largest curvature that a softmax can have (Böhning 1992)."""
        largest = 0.5 * self.columns.T @ self.columns + self.bent
        factor = cho_factor(largest + 1e-12 * np.diag(np.diag(largest) + 1e-300))

        weighted = loss.totals[:, None] * shares

        def product(vector: FloatArray) -> FloatArray:
            along = self.columns @ vector
            turned = weighted * along - shares * (weighted * along).sum(axis=1, keepdims=True)
            return np.asarray(self.columns.T @ turned + self.bent @ vector)

        found, rest = np.zeros_like(slope), slope.copy()
        turned = cho_solve(factor, rest)
        direction, size = turned.copy(), float((rest * turned).sum())
        goal = size * 1e-10
        for _ in range(PRODUCTS):
            if size <= goal:
                break
            image = product(direction)
            curved = float((direction * image).sum())
            if curved <= 0.0:
                break
            found += size / curved * direction
            rest -= size / curved * image
            turned = cho_solve(factor, rest)
            grown = float((rest * turned).sum())
            direction = turned + grown / size * direction
            size = grown
        return found


def solved(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solution (q,) of a system that is positive semidefinite, scaled to a diagonal of ones, with the least ridge."""
    diagonal = matrix.diagonal()
    units = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    scaled = matrix * units * units[:, None]
    for ridge in RIDGES:
        try:
            factor = cho_factor(scaled + ridge * np.eye(len(scaled)))
        except (np.linalg.LinAlgError, ValueError):
            continue
        found = units * cho_solve(factor, units * right)
        if np.isfinite(found).all():
            return np.asarray(found)
    return right * units * units


def minimised(problem: SmoothProblem, at: FloatArray) -> FloatArray:
    """Coefficients (q, r) at which no Newton step leads further down."""
    value = problem.value(at)
    idle = 0
    for _ in range(STEPS):
        slope, step = problem.slope_and_step(at)
        gained = -float((slope * step).sum())
        if not gained > DONE * max(abs(value), 1e-300):
            break
        share, moved, reached = _searched(problem, at, step, value, gained)
        if share == 0.0:
            # a value is told to its rounding only: the slope says more
            moved, reached, better = _by_slope(problem, at, step, slope)
            if not better:
                break
            idle += 1
            if idle > 3:
                break
        at, value = moved, reached
        if should_stop():
            break
    return at


def _searched(
    problem: SmoothProblem, at: FloatArray, step: FloatArray, value: float, gained: float
) -> tuple[float, FloatArray, float]:
    share = 1.0
    for _ in range(HALVINGS):
        moved = at + share * step
        reached = problem.value(moved)
        if np.isfinite(reached) and reached < value - 1e-4 * share * gained:
            return share, moved, reached
        share *= 0.5
    return 0.0, at, value


def _by_slope(
    problem: SmoothProblem, at: FloatArray, step: FloatArray, slope: FloatArray
) -> tuple[FloatArray, float, bool]:
    """A full step, if the gradient shrinks by it."""
    moved = at + step
    reached = problem.value(moved)
    after = problem.slope_and_step(moved)[0]
    better = bool(np.isfinite(reached) and np.linalg.norm(after) < 0.9 * np.linalg.norm(slope))
    return moved, reached, better
