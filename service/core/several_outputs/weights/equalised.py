"""Factors of a matrix whose hidden units all carry the same load.

Noise on a hidden layer costs the sum of squares of the units' loads, which is least when they are equal; a rotation
of the hidden coordinates always achieves that (Schur-Horn).  See ``docs/theory/dropout.md``.
"""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray


def equal_loads(values: FloatArray, width: int) -> FloatArray:
    """Orthonormal rows R (r, width) with every diagonal entry of ``R^T diag(values) R`` equal to the mean load.

    Parameters
    ----------
    values : (r,) array
        Not negative, with r <= ``width``.
    width : int
        Number of hidden units.

    Notes
    -----
    At most ``width - 1`` plane rotations.  Each mixes a column above the mean with one below so that the first gets
    the mean and is left alone from then on; the columns still to be mixed stay orthogonal in the load, so that
    their loads alone decide the angles.  O(r width).
    """
    rank = values.size
    rows = np.eye(rank, width)
    if rank == 0:
        return rows
    mean = float(np.sum(values)) / width
    above = [(float(load), column) for column, load in enumerate(values) if load > mean]
    below = [(float(load), column) for column, load in enumerate(values) if load <= mean]
    below += [(0.0, column) for column in range(rank, width)]
    while above and below:
        high, column = above.pop()
        low, other = below.pop()
        if high - low <= 1e-16 * mean:
            break
        tangent = float(np.sqrt((high - mean) / (mean - low))) if low < mean else 0.0
        cosine = 1.0 / np.sqrt(1.0 + tangent * tangent)
        sine = tangent * cosine
        first, second = rows[:, column].copy(), rows[:, other].copy()
        rows[:, column] = cosine * first + sine * second
        rows[:, other] = cosine * second - sine * first
        left = high + low - mean
        (above if left > mean else below).append((left, other))
    return rows
