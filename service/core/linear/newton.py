"""A Newton step for ``||A B^T diag(s) - target||^2 + mu (||A||^2 + ||B||^2)`` by preconditioned conjugate gradients."""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.linear.quadratic import Quadratic

CG_STEPS = 60


@dataclass(frozen=True, slots=True)
class Factors:
    """``left`` (k, r) and ``right`` (rho, r): the map is ``left right^T``."""

    left: FloatArray
    right: FloatArray

    def moved(self, direction: "Factors", step: float) -> "Factors":
        """The point ``self + step * direction``."""
        return Factors(self.left + step * direction.left, self.right + step * direction.right)

    def dot(self, other: "Factors") -> float:
        """Euclidean inner product."""
        return float(np.sum(self.left * other.left) + np.sum(self.right * other.right))


class _Model:
    """Objective, gradient, Hessian and preconditioner at one point (all divided by 2)."""

    def __init__(self, quadratic: Quadratic, mu: float, at: Factors) -> None:
        self.mu, self.at = mu, at
        self.squares = quadratic.scales**2
        self.error = (at.left @ at.right.T) * self.squares - quadratic.correlation
        self.gradient = Factors(
            self.error @ at.right + mu * at.left,
            self.error.T @ at.left + mu * at.right,
        )
        inner = (at.right.T * self.squares) @ at.right
        self._left_values, self._left_frame = np.linalg.eigh(inner)
        self._right_values, self._right_frame = np.linalg.eigh(at.left.T @ at.left)

    def value(self, quadratic: Quadratic) -> float:
        """Half the objective without the residual."""
        misfit = (self.at.left @ self.at.right.T) * quadratic.scales - quadratic.target
        return 0.5 * (float(np.sum(misfit * misfit)) + self.mu * self.at.dot(self.at))

    def hessian(self, step: Factors) -> Factors:
        """Hessian times ``step``."""
        change = (step.left @ self.at.right.T + self.at.left @ step.right.T) * self.squares
        return Factors(
            change @ self.at.right + self.error @ step.right + self.mu * step.left,
            change.T @ self.at.left + self.error.T @ step.left + self.mu * step.right,
        )

    def precondition(self, residual: Factors) -> Factors:
        """Inverse of the two diagonal blocks of the Hessian."""
        left = (residual.left @ self._left_frame) / (np.maximum(self._left_values, 0.0) + self.mu) @ self._left_frame.T
        weights = self.squares[:, None] * np.maximum(self._right_values, 0.0) + self.mu
        right = (residual.right @ self._right_frame) / weights @ self._right_frame.T
        return Factors(left, right)


def _direction(model: _Model) -> Factors:
    """Approximate Newton direction; stops at negative curvature."""
    residual = Factors(-model.gradient.left, -model.gradient.right)
    size = np.sqrt(residual.dot(residual))
    goal = min(0.1, np.sqrt(size / model.mu)) * size
    search = model.precondition(residual)
    product = residual.dot(search)
    step = Factors(np.zeros_like(residual.left), np.zeros_like(residual.right))
    for index in range(CG_STEPS):
        curved = model.hessian(search)
        curvature = search.dot(curved)
        if curvature <= 0.0:
            return search if index == 0 else step
        length = product / curvature
        step = step.moved(search, length)
        residual = residual.moved(curved, -length)
        if np.sqrt(residual.dot(residual)) <= goal:
            break
        scaled = model.precondition(residual)
        following = residual.dot(scaled)
        search = scaled.moved(search, following / product)
        product = following
    return step


def newton_step(quadratic: Quadratic, mu: float, factors: Factors) -> tuple[Factors, float]:
    """One step with backtracking.

    Returns
    -------
    Factors, float
        The new point and the norm of half the gradient at the old one.
    """
    model = _Model(quadratic, mu, factors)
    size = float(np.sqrt(model.gradient.dot(model.gradient)))
    if size == 0.0:
        return factors, 0.0
    direction = _direction(model)
    slope = model.gradient.dot(direction)
    value = model.value(quadratic)
    length = 1.0
    for _ in range(40):
        moved = factors.moved(direction, length)
        following = _Model(quadratic, mu, moved)
        # near the end the values agree to rounding, and only the gradient still tells progress
        smaller = float(np.sqrt(following.gradient.dot(following.gradient))) < size
        if following.value(quadratic) <= value + 1e-4 * length * slope or (smaller and abs(slope) <= 1e-9 * value):
            return moved, size
        length *= 0.5
    return factors, size
