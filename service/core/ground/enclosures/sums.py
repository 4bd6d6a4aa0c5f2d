"""Sums over rows of data, and products with them: in double precision with few roundings, or in about twice that."""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.twofold import added, exactly, product, product_error

BLOCK = 256
"""Rows that are summed at once; sums of blocks are added pairwise, so that errors do not grow with the rows."""
PAIRWISE = 64.0
"""Roundings of a pairwise sum, whatever its length."""
CAREFUL_BLOCK = 4096
"""Rows that are taken at once in twice the working precision."""


def block_product(left: FloatArray, right: FloatArray) -> FloatArray:
    """``left' right`` for rows (m, p) and (m, q), with sums over at most `BLOCK` rows at once."""
    whole = len(left) // BLOCK * BLOCK
    total: FloatArray = left[whole:].T @ right[whole:]
    if whole:
        blocks = left[:whole].reshape(-1, BLOCK, left.shape[1]).transpose(0, 2, 1)
        sums = blocks @ right[:whole].reshape(-1, BLOCK, right.shape[1])
        # the axis that is summed must lie last for numpy to add pairwise
        total = total + np.ascontiguousarray(np.moveaxis(sums, 0, -1)).sum(axis=-1)
    return total


def mean_of(rows: FloatArray, precise: bool) -> FloatArray:
    """Mean of rows (m, k), its sum in about twice the working precision or pairwise."""
    if precise:
        total: FloatArray = careful_product(np.ones((len(rows), 1)), rows)[0]
        return total / len(rows)
    mean: FloatArray = rows.mean(axis=0)
    return mean


def careful_product(left: FloatArray, right: FloatArray) -> FloatArray:
    """``left' right`` for rows (m, p) and (m, q), rounded from about twice the working precision."""
    sides = [powers_of_two(np.abs(side).max(axis=0, initial=0.0)) for side in (left, right)]
    left, right = left / sides[0], right / sides[1]
    total = exactly(np.zeros((left.shape[1], right.shape[1])))
    for start in range(0, len(left), CAREFUL_BLOCK):
        block = slice(start, start + CAREFUL_BLOCK)
        total = added(total, product(np.ascontiguousarray(left[block].T), right[block]))
    return total.rounded() * sides[0][:, None] * sides[1]


def careful_error(rows: int) -> float:
    """Error of `careful_product`, relative to the largest moduli in the two columns."""
    blocks = -(-rows // CAREFUL_BLOCK)
    return blocks * product_error(min(rows, CAREFUL_BLOCK)) * 1.01


def times_precisely(
    centre: FloatArray, basis: FloatArray, sizes: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """``centre basis'`` (k, d) in about twice the working precision, with a bound on the norm of each column's error.

    Every input is measured in its own unit, so that small columns of the map keep their digits.
    """
    rows = powers_of_two(sizes)
    units = powers_of_two(np.abs(basis.T * rows).max(axis=1, initial=0.0))
    left, right = centre * units, np.ascontiguousarray(basis.T * rows / units[:, None])
    whole = product(left, right)
    largest = float(np.linalg.norm(np.abs(left).max(axis=1, initial=0.0)))
    error = 1.01 * product_error(basis.shape[1]) * largest * np.abs(right).max(axis=0, initial=0.0)
    return whole.high / rows, whole.low / rows, error / rows
