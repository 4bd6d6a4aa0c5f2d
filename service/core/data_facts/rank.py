"""Ranks of tables of data, decided where every column has one size, so that units do not matter."""

from typing import Final

import numpy as np
from scipy.linalg import qr

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import EPSILON

NEGLIGIBLE: Final = 10.0
"""A direction of the scaled table below this many ``eps``, times its columns, of the largest counts as absent."""


def range_of(table: FloatArray) -> FloatArray:
    """Orthonormal basis of the space that the columns of a table span, shape (n, r).

    Parameters
    ----------
    table : (n, c) array
        Numbers as they were given, or with means taken off by `centred_columns`; a column that is pure rounding
        would count as a direction.

    Notes
    -----
    A QR decomposition with column pivoting of the table whose columns are divided by their norms.  O(n c^2).
    """
    largest = np.abs(table).max(axis=0, initial=0.0)
    exponents = np.frexp(largest)[1]
    # in two steps, so that no norm overflows and none is lost
    near_one = np.ldexp(table, -exponents)
    norms = np.linalg.norm(near_one, axis=0)
    basis, upper, _ = qr(near_one / np.where(norms > 0.0, norms, 1.0), mode="economic", pivoting=True)
    sizes = np.abs(np.diagonal(upper))
    if not sizes.size or sizes[0] == 0.0:
        return np.zeros((len(table), 0))
    kept = int(np.count_nonzero(sizes > NEGLIGIBLE * table.shape[1] * EPSILON * sizes[0]))
    found: FloatArray = basis[:, :kept]
    return found


def rank_of_table(table: FloatArray) -> int:
    """Rank of a table of data (n, c), see `range_of`."""
    return int(range_of(table).shape[1])


def centred_columns(table: FloatArray, shares: FloatArray) -> FloatArray:
    """The table with the mean of every column taken off, columns of equal entries exactly zero.

    Parameters
    ----------
    table : (n, c) array
    shares : (n,) array
        Weights of the rows, of sum one.

    Notes
    -----
    Means are found twice, the second time of the deviations: what is left of an offset is then relative to them.
    """
    varying = (table != table[:1]).any(axis=0)
    deviations = np.where(varying, table - table[:1], 0.0)
    deviations = deviations - shares @ deviations
    centred: FloatArray = np.where(varying, deviations - shares @ deviations, 0.0)
    return centred
