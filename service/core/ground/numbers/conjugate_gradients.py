"""Newton directions by preconditioned conjugate gradients, cut off at negative curvature.

J. Nocedal and S. J. Wright, Numerical Optimization, 2nd edition, algorithm 7.1.
"""

from math import sqrt
from typing import Protocol, Self, TypeVar


class Displacement(Protocol):
    """What a step is made of: arrays of any number and shape."""

    def dot(self, other: Self, /) -> float:
        """Inner product."""

    def plus(self, other: Self, factor: float, /) -> Self:
        """``self + factor other``."""

    def times(self, factor: float, /) -> Self:
        """``factor self``."""


Step = TypeVar("Step", bound=Displacement)


class LocalModel(Protocol[Step]):
    """An objective to second order at one point."""

    @property
    def gradient(self) -> Step:
        """Gradient."""

    def hessian(self, step: Step, /) -> Step:
        """Hessian times a step."""

    def precondition(self, residual: Step, /) -> Step:
        """A positive definite approximation of the inverse of the Hessian, times a residual."""


def newton_direction(model: LocalModel[Step], goal: float, steps: int) -> Step:
    """A direction of descent, Newton's to the accuracy that is asked for.

    Parameters
    ----------
    model : LocalModel
    goal : float
        Norm of the residual at which to stop.
    steps : int
        Products with the Hessian at most.

    Notes
    -----
    Where the curvature is not positive the steps so far are returned, or the preconditioned gradient if there are none.
    """
    residual = model.gradient.times(-1.0)
    search = model.precondition(residual)
    product = residual.dot(search)
    step = residual.times(0.0)
    for index in range(steps):
        curved = model.hessian(search)
        curvature = search.dot(curved)
        if curvature <= 0.0:
            return search if index == 0 else step
        length = product / curvature
        step = step.plus(search, length)
        residual = residual.plus(curved, -length)
        if sqrt(residual.dot(residual)) <= goal:
            break
        conditioned = model.precondition(residual)
        following = residual.dot(conditioned)
        if following <= 0.0:
            break
        search = conditioned.plus(search, following / product)
        product = following
    return step
