"""Losses of the difference of prediction and target: squared, Huber, absolute and quantile errors."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.numbers.arrays import FloatArray

_TINY: Final = 1e-300


@dataclass(frozen=True, slots=True)
class HalfSquaredLoss(ScalarLoss):
    """``(f - y)^2 / 2``."""

    def each(self, predictions: FloatArray) -> FloatArray:
        """Loss of each sample (n,) for predictions (n,)."""
        return 0.5 * np.square(predictions - self.y)

    def slope(self, predictions: FloatArray) -> FloatArray:
        """First derivative (n,) at predictions (n,)."""
        return predictions - self.y

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """Second derivative (n,) at predictions (n,)."""
        return np.ones_like(predictions)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """``-l*(-v)`` of each sample (n,) for errors (n,)."""
        return errors * (self.y - 0.5 * errors)


@dataclass(frozen=True, slots=True)
class WeightedSquaredLoss(ScalarLoss):
    """``c (f - y)^2 / 2`` with a positive factor c for each sample (n,)."""

    factors: FloatArray

    def each(self, predictions: FloatArray) -> FloatArray:
        """Loss of each sample (n,) for predictions (n,)."""
        return 0.5 * self.factors * np.square(predictions - self.y)

    def slope(self, predictions: FloatArray) -> FloatArray:
        """First derivative (n,) at predictions (n,)."""
        return self.factors * (predictions - self.y)

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """Second derivative (n,) at predictions (n,)."""
        return np.broadcast_to(self.factors, predictions.shape)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """``-l*(-v)`` of each sample (n,) for errors (n,)."""
        return errors * (self.y - 0.5 * errors / self.factors)

    def room(self, errors: FloatArray) -> FloatArray:
        """The factors (n,): a heavy sample takes more of a correction."""
        return np.broadcast_to(self.factors, errors.shape)

    def centred(self) -> "WeightedSquaredLoss":
        """The loss of differences."""
        return replace(self, y=np.zeros_like(self.y))


@dataclass(frozen=True, slots=True)
class HuberLoss(ScalarLoss):
    """``e^2 / 2`` for errors up to ``delta``, ``delta (|e| - delta / 2)`` beyond."""

    delta: float

    def centred(self) -> "HuberLoss":
        """The loss of differences."""
        return replace(self, y=np.zeros_like(self.y))

    def each(self, predictions: FloatArray) -> FloatArray:
        """Loss of each sample (n,) for predictions (n,)."""
        errors = np.abs(predictions - self.y)
        near = np.minimum(errors, self.delta)
        return near * (errors - 0.5 * near)

    def slope(self, predictions: FloatArray) -> FloatArray:
        """First derivative (n,) at predictions (n,)."""
        return np.clip(predictions - self.y, -self.delta, self.delta)

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """Second derivative (n,) at predictions (n,)."""
        return (np.abs(predictions - self.y) < self.delta).astype(float)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """``-l*(-v)`` of each sample (n,) for errors (n,)."""
        return np.where(np.abs(errors) <= self.delta, errors * (self.y - 0.5 * errors), -np.inf)

    def room(self, errors: FloatArray) -> FloatArray:
        """Distance of errors (n,) from the ends of the domain of the dual."""
        return np.maximum(self.delta - np.abs(errors), 0.0)


@dataclass(frozen=True, slots=True)
class QuantileLoss(ScalarLoss):
    """``scale max(tau e, (tau - 1) e)`` for ``e = y - f``; tau 1/2 and scale 2 are the absolute error.

    Slopes are those of ``scale ((tau - 1/2) e + sqrt(e^2 + width^2) / 2)``, which exceeds the loss by at most
    ``scale width / 2``; values and the dual are exact.
    """

    tau: float
    scale: float = 1.0
    width: float = 0.0

    def centred(self) -> "QuantileLoss":
        """The loss of differences."""
        return replace(self, y=np.zeros_like(self.y))

    def each(self, predictions: FloatArray) -> FloatArray:
        """Loss of each sample (n,) for predictions (n,)."""
        errors = self.y - predictions
        return self.scale * np.maximum(self.tau * errors, (self.tau - 1.0) * errors)

    def slope(self, predictions: FloatArray) -> FloatArray:
        """First derivative (n,) at predictions (n,)."""
        errors = self.y - predictions
        return -self.scale * (self.tau - 0.5 + 0.5 * errors / np.maximum(np.hypot(errors, self.width), _TINY))

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """Second derivative (n,) at predictions (n,)."""
        roots = np.maximum(np.hypot(self.y - predictions, self.width), _TINY)
        return 0.5 * self.scale * np.square(self.width / roots) / roots

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """``-l*(-v)`` of each sample (n,) for errors (n,)."""
        inside = (errors <= self.scale * self.tau) & (errors >= self.scale * (self.tau - 1.0))
        return np.where(inside, errors * self.y, -np.inf)

    def rounded_value(self, predictions: FloatArray) -> float:
        """Sum of the losses with their kinks rounded, for predictions (n,)."""
        errors = self.y - predictions
        return float(self.scale * ((self.tau - 0.5) * errors + 0.5 * np.hypot(errors, self.width)).sum())

    def room(self, errors: FloatArray) -> FloatArray:
        """Distance of errors (n,) from the ends of the domain of the dual."""
        above, below = self.scale * self.tau - errors, errors - self.scale * (self.tau - 1.0)
        return np.maximum(np.minimum(above, below), 0.0)

    def smoothed(self, width: float) -> "QuantileLoss":
        """The loss with a wider rounding."""
        return replace(self, width=max(width, self.width))

    @property
    def has_kinks(self) -> bool:
        """True."""
        return True
