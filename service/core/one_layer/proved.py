"""What no weights of one linear layer go below, from errors of its predictions.

For weights W with predictions p, and any errors v, the supporting lines of slope -v at p give

    P(W + D) >= sum_i s_i(v_i) - <r, D> + sum_j decay_j |D_j|^2 + decay |W|^2,   r = A'v - 2 decay W,

with ``s_i(v_i) = min over f of l_i(f) + v_i (f - p_i)``.  A decayed coefficient D_j takes off ``|r_j|^2 / (4 decay_j)``
at most; where there is no decay r_j has to vanish, exactly.  Floating point leaves it at rounding; then errors for
which it vanishes are shown to lie in a small box about those that were found, and the bound is the least over the box.
Proof: ``docs/theory/linear-losses.md``.
"""

from dataclasses import dataclass
from math import fsum
from typing import Final

import numpy as np

from service.core.convex_losses.class_shares import ClassShares
from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.enclosures.sources import gamma
from service.core.ground.enclosures.sums import BLOCK, PAIRWISE, block_product
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.one_layer.corrected import corrected
from service.core.one_layer.parts import LayerPart
from service.core.one_layer.predicted import ROUNDINGS, UNIT, LayerWeights, Predicted


@dataclass(frozen=True, slots=True)
class LayerBound:
    """A lower bound in sums over samples.

    Attributes
    ----------
    value : float
        Rounding counted.
    slack : float
        By how much the bound would grow for each unit less of the norm of maps that it holds for; zero where it holds
        for all.
    """

    value: float
    slack: float = 0.0


NOTHING: Final = LayerBound(-np.inf)


@dataclass(frozen=True)
class _Slope:
    """``r = A'v - 2 decay W`` (q, r) and a bound of its rounding, relative to exact columns."""

    value: FloatArray
    error: FloatArray

    @classmethod
    def at(cls, part: LayerPart, errors: FloatArray, coefficients: FloatArray) -> "_Slope":
        columns, pull = part.columns, 2.0 * part.decays[:, None] * coefficients
        value = block_product(columns, errors) - pull
        size = block_product(np.abs(columns), np.abs(errors))
        if part.bias_decay is not None:
            # exactly rounded sums: a bias is where a residual cannot be paid for by decay
            value[-1] = [fsum((*errors[:, each].tolist(), -pull[-1, each])) for each in range(errors.shape[1])]
            size[-1] = np.abs(value[-1]) + np.abs(pull[-1])
        return cls(value, 1.01 * gamma(BLOCK + PAIRWISE + 8.0) * size + 4.0 * UNIT * np.abs(pull))


def bound_of(part: LayerPart, weights: LayerWeights, seen: Predicted, dual: FloatArray, exact: BoolArray) -> LayerBound:
    """The bound that a dual point proves.

    Parameters
    ----------
    part : LayerPart
    weights : LayerWeights
    seen : Predicted
        Of these weights.
    dual : (m,) or (m, K) array
        Errors, or for a softmax the shares of the classes.
    exact : (q,) array
        Columns whose r shall vanish.  Those without decay must, or the bound is for maps of bounded norm.
    """
    coefficients = weights.coefficients(part)
    box = np.zeros(len(part.x))
    if exact.any():
        found = corrected(part, seen.loss, dual, exact, coefficients)
        if found is None:
            return NOTHING
        dual, box = found
    if isinstance(seen.loss, ClassShares):
        height, errors, reach = _softmax_height(seen, seen.loss, dual, box)
    else:
        height, errors, reach = _height(seen, seen.loss, dual, box)
    if not np.isfinite(height):
        return NOTHING
    slope = _Slope.at(part, errors, coefficients)
    rest = np.abs(slope.value) + slope.error + (1.0 + 1e-9) * (np.abs(part.columns).T @ reach)
    decayed = (part.decays > 0.0) & ~exact
    paid = float((np.square(rest[decayed]) / (4.0 * part.decays[decayed, None])).sum())
    kept = float(part.decays @ np.square(coefficients).sum(axis=1))
    value = height - paid * (1.0 + 1e-12) + kept * (1.0 - (coefficients.size + 8.0) * UNIT)
    unpaid = ~decayed & ~exact
    # weights that are neither paid for nor corrected: what a map of norm R takes off is that times R + |W|
    slack = float(np.linalg.norm(rest[unpaid])) if unpaid.any() else 0.0
    own = float(np.linalg.norm(coefficients[unpaid])) if unpaid.any() else 0.0
    return LayerBound(value - slack * own * 1.01, slack)


def _height(
    seen: Predicted, loss: ScalarLoss, errors: FloatArray, box: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Sum of the heights of supporting lines, least over the box; errors (m, 1) and the box (m, 1)."""
    # concave in the errors: least at an end
    low, size = loss.support(seen.at, errors - box)
    if box.any():
        low = np.minimum(low, loss.support(seen.at, errors + box)[0])
    if not np.isfinite(low).all():
        return -np.inf, errors[:, None], box[:, None]
    moved = fsum((np.abs(errors) + box) * seen.error)
    own = ROUNDINGS * UNIT * fsum(size)
    return fsum(low) - 1.01 * moved - own, errors[:, None], box[:, None]


def _softmax_height(
    seen: Predicted, loss: ClassShares, shares: FloatArray, box: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """The same for shares (m, K) that lie within factors ``1 -+ box`` (m,) of those given; errors and box (m, K)."""
    height, size = loss.support(seen.at, shares)
    if not np.isfinite(height).all() or (box >= 0.5).any():
        return -np.inf, shares, shares
    others = np.where(loss.others, shares, 0.0)
    errors = loss.errors(shares)
    rounded = (4.0 + 2.0 * shares.shape[1]) * UNIT * (loss.totals[:, None] * others + np.abs(errors))
    reach = rounded + loss.totals[:, None] * others * box[:, None]
    # the share of the main class moves by as much as those of all others together
    reach = np.where(loss.others, reach, reach.sum(axis=1, keepdims=True))
    # the height is stationary where shares are those of the predictions: what they differ by counts, and the square
    own_share = np.maximum(1.0 - others.sum(axis=1, keepdims=True), 1e-300)
    logs = np.log(np.maximum(others, 1e-300)), np.log(own_share)
    apart = np.abs(seen.at - logs[0] + logs[1]) + 16.0 * UNIT * (
        np.abs(seen.at) + np.abs(logs[0]) + np.abs(logs[1]) + 1
    )
    apart += 4.0 * UNIT / own_share
    steep = loss.totals * (box * (others * apart).sum(axis=1) + 2.0 * np.square(box))
    moved = (np.abs(errors) + reach) * np.where(loss.others, seen.error, 0.0)
    own = (ROUNDINGS + shares.shape[1]) * UNIT * fsum(size)
    return fsum(height) - 1.01 * (fsum(steep) + float(moved.sum())) - own, errors, reach
