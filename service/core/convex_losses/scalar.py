"""Losses of one prediction with what duality needs: slope, curvature and conjugate; sums over samples, not means.

For ``v`` with entries ``-l'(f)``, ``D(v) = sum_i -l_i*(-v_i)`` is a lower bound of what any prediction that is not
correlated with v can reach.  Source: the table of ``docs/theory/relu-networks.md``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from scipy.special import entr, expit, xlog1py, xlogy

from service.core.ground.numbers.arrays import FloatArray

_TINY: Final = 1e-300


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
        """The factors: a heavy sample takes more of a correction."""
        return np.broadcast_to(self.factors, errors.shape)

    def centred(self) -> "WeightedSquaredLoss":
        """The loss of differences."""
        return replace(self, y=np.zeros_like(self.y))


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
