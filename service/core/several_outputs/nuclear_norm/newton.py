"""A Newton step for ``||A B^T diag(s) - target||^2 + mu (||A||^2 + ||B||^2)`` by preconditioned conjugate gradients."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.conjugate_gradients import newton_direction
from service.core.several_outputs.squared_error.quadratic import Quadratic

CG_STEPS = 60


@dataclass(frozen=True, slots=True)
class Factors:
    """``left`` (k, r) above ``right`` (rho, r) in one array: the map is ``left right^T``.

    Attributes
    ----------
    stacked : (k + rho, r) array
    outputs : int
        k.
    """

    stacked: FloatArray
    outputs: int

    @classmethod
    def of(cls, left: FloatArray, right: FloatArray) -> "Factors":
        """From the factors (k, r) and (rho, r)."""
        return cls(np.concatenate((left, right)), left.shape[0])

    @property
    def left(self) -> FloatArray:
        """Factor (k, r) of the outputs."""
        return self.stacked[: self.outputs]

    @property
    def right(self) -> FloatArray:
        """Factor (rho, r) of the inputs."""
        return self.stacked[self.outputs :]

    def plus(self, other: "Factors", factor: float) -> "Factors":
        """``self + factor other``."""
        return Factors(self.stacked + factor * other.stacked, self.outputs)

    def times(self, factor: float) -> "Factors":
        """``factor self``."""
        return Factors(factor * self.stacked, self.outputs)

    def dot(self, other: "Factors") -> float:
        """Euclidean inner product."""
        return float(np.vdot(self.stacked, other.stacked))


class _Model:
    """Objective, gradient, Hessian and preconditioner at one point (all divided by 2)."""

    def __init__(self, quadratic: Quadratic, mu: float, at: Factors) -> None:
        self.mu, self.at = mu, at
        self.squares = quadratic.scales**2
        self.error = (at.left @ at.right.T) * self.squares - quadratic.correlation
        self.gradient = Factors.of(self.error @ at.right, self.error.T @ at.left).plus(at, mu)
        inner = (at.right.T * self.squares) @ at.right
        left_values, self._left_frame = np.linalg.eigh(inner)
        right_values, self._right_frame = np.linalg.eigh(at.left.T @ at.left)
        self._left_inverse = 1.0 / (np.maximum(left_values, 0.0) + mu)
        self._right_inverse = 1.0 / (self.squares[:, None] * np.maximum(right_values, 0.0) + mu)

    def value(self, quadratic: Quadratic) -> float:
        """Half the objective without the residual."""
        misfit = (self.at.left @ self.at.right.T) * quadratic.scales - quadratic.target
        return 0.5 * (float(np.sum(misfit * misfit)) + self.mu * self.at.dot(self.at))

    def hessian(self, step: Factors) -> Factors:
        """Hessian times ``step``."""
        change = (step.left @ self.at.right.T + self.at.left @ step.right.T) * self.squares
        product = Factors(self.mu * step.stacked, step.outputs)
        product.left[...] += change @ self.at.right + self.error @ step.right
        product.right[...] += change.T @ self.at.left + self.error.T @ step.left
        return product

    def precondition(self, residual: Factors) -> Factors:
        """Inverse of the two diagonal blocks of the Hessian."""
        left = (residual.left @ self._left_frame) * self._left_inverse @ self._left_frame.T
        right = (residual.right @ self._right_frame) * self._right_inverse @ self._right_frame.T
        return Factors.of(left, right)


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
    direction = newton_direction(model, min(0.1, sqrt(size / mu)) * size, CG_STEPS)
    slope = model.gradient.dot(direction)
    value = model.value(quadratic)
    length = 1.0
    for _ in range(40):
        moved = factors.plus(direction, length)
        following = _Model(quadratic, mu, moved)
        # near the end the values agree to rounding, and only the gradient still shows progress
        smaller = float(np.sqrt(following.gradient.dot(following.gradient))) < size
        if following.value(quadratic) <= value + 1e-4 * length * slope or (smaller and abs(slope) <= 1e-9 * value):
            return moved, size
        length *= 0.5
    return factors, size
