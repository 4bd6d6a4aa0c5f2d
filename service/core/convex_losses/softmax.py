"""Softmax cross-entropy of several predictions with what duality needs."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import entr, logsumexp, softmax

from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.numbers.arrays import FloatArray

_OFF: Final = 1e-12
"""How far the sum of a sample's errors may be from zero: they stand for errors nearby whose sum is zero."""


@dataclass(frozen=True, slots=True)
class SoftmaxLoss(ScalarLoss):
    """``log sum exp f - y.f`` of each sample, for targets (n, k) that are probabilities.

    Its errors are ``y - q`` for probabilities q, and its dual their entropy.
    """

    def each(self, predictions: FloatArray) -> FloatArray:
        """Loss of each sample (n,) for predictions (n, k)."""
        labels = range(predictions.shape[1])
        # differences first, so that a loss far below rounding of the predictions keeps its digits
        terms = [logsumexp(predictions - predictions[:, [label]], axis=1) * self.y[:, label] for label in labels]
        return np.asarray(np.sum(terms, axis=0))

    def slope(self, predictions: FloatArray) -> FloatArray:
        """First derivatives (n, k) at predictions (n, k)."""
        return np.asarray(softmax(predictions, axis=1)) - self.y

    def curvature(self, predictions: FloatArray) -> FloatArray:
        """Second derivatives (n, k) by each prediction alone, at predictions (n, k)."""
        shares = np.asarray(softmax(predictions, axis=1))
        return shares * (1.0 - shares)

    def dual_each(self, errors: FloatArray) -> FloatArray:
        """Parts (n, k) of ``-l*(-v)`` for errors (n, k); minus infinity outside the domain."""
        shares = self.y - errors
        outside = (shares < -_OFF).any(axis=1) | (np.abs(errors.sum(axis=1)) > _OFF)
        return np.where(outside[:, None], -np.inf, entr(np.maximum(shares, 0.0)))

    def dual_near(self, errors: FloatArray, moves: FloatArray) -> FloatArray:
        """No more than any part (n, k) of the dual at errors (n, k) that differ by at most ``moves`` (n, k)."""
        shares = np.maximum(self.y - errors, 0.0)
        parts = np.minimum(entr(shares + moves), entr(np.maximum(shares - moves, 0.0)))
        return np.where(np.isfinite(self.dual_each(errors)), parts, -np.inf)

    def magnitude(self, errors: FloatArray) -> float:
        """Sizes that the dual adds up for errors (n, k): entropies, and probabilities, which are exact to rounding."""
        return float(np.abs(self.dual_each(errors)).sum()) + 40.0 * len(errors)

    def metric(self, errors: FloatArray, directions: FloatArray) -> FloatArray:
        """Directions (n, k) along which errors (n, k) stay in the domain: ``(diag(q) - q q') d`` of each sample."""
        shares = np.maximum(self.y - errors, 0.0)
        mean = (shares * directions).sum(axis=1, keepdims=True)
        return np.asarray(shares * (directions - mean))
