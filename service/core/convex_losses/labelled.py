"""Losses of labels and counts: logistic loss, squared hinge, Poisson."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import entr, expit, xlog1py, xlogy

from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.numbers.arrays import FloatArray

_TINY: Final = 1e-300


@dataclass(frozen=True, slots=True)
class LogisticLoss(ScalarLoss):
    """``log(1 + exp(-y f))``."""

    def each(self, predictions: FloatArray) -> FloatArray:
        """Loss of each sample (n,) for predictions (n,)."""
        return np.logaddexp(0.0, -self.y * predictions)

    def slope(self, predictions: FloatArray) -> FloatArray:
        """First derivative (n,) at predictions (n,)."""
        return -self.y * expit(-self.y * predictions)

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """Second derivative (n,) at predictions (n,)."""
        return expit(predictions) * expit(-predictions)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """``-l*(-v)`` of each sample (n,) for errors (n,)."""
        share = self.y * errors
        inside = np.clip(share, 0.0, 1.0)
        # log1p: of a share near zero nothing but the digits of the logarithm would be left
        return np.where(share == inside, entr(inside) - xlog1py(1.0 - inside, -inside), -np.inf)

    def room(self, errors: FloatArray) -> FloatArray:
        """Distance of errors (n,) from the ends of the domain of the dual."""
        return np.maximum(self.y * errors * (1.0 - self.y * errors), 0.0)


@dataclass(frozen=True, slots=True)
class SquaredHingeLoss(ScalarLoss):
    """``max(1 - y f, 0)^2 / 2``."""

    def each(self, predictions: FloatArray) -> FloatArray:
        """Loss of each sample (n,) for predictions (n,)."""
        return 0.5 * np.square(np.maximum(1.0 - self.y * predictions, 0.0))

    def slope(self, predictions: FloatArray) -> FloatArray:
        """First derivative (n,) at predictions (n,)."""
        return -self.y * np.maximum(1.0 - self.y * predictions, 0.0)

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """Second derivative (n,) at predictions (n,)."""
        return (self.y * predictions < 1.0).astype(float)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """``-l*(-v)`` of each sample (n,) for errors (n,)."""
        share = self.y * errors
        return np.where(share >= 0.0, share - 0.5 * np.square(errors), -np.inf)

    def magnitude(self, errors: FloatArray) -> float:
        """Sum of the sizes of both terms for errors (n,), which may cancel."""
        return float((np.abs(errors) + 0.5 * np.square(errors)).sum())

    def support(self, predictions: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Height of the supporting line at the prediction (n,) for errors (n,), and the sizes of its terms."""
        share, missing = self.y * errors, 1.0 - self.y * predictions
        values = np.where(share >= 0.0, share * (missing - 0.5 * share), -np.inf)
        return values, np.abs(share) * (np.abs(missing) + 0.5 * np.abs(share))

    def room(self, errors: FloatArray) -> FloatArray:
        """Distance of errors (n,) from the ends of the domain of the dual."""
        return np.maximum(self.y * errors, 0.0)


@dataclass(frozen=True, slots=True)
class PoissonLoss(ScalarLoss):
    """``exp(f) - y f``, for counts y >= 0 and predicted logarithms of rates."""

    def each(self, predictions: FloatArray) -> FloatArray:
        """Loss of each sample (n,) for predictions (n,)."""
        return np.exp(predictions) - self.y * predictions

    def size(self, predictions: FloatArray) -> FloatArray:
        """Sizes (n,) of both terms for predictions (n,), which may cancel."""
        return np.exp(predictions) + np.abs(self.y * predictions)

    def slope(self, predictions: FloatArray) -> FloatArray:
        """First derivative (n,) at predictions (n,)."""
        return np.exp(predictions) - self.y

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """Second derivative (n,) at predictions (n,)."""
        return np.exp(predictions)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """``-l*(-v)`` of each sample (n,) for errors (n,)."""
        rate = self.y - errors
        safe = np.maximum(rate, 0.0)
        return np.where(rate >= 0.0, safe - xlogy(safe, safe), -np.inf)

    def magnitude(self, errors: FloatArray) -> float:
        """Sum of the sizes of both terms for errors (n,), which may cancel."""
        rate = np.maximum(self.y - errors, 0.0)
        return float((rate + np.abs(xlogy(rate, rate))).sum())

    def support(self, predictions: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Height of the supporting line at the prediction (n,) for errors (n,), and the sizes of its terms."""
        rate = np.maximum(self.y - errors, 0.0)
        lengths = np.where(rate > 0.0, np.log(np.maximum(rate, _TINY)), 0.0)
        values = rate * (1.0 + (predictions - lengths)) - self.y * predictions
        sizes = np.abs(self.y * predictions) + rate * (1.0 + np.abs(predictions) + np.abs(lengths))
        return np.where(self.y >= errors, values, -np.inf), sizes

    def room(self, errors: FloatArray) -> FloatArray:
        """Distance of errors (n,) from the ends of the domain of the dual."""
        return np.maximum(self.y - errors, 0.0)
