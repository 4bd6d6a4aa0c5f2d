"""An upper bound of the largest correlation with a unit for inputs of any rank, from their second moments (Shor).

With ``max(z, 0) = (z + |z|) / 2``, ``|z| <= (t + z^2 / t) / 2`` for every t > 0, and ``|z| >= c z^2 + e z`` for
``|z| <= 1`` and ``c + |e| <= 1``, the correlation is at most a quadratic function, whose maximum over the ball one
eigendecomposition and one root give.  The best t, c and e belong to second moments of units, which Frank-Wolfe finds.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.rows import EPS, WeightedRows

STEPS: Final = 60
_LEAST: Final = 1e-6
"""Least t: a smaller one would do no good and lose digits."""
_HALVINGS: Final = 50


@dataclass(frozen=True, slots=True)
class Relaxed:
    """A bound, and the relaxed unit that comes nearest to it.

    Attributes
    ----------
    bound : float
        No unit of length one has a larger correlation, rounding counted.
    mean : (r,) array
        Of the unit, in the coordinates of the rows.
    heights : (m,) array
        What takes the place of ``max(x.u, 0)``.
    """

    bound: float
    mean: FloatArray
    heights: FloatArray


def spectral_bound(rows: WeightedRows, steps: int = STEPS) -> Relaxed:
    """The least bound of ``steps`` steps, each of them valid; ``O(n r^2 + r^3)`` a step."""
    count, rank = rows.x.shape
    if not count:
        return Relaxed(rows.allowance, np.zeros(rank), np.zeros(0))
    slopes = rows.linear + 0.5 * (rows.plus - rows.minus) @ rows.x
    # averages over the steps of the mean and of the squares of products with a unit
    mean, squares = np.zeros(rank), np.full(count, 1.0 / rank)
    best = np.inf
    for step in range(steps):
        widths = np.maximum(np.sqrt(squares), _LEAST)
        products = rows.x @ mean
        square_share, signed_share = _shares(products, squares, step)
        plus, minus = 0.25 * rows.plus / widths, 0.5 * rows.minus
        curvature = (rows.x * (plus - minus * square_share)[:, None]).T @ rows.x
        along = slopes - (minus * signed_share) @ rows.x
        constant = 0.25 * float(rows.plus @ widths)
        # sums of n numbers, the eigenvectors, and the root: each known up to its share of the sizes
        size = float(plus.sum() + rows.plus.sum() + 2.0 * rows.minus.sum() + np.abs(rows.linear).sum())
        rounding = (2.0 * count + 64.0 * (rank + 8)) * EPS * size
        value, towards, rest = _largest_in_ball(along, curvature)
        best = min(best, constant + value + rounding)
        share = 2.0 / (step + 2.0)
        mean = (1.0 - share) * mean + share * towards
        squares = (1.0 - share) * squares + share * (np.square(rows.x @ towards) + np.square(rows.x @ rest))
    products = rows.x @ mean
    negative = np.maximum(np.abs(products), squares)
    sizes = np.where(rows.plus > 0.0, np.sqrt(squares), negative)
    return Relaxed(max(best, 0.0) + rows.allowance, mean, 0.5 * (products + sizes))


def _shares(products: FloatArray, squares: FloatArray, step: int) -> tuple[FloatArray, FloatArray]:
    """c and e, by which of ``z^2``, z and -z is the largest; sharper with every step, and ``c + |e| <= 1``."""
    sharpness = 4.0 * (step + 1.0)
    scores = sharpness * np.array([squares, products, -products])
    weights = np.exp(scores - scores.max(axis=0))
    weights /= weights.sum(axis=0) * (1.0 + 4.0 * EPS)
    return weights[0], weights[1] - weights[2]


def _largest_in_ball(along: FloatArray, curvature: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """An upper bound of ``c.u + u.M u`` over the unit ball for c (r,) and symmetric M (r, r), and who attains it.

    Every multiplier ``lam >= max(0, largest eigenvalue)`` proves ``lam + c.(lam - M)^-1 c / 4``.  Units that attain it
    have the mean (r,) and are spread by plus and minus the second vector (r,).
    """
    values, vectors = np.linalg.eigh(curvature)
    parts = vectors.T @ along
    squares = 0.25 * np.square(parts)
    scale = float(np.abs(values).max() + np.sqrt(parts @ parts))
    if scale == 0.0:
        return 0.0, np.zeros_like(along), np.zeros_like(along)
    # the eigenvalues are known up to rounding, so that the multiplier stays away from the largest
    low = max(0.0, float(values[-1])) + 64.0 * len(values) * EPS * scale
    high = low + float(np.sqrt(squares.sum()))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if float((squares / np.square(middle - values)).sum()) > 1.0:
            low = middle
        else:
            high = middle
    coordinates = 0.5 * parts / (high - values)
    left = max(0.0, 1.0 - float(coordinates @ coordinates)) if values[-1] > 0.0 else 0.0
    value = high + float((squares / (high - values)).sum())
    return value, vectors @ coordinates, np.sqrt(left) * vectors[:, -1]
