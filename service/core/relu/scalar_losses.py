"""Losses of one prediction with what duality needs: slope, curvature and conjugate; sums over samples, not means.

For ``v`` with entries ``-l'(f)``, ``D(v) = sum_i -l_i*(-v_i)`` is a lower bound of what any prediction that is not
correlated with v can reach.  Source: the table of ``docs/theory/relu-networks.md``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.special import entr, expit, xlogy

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
        """Sum of the losses."""
        return float(self.each(predictions).sum())

    def rounded_value(self, predictions: FloatArray) -> float:
        """Sum of the losses with their kinks rounded, whose derivative is `slope`."""
        return self.value(predictions)

    def dual(self, errors: FloatArray) -> float:
        """D(v), concave, for errors (n,)."""
        return float(self.dual_each(errors).sum())

    def magnitude(self, errors: FloatArray) -> float:
        """Sum of the sizes of what `dual` adds up, by which its rounding is bounded."""
        return float(np.abs(self.dual_each(errors)).sum())

    def smoothed(self, _width: float) -> Self:
        """The loss with its kinks rounded within a width of the predictions; itself where it has none."""
        return self

    @property
    def has_kinks(self) -> bool:
        """Whether `slope` is that of a smoothed form."""
        return False


@dataclass(frozen=True, slots=True)
class HalfSquared(ScalarLoss):
    """``(f - y)^2 / 2``."""

    def each(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return 0.5 * np.square(predictions - self.y)

    def slope(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return predictions - self.y

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return np.ones_like(predictions)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return errors * (self.y - 0.5 * errors)


@dataclass(frozen=True, slots=True)
class Logistic(ScalarLoss):
    """``log(1 + exp(-y f))``."""

    def each(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return np.logaddexp(0.0, -self.y * predictions)

    def slope(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return -self.y * expit(-self.y * predictions)

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return expit(predictions) * expit(-predictions)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        share = self.y * errors
        return entr(share) + entr(1.0 - share)


@dataclass(frozen=True, slots=True)
class SquaredHinge(ScalarLoss):
    """``max(1 - y f, 0)^2 / 2``."""

    def each(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return 0.5 * np.square(np.maximum(1.0 - self.y * predictions, 0.0))

    def slope(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return -self.y * np.maximum(1.0 - self.y * predictions, 0.0)

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return (self.y * predictions < 1.0).astype(float)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        share = self.y * errors
        return np.where(share >= 0.0, share - 0.5 * np.square(errors), -np.inf)


@dataclass(frozen=True, slots=True)
class Huber(ScalarLoss):
    """``e^2 / 2`` for errors up to ``delta``, ``delta (|e| - delta / 2)`` beyond."""

    delta: float

    def each(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        errors = np.abs(predictions - self.y)
        near = np.minimum(errors, self.delta)
        return near * (errors - 0.5 * near)

    def slope(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return np.clip(predictions - self.y, -self.delta, self.delta)

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return (np.abs(predictions - self.y) < self.delta).astype(float)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return np.where(np.abs(errors) <= self.delta, errors * (self.y - 0.5 * errors), -np.inf)


@dataclass(frozen=True, slots=True)
class Quantile(ScalarLoss):
    """``max(tau e, (tau - 1) e) scale`` for ``e = y - f``; tau 1/2 and scale 2 are the absolute error.

    ``width`` is that of the kink's quadratic rounding, which the values do not have.
    """

    tau: float
    scale: float = 1.0
    width: float = 1e-9

    def each(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        errors = self.y - predictions
        return self.scale * np.maximum(self.tau * errors, (self.tau - 1.0) * errors)

    def slope(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return -self.scale * np.clip((self.y - predictions) / self.width, self.tau - 1.0, self.tau)

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        share = (self.y - predictions) / self.width
        return np.where((share > self.tau - 1.0) & (share < self.tau), self.scale / self.width, 0.0)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        inside = (errors <= self.scale * self.tau) & (errors >= self.scale * (self.tau - 1.0))
        return np.where(inside, errors * self.y, -np.inf)

    def rounded_value(self, predictions: FloatArray) -> float:
        """See `ScalarLoss`."""
        errors = self.y - predictions
        share = np.clip(errors / self.width, self.tau - 1.0, self.tau)
        return float(self.scale * (share * (errors - 0.5 * self.width * share)).sum())

    def smoothed(self, width: float) -> "Quantile":
        """See `ScalarLoss`."""
        return replace(self, width=width)

    @property
    def has_kinks(self) -> bool:
        """See `ScalarLoss`."""
        return True


@dataclass(frozen=True, slots=True)
class Poisson(ScalarLoss):
    """``exp(f) - y f``, for counts y >= 0 and predicted logarithms of rates."""

    def each(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return np.exp(predictions) - self.y * predictions

    def slope(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return np.exp(predictions) - self.y

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        return np.exp(predictions)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """See `ScalarLoss`."""
        rate = self.y - errors
        safe = np.maximum(rate, 0.0)
        return np.where(rate >= 0.0, safe - xlogy(safe, safe), -np.inf)
