"""Many small non-negative least squares problems at once, by block pivoting on their Gram matrices.

The batch is the last axis of every array, so that each step of an elimination is one pass over contiguous numbers.
"""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import BoolArray, FloatArray

ROUNDS: Final = 24
_BLOCK_ROUNDS: Final = 6
"""Rounds in which every wrong variable changes sides; then the last wrong one alone does, which cannot cycle."""
_SLACK: Final = 1e-13


def eliminated(gram: FloatArray, right: FloatArray) -> FloatArray:
    """Solutions (m, b) of ``gram x = right`` for positive definite matrices (m, m, b); both arguments are overwritten.

    Elimination without pivoting, ``O(b m^3)``.
    """
    size = len(right)
    for k in range(size - 1):
        factors = gram[k + 1 :, k] / gram[k, k]
        gram[k + 1 :, k + 1 :] -= factors[:, None] * gram[k, k + 1 :]
        right[k + 1 :] -= factors * right[k]
    for k in range(size - 1, -1, -1):
        if k < size - 1:
            right[k] -= np.einsum("jb,jb->b", gram[k, k + 1 :], right[k + 1 :])
        right[k] /= gram[k, k]
    return right


def non_negative(gram: FloatArray, right: FloatArray, free: BoolArray | None = None) -> FloatArray:
    """Minimisers (m, b) of ``x.gram x / 2 - right.x`` over ``x >= 0``.

    What has not converged after `ROUNDS` is returned with its negative entries set to zero: callers derive valid
    bounds from any non-negative vector.

    Parameters
    ----------
    gram : (m, m, b) array
        Positive definite.
    right : (m, b) array
    free : (m, b) array of bool or None
        Variables that are expected to be positive.
    """
    size, batch = right.shape
    free = right > 0.0 if free is None else free.copy()
    solution = np.zeros((size, batch))
    scale = _SLACK * np.abs(right).max(axis=0, initial=0.0)
    waiting = np.arange(batch)
    identity = np.eye(size)[:, :, None]
    for attempt in range(ROUNDS):
        whole = len(waiting) == batch
        matrix = gram if whole else gram[:, :, waiting]
        sides = right if whole else right[:, waiting]
        inside = free if whole else free[:, waiting]
        kept = inside.astype(float)
        reduced = matrix * kept[:, None] * kept
        reduced += identity * (1.0 - kept)
        values = eliminated(reduced, sides * kept)
        slopes = np.einsum("ijb,jb->ib", matrix, values) - sides
        wrong = np.where(inside, values < 0.0, slopes < -(scale if whole else scale[waiting]))
        solution[:, waiting] = values
        unsettled = wrong.any(axis=0)
        if not unsettled.any():
            break
        waiting = waiting[unsettled]
        wrong = wrong[:, unsettled]
        if attempt >= _BLOCK_ROUNDS:
            last = size - 1 - wrong[::-1].argmax(axis=0)
            wrong = np.arange(size)[:, None] == last
        free[:, waiting] ^= wrong
    return np.maximum(solution, 0.0)
