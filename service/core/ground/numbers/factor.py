"""Samples as one triangular factor: what every solver and certificate reads of data that were seen.

The factor of the centred, scaled table keeps what moments lose.  Means are taken off before anything is squared, a
column in dollars does not drown one in percent, and the condition of the data is not squared.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import lapack

from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.ground.numbers.cached import cached_property

BLOCK = 4096
"""Rows that are factored at once; more are stacked under the factor of those before."""
SAFE_EXPONENT = 300
"""Columns whose largest entry lies outside ``2^-300 .. 2^300`` are brought near one before they are squared."""
ABOVE_DIGITS = np.int64(-1 << 52)
"""Sign and exponent of a double."""
FEW_NUMBERS = 1 << 14
"""Numbers of a table up to which calling the decomposition costs as much as its arithmetic."""


@dataclass(frozen=True)
class Factor:
    """Samples reduced to means, scales and a triangular factor.

    With the table ``[x y]`` of n rows, ``(table - mean)' (table - mean) = diag(scale) r' r diag(scale)``.

    Attributes
    ----------
    n : int
        Number of samples, at least 1.
    x_mean : (d,) array
    y_mean : (k,) array
    scale : (d + k,) array
        Positive; powers of two near the standard deviations, so that scaling is exact.
    r : (d + k, d + k) array
        Upper triangular, its diagonal not negative; the norms of its columns are near ``sqrt(n)``, and zero for a
        constant column.
    """

    n: int
    x_mean: FloatArray
    y_mean: FloatArray
    scale: FloatArray
    r: FloatArray

    @property
    def inputs(self) -> int:
        """Number of inputs d."""
        return int(self.x_mean.size)

    @property
    def outputs(self) -> int:
        """Number of outputs k."""
        return int(self.y_mean.size)

    @cached_property
    @np.errstate(over="ignore")
    def deviations(self) -> FloatArray:
        """Standard deviation of each column (d + k,), mean over samples and not ``n - 1``; 0 for a constant one.

        The norm of a column of ``r`` is of the order ``sqrt(n)``: nothing overflows before the scale is put back.
        """
        norms: FloatArray = np.sqrt(np.einsum("ij,ij->j", self.r, self.r) / self.n)
        return norms * self.scale

    @cached_property
    def sizes(self) -> FloatArray:
        """The larger of mean and standard deviation of each input (d,)."""
        return np.maximum(np.abs(self.x_mean), self.deviations[: self.inputs])

    @cached_property
    @np.errstate(over="ignore", invalid="ignore", under="ignore")
    def second(self) -> FloatArray:
        """Second moments about the means of all columns, shape (d + k, d + k).  O((d + k)^3)."""
        rows = self.r * (self.scale / float(np.sqrt(self.n)))
        second: FloatArray = rows.T @ rows
        return second


def factor_of_samples(x: FloatArray, y: FloatArray) -> Factor:
    """Factor of samples ``x`` (n, d) and ``y`` (n, k), n >= 1, all finite.

    Notes
    -----
    Means are found in two passes, the second on the deviations, whose own rounding is relative to themselves; then
    a blocked Householder QR, whose backward error is relative to each column.  O(n (d + k)^2).
    """
    table = np.concatenate((x, y), axis=1)
    exponents = safe_exponents(np.abs(table).max(axis=0))
    if exponents.any():
        table = np.ldexp(table, -exponents)
    constant = (table == table[0]).all(axis=0)
    first, mean = table[0].copy(), np.add.reduce(table) / len(table)
    table -= mean
    rest = np.add.reduce(table) / len(table)
    table -= rest
    mean += rest
    if constant.any():
        mean[constant] = first[constant]
        table[:, constant] = 0.0
    scale = powers_of_two(np.sqrt(np.einsum("ij,ij->j", table, table) / len(table)))
    table /= scale
    inputs = x.shape[1]
    scale, r = out_of_range(scale, triangle(table), exponents)
    mean = np.ldexp(mean, exponents) if exponents.any() else mean
    return Factor(len(table), mean[:inputs], mean[inputs:], scale, r)


def safe_exponents(largest: FloatArray) -> IntArray:
    """Powers of two to take out of columns with these largest moduli (c,) before they are squared; mostly zero."""
    if largest.min(initial=1.0) >= 2.0**-SAFE_EXPONENT and largest.max(initial=1.0) <= 2.0**SAFE_EXPONENT:
        return np.zeros(largest.shape, dtype=np.int64)
    exponents = np.frexp(largest)[1].astype(np.int64)
    return np.where((np.abs(exponents) > SAFE_EXPONENT) & (largest > 0.0), exponents, 0)


def out_of_range(scale: FloatArray, r: FloatArray, exponents: IntArray) -> tuple[FloatArray, FloatArray]:
    """Scales (c,) and factor (c, c) with the powers of two put back that `safe_exponents` took out.

    A constant column has scale 1, whatever its size, and keeps it; one below the least number leaves the rest to ``r``.
    """
    constant = ~r.any(axis=0)
    if not exponents.any():
        return (np.where(constant, 1.0, scale) if constant.any() else scale), r
    exponents = np.where(constant, 0, exponents)
    below = np.minimum(np.frexp(scale)[1] - 1 + exponents + 1074, 0)
    return np.where(constant, 1.0, np.ldexp(scale, exponents - below)), np.ldexp(r, below) if below.any() else r


def powers_of_two(sizes: FloatArray) -> FloatArray:
    """The powers of two just below the sizes (c,), and 1 where a size is zero: dividing by them is exact."""
    # digits of normal numbers are those below the exponent
    found: FloatArray = (np.asarray(sizes, dtype=np.float64).view(np.int64) & ABOVE_DIGITS).view(np.float64)
    if found.min(initial=1.0) > 0.0 and found.max(initial=1.0) < np.inf:
        return found
    exponents = np.frexp(sizes)[1] - 1
    return np.where(sizes > 0.0, np.ldexp(1.0, exponents), 1.0)


def triangle(rows: FloatArray) -> FloatArray:
    """Triangular factor (c, c) of rows (m, c), any m; its diagonal is not negative.  O(m c^2)."""
    columns = rows.shape[1]
    if 0 < rows.size <= FEW_NUMBERS:
        return _small_triangle(rows)
    factor: FloatArray = np.zeros((0, columns))
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        stacked = np.concatenate((factor, block)) if len(factor) else block
        factor = np.asarray(np.linalg.qr(stacked, mode="r"))
    if len(factor) < columns:
        factor = np.concatenate((factor, np.zeros((columns - len(factor), columns))))
    return np.where(np.diagonal(factor)[:, np.newaxis] < 0.0, 0.0 - factor, factor)


def _small_triangle(rows: FloatArray) -> FloatArray:
    """`triangle` without the work around a decomposition."""
    columns = rows.shape[1]
    factor = np.ascontiguousarray(lapack.dgeqrf(rows)[0][:columns])
    below = _below_diagonal(columns)
    factor = np.where(np.diagonal(factor)[:, np.newaxis] < 0.0, 0.0 - factor, factor)
    factor[below[: len(factor)]] = 0.0
    if len(factor) < columns:
        factor = np.concatenate((factor, np.zeros((columns - len(factor), columns))))
    return factor


@lru_cache(maxsize=32)
def _below_diagonal(columns: int) -> BoolArray:
    """Mask (c, c) of the entries below the diagonal."""
    mask: BoolArray = np.tri(columns, k=-1, dtype=np.bool_)
    mask.flags.writeable = False
    return mask
