"""Predictions of given weights with a bound on their rounding, and the loss that they cost at most.

Products are taken in about twice the working precision, so that offsets of inputs and targets cost nothing.
"""

from dataclasses import dataclass
from math import fsum
from typing import Final

import numpy as np

from service.core.convex_losses.class_shares import ClassShares
from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.twofold import Twofold, added, exactly, negated, product, product_error
from service.core.one_layer.parts import LayerPart

UNIT: Final = 2.0**-53
ROUNDINGS: Final = 24.0
"""Roundings of the evaluation of a loss or of its conjugate, of elementary functions too, by the size of its terms."""
BLOCK: Final = 4096
"""Samples that are multiplied at once."""


@dataclass(frozen=True)
class LayerWeights:
    """Weights (r, d) and biases (r,) of a part; zeros where there is no bias."""

    matrix: FloatArray
    biases: FloatArray

    def coefficients(self, part: LayerPart) -> FloatArray:
        """What stands beside `LayerPart.decays`, (q, r)."""
        return self.matrix.T if part.bias_decay is None else np.vstack([self.matrix.T, self.biases])


@dataclass(frozen=True)
class Predicted:
    """What a loss is evaluated at.

    Attributes
    ----------
    loss : ScalarLoss or ClassShares
        As seen from there: of differences from targets, where it is a function of these.
    at : (m,) or (m, K) array
        Predictions; less the targets, or less the prediction of the main class, where the loss is told by these.
    error : array
        Bound of their distances from those of the exact product, of the same shape.
    """

    loss: ScalarLoss | ClassShares
    at: FloatArray
    error: FloatArray


def predicted(part: LayerPart, weights: LayerWeights) -> Predicted:
    """Predictions of weights; ``O(m d r)``, some forty times a product in double precision."""
    whole, error = _products(part.x, weights)
    if isinstance(part.loss, ClassShares):
        main = Twofold(*(np.take_along_axis(half, part.loss.main, axis=1) for half in whole))
        spread = Twofold(*(np.broadcast_to(half, whole.high.shape) for half in main))
        at = added(whole, negated(spread)).rounded()
        error = error + np.take_along_axis(error, part.loss.main, axis=1)
        return Predicted(part.loss, at, np.where(part.loss.others, error + 2.0 * UNIT * np.abs(at), 0.0))
    centred = part.loss.centred()
    if centred is not None:
        whole = added(whole, exactly(-part.loss.y[:, None]))
    at = whole.rounded()[:, 0]
    return Predicted(centred or part.loss, at, error[:, 0] + 2.0 * UNIT * np.abs(at))


def _products(x: FloatArray, weights: LayerWeights) -> tuple[Twofold, FloatArray]:
    """``W x + b`` (m, r) and a bound of its error."""
    count, rank = len(x), len(weights.matrix)
    units = powers_of_two(np.abs(weights.matrix).max(axis=0, initial=0.0))
    right = np.ascontiguousarray(weights.matrix.T / units[:, None])
    high, low, error = (np.zeros((count, rank)) for _ in range(3))
    own = 1.01 * product_error(x.shape[1]) * np.abs(right).max(axis=0, initial=0.0)
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        left = x[block] * units
        found = product(left, right)
        found = added(found, exactly(np.broadcast_to(weights.biases, found.high.shape)))
        high[block], low[block] = found
        largest = np.abs(left).max(axis=1, initial=0.0)[:, None]
        # beside the product: what sums of two doubles and their rests lose
        error[block] = own * largest + 2.0**-100 * (np.abs(found.high) + np.abs(weights.biases))
    return Twofold(high, low), error


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Loss of weights in sums over samples: its two terms, and what rounding can add to their sum."""

    fit: float
    decay: float
    rounding: float

    @property
    def upper(self) -> float:
        """Their sum, rounding counted."""
        return self.fit + self.decay + self.rounding


def cost_of(part: LayerPart, weights: LayerWeights, seen: Predicted) -> LayerCost:
    """What weights cost, at most, by their predictions."""
    loss, at = seen.loss, seen.at
    each = loss.each(at)
    size = fsum(loss.size(at))
    if isinstance(loss, ClassShares):
        others = np.where(loss.others, loss.shares(at), 0.0)
        moved = (np.abs(loss.totals[:, None] * others - loss.y) * loss.others * seen.error).sum(axis=1)
        steep = 2.0 * loss.totals * seen.error.max(axis=1, initial=0.0) ** 2
        worst = float((moved + steep).sum()) * 1.01
    else:
        # a convex function is largest at an end of an interval
        ends = np.maximum(loss.each(at - seen.error), loss.each(at + seen.error))
        worst = fsum(np.maximum(ends - each, 0.0)) * 1.01
    squares = part.decays @ np.square(weights.coefficients(part)).sum(axis=1)
    fit, decay = fsum(each), float(squares)
    roundings = ROUNDINGS + (loss.y.shape[1] if isinstance(loss, ClassShares) else 0.0)
    own = (weights.matrix.size + 8.0) * UNIT * decay
    return LayerCost(fit, decay, worst + roundings * UNIT * size + own)
