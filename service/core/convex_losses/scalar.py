"""Losses of one prediction with what duality needs: slope, curvature and conjugate; sums over samples, not means.

For ``v`` with entries ``-l'(f)``, ``D(v) = sum_i -l_i*(-v_i)`` is a lower bound of what any prediction that is not
correlated with v can reach.  Source: the table of ``docs/theory/relu-networks.md``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from service.core.ground.numbers.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class ScalarLoss(ABC):
    """A convex loss of predictions f (n,) against targets.

    Attributes
    ----------
    y : (n,) array
        Targets; of classes -1 and +1 where the loss has classes.
    """

    y: FloatArray

    @abstractmethod
    def each(self, predictions: FloatArray) -> FloatArray:
        """Loss of each sample (n,)."""

    @abstractmethod
    def slope(self, predictions: FloatArray) -> FloatArray:
        """First derivative (n,); of a loss with kinks that of its smoothed form."""

    @abstractmethod
    def curvature(self, predictions: FloatArray) -> FloatArray:
        """Second derivative (n,), at least 0."""

    @abstractmethod
    def dual_each(self, errors: FloatArray) -> FloatArray:
        """``-l*(-v)`` of each sample (n,); minus infinity outside the domain."""

    def value(self, predictions: FloatArray) -> float:
        """Sum of the losses for predictions (n,)."""
        return float(self.each(predictions).sum())

    def rounded_value(self, predictions: FloatArray) -> float:
        """Sum of the losses for predictions (n,), with kinks rounded, whose derivative is `slope`."""
        return self.value(predictions)

    def dual(self, errors: FloatArray) -> float:
        """D(v), concave, for errors (n,)."""
        return float(self.dual_each(errors).sum())

    def magnitude(self, errors: FloatArray) -> float:
        """Sum of the sizes of what `dual` adds up for errors (n,), by which its rounding is bounded."""
        return float(np.abs(self.dual_each(errors)).sum())

    def room(self, errors: FloatArray) -> FloatArray:
        """How far errors (n,) are from the ends of the domain of `dual_each`, by which they may share a correction."""
        return np.ones_like(errors)

    def metric(self, errors: FloatArray, directions: FloatArray) -> FloatArray:
        """Directions, in the shape of errors (n,) or (n, k), along which these can move within the domain."""
        return self.room(errors) * directions

    def dual_near(self, errors: FloatArray, moves: FloatArray) -> FloatArray:
        """No more than any part of the dual at errors that differ from these, (n,) or (n, k), by at most ``moves``."""
        # concave, so that the least value is at an end
        return np.minimum(self.dual_each(errors - moves), self.dual_each(errors + moves))

    def centred(self) -> Self | None:
        """The loss of ``f - y`` alone, with targets zero; None where it is no function of that difference."""
        return None

    def with_targets(self, targets: FloatArray) -> Self:
        """The same loss of other targets (n,)."""
        return replace(self, y=targets)

    def size(self, predictions: FloatArray) -> FloatArray:
        """Sizes (n,) of what `each` adds up, by which its rounding is bounded."""
        return np.abs(self.each(predictions))

    def support(self, predictions: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """``min over f of l(f) + v (f - p)`` of each sample (n,), and the sizes of what it adds up.

        The supporting line of the slope -v, at the prediction p: at most the loss there, with equality for the errors
        v of the prediction; concave in v.
        """
        at_zero, moved = self.dual_each(errors), errors * predictions
        return at_zero - moved, np.where(np.isfinite(at_zero), np.abs(at_zero), 0.0) + np.abs(moved)

    def smoothed(self, _width: float) -> Self:
        """The loss with its kinks rounded within a width of the predictions; itself where it has none."""
        return self

    @property
    def has_kinks(self) -> bool:
        """Whether `slope` is that of a smoothed form."""
        return False
