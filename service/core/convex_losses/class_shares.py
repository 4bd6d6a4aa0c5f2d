"""Cross-entropy by the shares of the classes, with the digits of losses far below rounding of the predictions.

``l(f) = t log sum_k exp(f_k) - sum_k y_k f_k`` for targets y >= 0 with sum t.  For shares p of each sample, positive
with sum 1, the errors ``v = y - t p`` have ``-l*(-v) = t sum_k entr(p_k)``.  Everything is told by differences from one
class of each sample, the one with the largest target: small shares of the other classes then keep their digits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import entr, logsumexp, softmax, xlog1py, xlogy

from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class ClassShares:
    """Cross-entropy of predictions (n, K).

    Attributes
    ----------
    y : (n, K) array
        Targets, not negative.
    """

    y: FloatArray

    @cached_property
    def totals(self) -> FloatArray:
        """Sums of the targets (n,)."""
        return np.asarray(self.y.sum(axis=1))

    @cached_property
    def main(self) -> IntArray:
        """The class (n, 1) of each sample that the others are compared with."""
        found: IntArray = np.argmax(self.y, axis=1)[:, None]
        return found

    @cached_property
    def others(self) -> BoolArray:
        """All classes but that, (n, K)."""
        found = np.ones(self.y.shape, dtype=bool)
        np.put_along_axis(found, self.main, values=False, axis=1)
        return found

    def differences(self, predictions: FloatArray) -> FloatArray:
        """Predictions (n, K) less that of the main class."""
        return predictions - np.take_along_axis(predictions, self.main, axis=1)

    def each(self, differences: FloatArray) -> FloatArray:
        """Loss (n,) of each sample for differences (n, K)."""
        above = logsumexp(differences, axis=1, b=self.others)
        found: FloatArray = self.totals * np.logaddexp(0.0, above) - (self.y * differences).sum(axis=1)
        return found

    def size(self, differences: FloatArray) -> FloatArray:
        """Sizes (n,) of what `each` adds up."""
        above = logsumexp(differences, axis=1, b=self.others)
        found: FloatArray = self.totals * np.logaddexp(0.0, above) + np.abs(self.y * differences).sum(axis=1)
        return found

    def value(self, predictions: FloatArray) -> float:
        """Sum of the losses for predictions (n, K)."""
        return float(self.each(self.differences(predictions)).sum())

    def shares(self, predictions: FloatArray) -> FloatArray:
        """p (n, K)."""
        return np.asarray(softmax(predictions, axis=1))

    def missing(self, shares: FloatArray) -> FloatArray:
        """What shares (n, K) leave of 1, without the rounding of a main class that has nearly all."""
        others = np.where(self.others, shares, 0.0).sum(axis=1, keepdims=True)
        return np.where(self.others, 1.0 - shares, others)

    def bends(self, shares: FloatArray) -> Iterator[tuple[int, int, FloatArray]]:
        """Second derivatives (n,) by the predictions of two classes, the second one not above the first."""
        weighted, missing = self.totals[:, None] * shares, self.missing(shares)
        for one in range(shares.shape[1]):
            for other in range(one):
                yield one, other, -weighted[:, one] * shares[:, other]
            yield one, one, weighted[:, one] * missing[:, one]

    def errors(self, shares: FloatArray) -> FloatArray:
        """v (n, K) of shares of the other classes; those of the main class are what adds up to zero."""
        found = np.where(self.others, self.y - self.totals[:, None] * shares, 0.0)
        return found - np.where(self.others, 0.0, found.sum(axis=1, keepdims=True))

    def support(self, differences: FloatArray, shares: FloatArray) -> tuple[FloatArray, FloatArray]:
        """``min over f of l(f) + v . (f - p)`` of each sample (n,), and the sizes of what it adds up.

        Shares of the main class are what the others leave of 1; minus infinity where that is nothing or less.
        """
        others = np.where(self.others, shares, 0.0)
        rest = others.sum(axis=1)
        inside = np.clip(rest, 0.0, 1.0)
        own = -xlog1py(1.0 - inside, -inside)
        pulled, spread, told = others * differences, entr(others), self.y * differences
        values = self.totals * ((pulled + spread).sum(axis=1) + own) - told.sum(axis=1)
        sizes = self.totals * (np.abs(pulled) + np.abs(xlogy(others, others)) + others).sum(axis=1)
        sizes += self.totals * own + np.abs(told).sum(axis=1)
        return np.where((rest <= 1.0) & (others >= 0.0).all(axis=1), values, -np.inf), sizes
