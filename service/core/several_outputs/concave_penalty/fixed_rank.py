"""Newton steps on the maps of one rank, where a penalty of positive singular values is smooth.

Tangent vectors at ``U diag(sigma) W^T`` are ``U M W^T + A W^T + U B^T`` with ``U^T A = 0`` and ``W^T B = 0``; products
are formed with thin factors only.  See ``docs/theory/deep-bounds.md``.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.conjugate_gradients import newton_direction
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.stopping import should_stop
from service.core.several_outputs.concave_penalty.penalised import Penalised

NEWTON_STEPS = 40
CG_STEPS = 60
HALVINGS = 30
SETTLED = 1e-14
UNEQUAL = 1e-2
"""Least of the inputs' scales, relative to the largest, below which conjugate gradients may lose their digits."""
PATIENCE = 10
"""Steps by them after which, or once they stall, the Hessian itself is then asked for."""
STALLED = 1e-12
MOST_DIMENSIONS = 300
"""Dimensions up to which it is: as many products a step."""
EQUAL = 1e-7
"""Relative difference of singular values below which a divided difference is a derivative."""


class Tangent(NamedTuple):
    """Components M (r, r), A (k, r), B (rho, r)."""

    core: FloatArray
    outer: FloatArray
    inner: FloatArray

    def dot(self, other: "Tangent") -> float:
        """Inner product of the maps."""
        return float(
            np.vdot(self.core, other.core) + np.vdot(self.outer, other.outer) + np.vdot(self.inner, other.inner)
        )

    def plus(self, other: "Tangent", factor: float) -> "Tangent":
        """``self + factor other``."""
        return Tangent(
            self.core + factor * other.core, self.outer + factor * other.outer, self.inner + factor * other.inner
        )

    def times(self, factor: float) -> "Tangent":
        """``factor self``."""
        return Tangent(factor * self.core, factor * self.outer, factor * self.inner)


class Point(NamedTuple):
    """A map by its singular value decomposition: columns, values, columns."""

    left: FloatArray
    values: FloatArray
    right: FloatArray

    def dense(self) -> FloatArray:
        """The map (k, rho)."""
        result: FloatArray = (self.left * self.values) @ self.right.T
        return result


class _Model:
    """Gradient, Hessian and preconditioner of half the objective at a point."""

    def __init__(self, objective: Penalised, at: Point) -> None:
        self.at, self.squares = at, objective.quadratic.scales**2
        left, values, right = at
        self.weights = objective.weights(values)
        error = objective.gradient(at.dense())
        self.pulled, self.pushed = error @ right, error.T @ left
        first = self.weights * values
        core = left.T @ self.pulled
        self.normal_outer = self.pulled - left @ core
        self.normal_inner = self.pushed - right @ core.T
        self.error = error
        self.gradient = Tangent(core + np.diag(first), self.normal_outer, self.normal_inner)
        second = 0.5 * objective.penalty * objective.power * (objective.power - 1.0) * values ** (objective.power - 2.0)
        apart = values[:, None] - values[None, :]
        same = np.abs(apart) <= EQUAL * values[0]
        divided = (first[:, None] - first[None, :]) / np.where(same, 1.0, apart)
        self.symmetric = np.where(same, 0.5 * (second[:, None] + second[None, :]), divided)
        self.skew = (first[:, None] + first[None, :]) / (values[:, None] + values[None, :])
        self.left_block = np.linalg.inv((right.T * self.squares) @ right + np.diag(self.weights))
        self.right_block = 1.0 / (self.squares[:, None] + self.weights)
        self.square = left.shape[0] == values.size

    @property
    def dimension(self) -> int:
        """Of the space of maps of this rank."""
        rank = self.at.values.size
        return int(rank * (self.at.left.shape[0] + self.at.right.shape[0] - rank))

    def hessian(self, step: Tangent) -> Tangent:
        left, values, right = self.at
        change = ((left @ step.core + step.outer) @ right.T + left @ step.inner.T) * self.squares
        pulled, pushed = change @ right, change.T @ left
        core = left.T @ pulled
        swap = step.core.T
        inner = pushed - right @ core.T + step.inner * self.weights
        if self.square:
            outer = np.zeros_like(step.outer)
        else:
            bent = self.error @ (step.inner / values)
            outer = pulled - left @ core + step.outer * self.weights + bent - left @ (left.T @ bent)
            turned = self.error.T @ (step.outer / values)
            inner += turned - right @ (right.T @ turned)
        core = core + 0.5 * (self.symmetric * (step.core + swap) + self.skew * (step.core - swap))
        return Tangent(core, outer, inner)

    def precondition(self, residual: Tangent) -> Tangent:
        """Inverse of the Hessian of the error and of weights that are held, on the two factors apart."""
        _, _, right = self.at
        rows = (right @ residual.core.T + residual.inner) * self.right_block
        core = rows.T @ right
        outer = residual.outer if self.square else residual.outer @ self.left_block
        return Tangent(core, outer, rows - right @ core.T)


def newton(objective: Penalised, start: Point) -> Point:
    """Descend by truncated Newton steps until the gradient is rounding.

    Parameters
    ----------
    objective : Penalised
    start : Point
        Positive singular values.

    Notes
    -----
    A step costs some ten products O(k rho r) for each conjugate gradient.  Stops where no step descends; a singular
    value that the descent would make zero stays small, and is for the caller to drop.
    """
    point, value = start, half_value(objective, start)
    model = _Model(objective, point)
    size = np.sqrt(model.gradient.dot(model.gradient))
    unit = max(objective.quadratic.correlation_norm, 1e-300)
    unequal = objective.quadratic.least_scale < UNEQUAL * objective.quadratic.largest_scale
    for index in range(NEWTON_STEPS):
        if size <= SETTLED * unit or should_stop():
            break
        exact = unequal and model.dimension <= MOST_DIMENSIONS
        moved = None
        if index < PATIENCE or not exact:
            moved = _searched(objective, model, _direction(model, size, unit), value)
        if moved is None and exact and size > STALLED * unit:
            moved = _searched(objective, model, _exact_direction(model), value)
        if moved is None or not moved.values.size:
            point = moved or point
            break
        following = _Model(objective, moved)
        shorter = np.sqrt(following.gradient.dot(following.gradient))
        settled = shorter >= 0.5 * size and size <= 1e-11 * unit
        if settled and shorter >= size:
            break
        point, value, model, size = moved, half_value(objective, moved), following, shorter
        if settled:
            break
    return point


def _searched(objective: Penalised, model: "_Model", step: Tangent, value: float) -> Point | None:
    """The longest of the halved steps that descends; none if only rounding could be gained."""
    slope, rounding = model.gradient.dot(step), abs(objective.quadratic.total)
    for halving in range(HALVINGS):
        length = 0.5**halving
        if halving and length * abs(slope) < EPSILON * rounding:
            return None
        candidate = _retract(model.at, step, length)
        reached = half_value(objective, candidate)
        if reached <= value + 1e-4 * length * slope:
            return candidate
        if not halving and abs(reached - value) <= 1e-11 * rounding:
            # differences of values are rounding here: the gradient decides
            tried = _Model(objective, candidate)
            if tried.gradient.dot(tried.gradient) < 0.25 * model.gradient.dot(model.gradient):
                return candidate
    return None


def half_value(objective: Penalised, point: Point) -> float:
    """Half the objective."""
    return 0.5 * (objective.fit(point.dense()) + float(np.sum(objective.penalties(point.values))))


def _direction(model: _Model, size: float, unit: float) -> Tangent:
    """Newton direction by conjugate gradients, the closer to the minimum the more precise."""
    return newton_direction(model, min(0.1, sqrt(size / unit)) * size, CG_STEPS)


def _exact_direction(model: _Model) -> Tangent:
    """Newton direction from the Hessian itself, for inputs on which conjugate gradients lose their digits.

    Scaled by its diagonal, so that inputs of all sizes count alike, and raised until it is positive.
    """
    left, values, right = model.at
    rank = values.size
    spaces = [(np.linalg.svd(frame, full_matrices=True)[0][:, rank:], frame.shape[0] - rank) for frame in (left, right)]
    (beside, above), (below, under) = spaces
    sizes = (rank * rank, rank * (rank + above))

    def tangent(entries: FloatArray) -> Tangent:
        core, outer, inner = np.split(entries, sizes)
        return Tangent(
            core.reshape(rank, rank), beside @ outer.reshape(above, rank), below @ inner.reshape(under, rank)
        )

    def entries(step: Tangent) -> FloatArray:
        return np.concatenate([step.core.ravel(), (beside.T @ step.outer).ravel(), (below.T @ step.inner).ravel()])

    columns = [entries(model.hessian(tangent(unit))) for unit in np.eye(model.dimension)]
    hessian = 0.5 * (np.array(columns) + np.array(columns).T)
    diagonal = np.abs(hessian.diagonal())
    units = 1.0 / np.sqrt(np.maximum(diagonal, EPSILON**2 * float(np.max(diagonal))))
    curvatures, frame = np.linalg.eigh(hessian * np.outer(units, units))
    slope = frame.T @ (entries(model.gradient) * units)
    step = -frame @ (slope / np.maximum(np.abs(curvatures), 1e-12)) * units
    return tangent(step)


def _retract(point: Point, step: Tangent, length: float) -> Point:
    """A map of the same rank near ``point + length step``."""
    left, values, right = point
    outer = left * values + length * (left @ step.core + step.outer)
    inner = right + length * step.inner / values
    return factored(outer, inner)


def factored(outer: FloatArray, inner: FloatArray) -> Point:
    """Singular value decomposition of ``outer inner^T`` for columns (k, r) and (rho, r)."""
    left_basis, left_corner = np.linalg.qr(outer)
    right_basis, right_corner = np.linalg.qr(inner)
    left, values, right = np.linalg.svd(left_corner @ right_corner.T)
    size = max(float(values[0]), 1e-300) if values.size else 1.0
    kept = values > 1e-14 * size
    return Point(left_basis @ left[:, kept], values[kept], right_basis @ right[kept].T)
