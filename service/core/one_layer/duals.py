"""Errors that prove most of a bound, from the weights alone.

Those of a smooth loss are its slopes.  A loss with a kink has a range of slopes where a target is met; there errors are
chosen such that ``A'v = 2 decay W`` holds as nearly as their range admits, by least squares with bounds.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy.optimize import lsq_linear

from service.core.convex_losses.class_shares import ClassShares
from service.core.convex_losses.differences import QuantileLoss
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.factor import powers_of_two
from service.core.one_layer.parts import LayerPart
from service.core.one_layer.predicted import UNIT, LayerWeights, Predicted

MET: Final = (2.0**8 * UNIT, 1e-12, 1e-10, 1e-8, 1e-6)
"""Distances of a prediction from its target, relative to the terms of both, at which it may count as met."""
MOST_MET: Final = 4_000
"""Samples that are met up to which their errors are looked for."""


def dual_points(part: LayerPart, weights: LayerWeights, seen: Predicted) -> Iterator[FloatArray]:
    """Dual points (m,) or (m, K) to try, the most likely one first."""
    loss = seen.loss
    if isinstance(loss, ClassShares):
        yield loss.shares(seen.at)
    elif isinstance(loss, QuantileLoss):
        yield from _of_kinks(part, weights, seen, loss)
    else:
        yield -loss.slope(seen.at)


def resting_point(seen: Predicted) -> FloatArray:
    """The dual point of predictions that no weights can better: no errors (m,), or the targets as shares (m, K)."""
    loss = seen.loss
    return loss.y / loss.totals[:, None] if isinstance(loss, ClassShares) else np.zeros(len(seen.at))


def _ends(loss: QuantileLoss) -> tuple[float, float]:
    """The range of errors, rounded inwards."""
    low, high = loss.scale * (loss.tau - 1.0), loss.scale * loss.tau
    return float(np.nextafter(np.nextafter(low, 0.0), 0.0)), float(np.nextafter(high, 0.0))


def _of_kinks(part: LayerPart, weights: LayerWeights, seen: Predicted, loss: QuantileLoss) -> Iterator[FloatArray]:
    low, high = _ends(loss)
    given = part.loss.y
    sizes = np.abs(part.x) @ np.abs(weights.matrix[0]) + np.abs(weights.biases[0]) + np.abs(given)
    before: BoolArray | None = None
    for share in MET:
        met = np.abs(seen.at) <= share * sizes
        if before is not None and (met == before).all():
            continue
        before = met
        errors = np.where(seen.at > 0.0, low, high)
        if met.any() and np.count_nonzero(met) <= MOST_MET:
            errors[met] = _balanced(part, weights, errors, met, (low, high))
        elif met.any():
            errors[met] = 0.5 * (low + high)
        yield errors


def _balanced(
    part: LayerPart, weights: LayerWeights, errors: FloatArray, met: BoolArray, ends: tuple[float, float]
) -> FloatArray:
    """Errors of the samples that are met, such that all errors together are as far as possible what decay asks for."""
    columns, coefficients = part.columns, weights.coefficients(part)[:, 0]
    wanted = 2.0 * part.decays * coefficients - columns[~met].T @ errors[~met]
    matrix = columns[met].T
    units = powers_of_two(np.abs(matrix).max(axis=1, initial=0.0))
    seen = units > 0.0
    matrix, wanted = matrix[seen] / units[seen, None], wanted[seen] / units[seen]
    if not len(matrix):
        return np.zeros(np.count_nonzero(met))
    found = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
    if (found < ends[0]).any() or (found > ends[1]).any():
        found = lsq_linear(matrix, wanted, bounds=ends, method="bvls" if matrix.shape[1] <= 300 else "trf").x
    # once more, for what rounding left, where nothing is at an end
    inside = (found > ends[0]) & (found < ends[1])
    if inside.any():
        rest = np.linalg.lstsq(matrix[:, inside], wanted - matrix @ found, rcond=None)[0]
        found[inside] += rest
    return np.clip(found, *ends)
