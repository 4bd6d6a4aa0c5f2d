"""The best replacement of a weight matrix at each rank: its error, and its two factors.

Reduced-rank regression (Izenman 1975): see ``docs/theory/compression.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.compression.inputs import InputRoot
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import EPSILON


@dataclass(frozen=True)
class LayerFactors:
    """A matrix of rank r as a product.

    Attributes
    ----------
    left : (o, r) array
        With orthonormal columns.
    right : (r, d) array
    """

    left: FloatArray
    right: FloatArray


def singular_values(matrix: FloatArray, inputs: InputRoot) -> FloatArray:
    """Singular values (p,) of ``matrix R'``, descending; exactly zero where they are rounding.  O(o d min(o, d)).

    Parameters
    ----------
    matrix : (o, d) array
        Weights to be replaced, or an error to be corrected.
    inputs : InputRoot
        With d inputs.
    """
    seen = inputs.seen(matrix)
    if not seen.size:
        return np.zeros(1)
    values = np.asarray(np.linalg.svd(seen, compute_uv=False), dtype=np.float64)
    return np.where(values > max(seen.shape) * EPSILON * values[0], values, 0.0)


def errors_by_rank(values: FloatArray) -> FloatArray:
    """The least squared error at ranks 0, 1, .., p (p + 1,): sums of the squares of the singular values (p,) left out.

    Notes
    -----
    Summed from the least on, so that small errors keep their digits.
    """
    tails = np.cumsum((values * values)[::-1])[::-1]
    return np.append(tails, 0.0)


def best_factors(matrix: FloatArray, inputs: InputRoot, rank: int) -> LayerFactors:
    """The factors of the best matrix of rank at most ``rank``: ``U_r`` (o, r) and ``U_r' matrix`` (r, d).

    Parameters
    ----------
    matrix : (o, d) array
    inputs : InputRoot
    rank : int

    Notes
    -----
    O(o d min(o, d)).  ``U_r`` are the leading left singular vectors of ``matrix R'``.  No inverse of R is needed, so
    that moments may be singular; along directions that the inputs never have, the outputs are those of ``matrix``,
    projected.
    """
    seen = inputs.seen(matrix)
    if not seen.size:
        seen = np.zeros((matrix.shape[0], 1))
    left = np.linalg.svd(seen, full_matrices=False)[0][:, :rank]
    return LayerFactors(left, left.T @ matrix)


def error_of(matrix: FloatArray, replaced: LayerFactors, inputs: InputRoot) -> float:
    """The squared error of factors in the place of ``matrix`` (o, d): the mean of ``|matrix x - left right x|^2``."""
    missed = inputs.seen(matrix - replaced.left @ replaced.right)
    return float(np.vdot(missed, missed))
