"""Singular values and vectors of matrices whose columns have units of their own, each entry to its own size.

LAPACK's `dgejsv` finds every singular value to high relative accuracy, however far apart the scales of the columns lie
(Demmel, Veselic, *Jacobi's method is more accurate than QR*, 1992; Drmac, Veselic, *New fast and accurate Jacobi SVD
algorithm*, 2008), and singular vectors to the rounding of their norm.  Entries below that still matter: in a map from
inputs in units far apart a small entry of a vector is multiplied by a large input.
"""

import numpy as np
from scipy.linalg import lapack

from service.core.arrays import FloatArray, IntArray
from service.core.factor import powers_of_two
from service.core.linalg import EPSILON

GRADED = 1e3
"""Scales of columns that lie further apart need a decomposition that respects each of them."""


DEPENDENT = 10.0
"""A column whose part beside others is below this many ``d eps`` of its size depends on them."""


def far_apart(sizes: FloatArray) -> bool:
    """Whether sizes (d,) of columns, zeros aside, lie so far apart that rounding of the largest matters to others."""
    largest = float(sizes.max(initial=0.0))
    return bool(np.any((sizes > 0.0) & (sizes * GRADED < largest)))


def graded_svd(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """``rows = left diag(values) right'`` for rows (r, d), values descending.

    Returns
    -------
    (r, m), (m,), (d, m) arrays
        With ``m = min(r, d)``.

    Notes
    -----
    Where column j has norm t_j, entry (j, i) of ``right`` is right to some roundings of ``min(1, t_j / s_i)``, so that
    the product has every column of ``rows`` to the rounding of that column; and of full row rank, where columns are
    well conditioned but for their scales, to those of ``min(t_j / s_i, s_i / t_j)``.
    """
    count, inputs = rows.shape
    size = min(count, inputs)
    if size == 0 or not np.any(rows):
        return np.eye(count, size), np.zeros(size), np.eye(inputs, size)
    left, values, right = _jacobi(rows)
    sizes, seen = np.linalg.norm(rows, axis=0), values > 0.0
    divisors = np.where(seen, values, np.inf)
    # W = U S V' has V' = S^-1 U' W, whose rounding is relative to the column
    smaller = sizes[:, None] < divisors * seen
    right = np.where(smaller, (rows.T @ left) / divisors, right)
    if count > inputs or not seen.all():
        return left, values, right
    return left, values, _through_inverse(rows, left, values, right)


def _through_inverse(rows: FloatArray, left: FloatArray, values: FloatArray, right: FloatArray) -> FloatArray:
    """``right`` (d, r) with entries of large columns sharpened, for rows (r, d) of full rank.

    Notes
    -----
    ``V = W^+ U S`` has entries whose rounding is relative to the inverse of the column's size.  Where columns depend on
    one another, ``W = W_P [1, G]`` with P the largest independent ones: no column needs smaller ones than itself, so
    that G stays of the size of one, and ``W^+ = [1, G]' (1 + G G')^-1 W_P^-1``.
    """
    sizes = np.linalg.norm(rows, axis=0)
    scale = powers_of_two(sizes)
    alike = rows / scale
    chosen = _independent(alike, np.argsort(-scale, kind="stable"))
    if chosen.size < len(rows):
        return right
    others = np.setdiff1d(np.arange(rows.shape[1]), chosen)
    square = alike[:, chosen]
    condition = float(np.linalg.cond(square))
    found = np.linalg.solve(square, np.concatenate((left * values, alike[:, others]), axis=1))
    inverse, shares = found[:, : len(rows)] / scale[chosen, None], found[:, len(rows) :]
    smaller = scale[chosen, None] < scale[others]
    if np.any(np.abs(shares[smaller]) > DEPENDENT * len(rows) * condition * EPSILON):
        return right
    shares = np.where(smaller, 0.0, shares / scale[chosen, None] * scale[others])
    sharp = np.empty_like(right)
    sharp[chosen] = np.linalg.solve(np.eye(len(rows)) + shares @ shares.T, inverse) if others.size else inverse
    sharp[others] = shares.T @ sharp[chosen]
    return np.where(condition * values < sizes[:, None], sharp, right)


def _independent(columns: FloatArray, order: IntArray) -> IntArray:
    """The first columns in ``order`` that do not depend on those before them; columns (r, d) of norm near one."""
    rows = len(columns)
    frame = np.zeros((rows, 0))
    chosen: list[int] = []
    for index in order:
        rest = columns[:, index]
        for _ in range(2):
            rest = rest - frame @ (frame.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > DEPENDENT * len(order) * EPSILON and len(chosen) < rows:
            chosen.append(int(index))
            frame = np.concatenate((frame, rest[:, None] / size), axis=1)
    return np.array(chosen, dtype=np.int_)


def _jacobi(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Singular values right to their own size, singular vectors to that of their norms."""
    unit = float(powers_of_two(np.array([np.abs(rows).max()]))[0])
    tall = rows.shape[0] >= rows.shape[1]
    # joba 0: graded columns; 2: graded rows.  No small column is cut off (jobr) and nothing is perturbed (jobp).
    values, left, right, work, _, info = lapack.dgejsv(
        (rows if tall else rows.T) / unit, joba=0 if tall else 2, jobr=0, jobp=0
    )
    if info:
        left, values, right_rows = np.linalg.svd(rows, full_matrices=False)
        return left, values, right_rows.T
    values = values * (work[0] / work[1] * unit)
    return (left, values, right) if tall else (right, values, left)
