"""Singular values and vectors of matrices whose columns have units of their own, each entry to its own size.

LAPACK's `dgejsv` finds every singular value to high relative accuracy, however far apart the scales of the columns lie
(Demmel, Veselic, *Jacobi's method is more accurate than QR*, 1992; Drmac, Veselic, *New fast and accurate Jacobi SVD
algorithm*, 2008), and singular vectors to the rounding of their norm.  Entries below that still matter: in a map from
inputs in units far apart a small entry of a vector is multiplied by a large input.
"""

import numpy as np
from scipy.linalg import lapack, solve_triangular

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.spectrum import EPSILON

GRADED = 1e3
"""Scales of columns that lie further apart need a decomposition that respects each of them."""


DEPENDENT = 10.0
"""A column whose part beside others is below this many ``d eps`` of its size depends on them."""

MOST_CONDITION = 1e8
"""Condition of columns, scaled to one size, up to which other columns are expressed by them."""


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
    the product has every column of ``rows`` to the rounding of that column; for square matrices that are well
    conditioned but for these norms, to those of ``min(t_j / s_i, s_i / t_j)``.
    """
    count, inputs = rows.shape
    size = min(count, inputs)
    if size == 0 or not np.any(rows):
        return np.eye(count, size), np.zeros(size), np.eye(inputs, size)
    left, values, right = _jacobi(rows)
    sizes, seen = np.linalg.norm(rows, axis=0), values > 0.0
    divisors = np.where(seen, values, np.inf)
    # W = U S V' has V' = S^-1 U' W, whose rounding is relative to the column
    right = np.where((sizes[:, None] < divisors) & seen, (rows.T @ left) / divisors, right)
    if count != inputs or not seen.all() or not sizes.all():
        return left, values, right
    # ... and V = W^-1 U S, whose rounding is relative to the inverse of the column's size
    scale = powers_of_two(sizes)
    alike = rows / scale
    larger = float(np.linalg.cond(alike)) * values < sizes[:, None]
    if np.any(larger):
        right = np.where(larger, np.linalg.solve(alike, left) * values / scale[:, None], right)
    return left, values, right


def graded_svd_of_full_rank(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """`graded_svd` of rows (r, d) of full row rank, with as many digits as of a square matrix where columns depend."""
    compressed = _compressed(rows) if 0 < rows.shape[0] < rows.shape[1] else None
    if compressed is None:
        return graded_svd(rows)
    square, frame = compressed
    left, values, right = graded_svd(square)
    return left, values, frame @ right


def _compressed(rows: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """``rows = square frame'`` for rows (r, d) of full rank, ``frame`` (d, r) orthonormal; or None.

    Notes
    -----
    ``rows = W_P [1, G]`` with P the largest independent columns: no column needs smaller ones than itself, so that G
    stays of the size of one.  With ``1 + G G' = L L'`` the square is ``W_P L`` and the frame ``[1, G]' L'^-1``; both
    are made of terms that are no larger than the sizes of the columns that they belong to.  None where large columns
    depend on smaller ones or come near to depending on one another.
    """
    count, inputs = rows.shape
    scale = powers_of_two(np.linalg.norm(rows, axis=0))
    alike = rows / scale
    chosen = _independent(alike, np.argsort(-scale, kind="stable"))
    if chosen.size < count:
        return None
    others = np.setdiff1d(np.arange(inputs), chosen)
    condition = float(np.linalg.cond(alike[:, chosen]))
    shares = np.linalg.solve(alike[:, chosen], alike[:, others])
    smaller = scale[chosen, None] < scale[others]
    if condition > MOST_CONDITION or np.any(np.abs(shares[smaller]) > DEPENDENT * inputs * EPSILON * condition):
        return None
    shares = np.where(smaller, 0.0, shares / scale[chosen, None] * scale[others])
    lower = np.linalg.cholesky(np.eye(count) + shares @ shares.T)
    frame = np.empty((inputs, count))
    inverse = solve_triangular(lower, np.concatenate((np.eye(count), shares), axis=1), lower=True, check_finite=False)
    frame[np.concatenate((chosen, others))] = inverse.T
    return rows[:, chosen] @ lower, frame


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
