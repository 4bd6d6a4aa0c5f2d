"""Matrix products to about twice the working precision, from exact products of slices.

Both factors are cut into slices of few bits, so that the product of two slices is exact in double precision, whatever
the order of its sums (Ozaki, Ogita, Oishi, Rump, *Error-free transformations of matrix multiplication*, 2012).  The
exact products are added up by error-free sums (Knuth; Ogita, Rump, Oishi, *Accurate sum and dot product*, 2005).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from service.core.ground.numbers.arrays import FloatArray

SLICES = 4
"""Slices of each factor: together some 90 bits, which leaves no rounding of a double behind."""
LEAST_BITS = 12


class Twofold(NamedTuple):
    """An unevaluated sum ``high + low`` of two arrays of one shape, ``low`` below the last digits of ``high``."""

    high: FloatArray
    low: FloatArray

    def rounded(self) -> FloatArray:
        """The nearest doubles, of the same shape."""
        nearest: FloatArray = self.high + self.low
        return nearest


def exactly(values: FloatArray) -> Twofold:
    """Doubles as a twofold array of the same shape."""
    return Twofold(values, np.zeros_like(values))


def two_sum(first: FloatArray, second: FloatArray) -> Twofold:
    """``first + second`` (one shape) as rounded sum and its exact error (Knuth)."""
    high = first + second
    shifted = high - first
    return Twofold(high, (first - (high - shifted)) + (second - shifted))


def scaled(value: Twofold, factor: FloatArray) -> Twofold:
    """``factor * value`` (one shape) entry by entry, to about twice the working precision; entries below ``2^990``."""
    high = factor * value.high
    (one, other), (first, second) = _halves(factor), _halves(value.high)
    # the rounding of a product of two doubles, from products of their halves, which are exact (Dekker 1971)
    rest = ((one * first - high) + one * second + other * first) + other * second
    return two_sum(high, rest + factor * value.low)


def _halves(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Doubles as sums of two with 26 bits each (Veltkamp)."""
    shifted = values * 134217729.0
    upper = shifted - (shifted - values)
    return upper, values - upper


def matrix_times(left: FloatArray, right: Twofold) -> Twofold:
    """``left @ right`` for doubles (m, n) and a twofold (n, p), to about twice the working precision."""
    exact = product(left, right.high)
    return two_sum(exact.high, exact.low + left @ right.low)


def times(left: Twofold, right: Twofold) -> Twofold:
    """``left @ right``, (m, n) and (n, p), to about twice the working precision."""
    whole = matrix_times(left.high, right)
    return two_sum(whole.high, whole.low + left.low @ right.high)


def added(total: Twofold, term: Twofold) -> Twofold:
    """Sum of two twofold arrays of one shape, to about twice the working precision of the larger one."""
    high, low = two_sum(total.high, term.high)
    low = low + (total.low + term.low)
    return two_sum(high, low)


def negated(value: Twofold) -> Twofold:
    """The exact negative, of the same shape."""
    return Twofold(-value.high, -value.low)


def product(left: FloatArray, right: FloatArray, sliced: Sequence[FloatArray] | None = None) -> Twofold:
    """``left @ right`` for ``left`` (m, n) and ``right`` (n, p), all entries finite.

    Parameters
    ----------
    left : (m, n) array
    right : (n, p) array
    sliced : sequence of (n, p) arrays, optional
        `column_slices` of ``right``, for a caller who multiplies with it more than once.

    Returns
    -------
    Twofold of shape (m, p)
        Its error is at most `product_error` times the largest modulus in the row of ``left`` times that in the column
        of ``right``: factors whose rows and columns are of one size should be scaled to be so.

    Notes
    -----
    Ten matrix products, and some ten passes over each factor.
    """
    lefts = _slices(left, 1, _bits(left.shape[1]))
    rights = _slices(right, 0, _bits(right.shape[0])) if sliced is None else sliced
    high, low = lefts[0] @ rights[0], np.zeros((left.shape[0], right.shape[1]))
    for depth in range(1, SLICES - 1):
        for index in range(depth + 1):
            high, lost = two_sum(high, lefts[index] @ rights[depth - index])
            low += lost
    # the last products are as small as what sums of the others lose
    for index in range(SLICES):
        low += lefts[index] @ rights[SLICES - 1 - index]
    return two_sum(high, low)


def column_slices(matrix: FloatArray, largest: int) -> list[FloatArray]:
    """Slices of a right factor (n, p) with entries of modulus at most ``2^largest``.

    The error of `product` is then relative to that instead of the largest modulus of each column.
    """
    bits, rest, slices = _bits(matrix.shape[0]), matrix, []
    for index in range(SLICES):
        grid = np.ldexp(1.5, largest - index * bits + (52 - bits))
        part = (rest + grid) - grid
        slices.append(part)
        rest = rest - part
    return slices


def product_error(length: int) -> float:
    """Error of `product` over sums of ``length`` terms, relative to the largest moduli of row and column."""
    # what the slices leave of either factor, the pairs of slices that are left out, and the sums of low parts
    return length * (2.0 ** (1 - SLICES * _bits(length)) * (SLICES + 3.0) + 2.0**-98)


def _bits(length: int) -> int:
    """Bits of a slice such that a sum of ``length`` products of two stays below 53 bits."""
    return max((53 - int(np.ceil(np.log2(max(length, 1))))) // 2, LEAST_BITS)


def _slices(matrix: FloatArray, axis: int, bits: int) -> list[FloatArray]:
    """Slices whose sum is the matrix but for ``2^(-SLICES bits)`` of the largest modulus along ``axis``.

    What one slice leaves is at most half a unit in its last place: each starts one bit more below the one before.
    """
    exponents = np.frexp(np.abs(matrix).max(axis=axis, keepdims=True, initial=0.0))[1]
    grid = np.ldexp(1.5, exponents + (52 - bits))
    rest, slices = matrix, []
    for index in range(SLICES):
        part = rest + grid
        part -= grid
        slices.append(part)
        if index < SLICES - 1:
            rest = rest - part
            grid = np.ldexp(grid, -bits - 1)
    return slices
