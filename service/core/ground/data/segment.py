"""Rows in the coordinates of the rows before them, in which a Gram matrix squares no condition."""

from typing import Final

import numpy as np
from scipy.linalg.blas import dtrsm

from service.core.ground.numbers.arrays import BoolArray, FloatArray

BOUND: Final = 64.0
"""Mean square of a coordinate up to which Gram matrices lose no digits that matter."""
CONDITION: Final = 10.0
"""Condition of the scaled columns up to which they are coordinates good enough themselves."""
EPS: Final = float(np.finfo(np.float64).eps)


class Segment:
    """Rows in the coordinates of those before: sums, and a Gram matrix that squares no condition.

    Attributes
    ----------
    count : int
        Rows of the segment.
    """

    def __init__(self, r: FloatArray, scale: FloatArray, n: int, mean: FloatArray, constant: BoolArray) -> None:
        columns = len(r)
        self.count = 0
        self._before = n
        self._constant = constant
        self._sum: FloatArray = np.zeros(columns)
        self._coordinates: FloatArray = np.zeros(columns)
        self._gram: FloatArray = np.zeros((columns, columns))
        unit = r / np.sqrt(n)
        self._basis: FloatArray | None = None
        self._squares = scale**2
        if not _well_conditioned(unit.T @ unit + np.diag(constant.astype(np.float64))):
            # below the rounding of the entries nothing is known, and nothing is lost by a larger coordinate
            least = 64.0 * columns * EPS * (1.0 + np.abs(mean) / scale)
            diagonal = np.diagonal(unit)
            raised = np.where(constant, 1.0, np.where(diagonal < 0.0, -1.0, 1.0) * np.maximum(np.abs(diagonal), least))
            self._basis = np.asfortranarray((unit - np.diag(diagonal) + np.diag(raised)) * scale)
            self._squares = np.ones(columns)

    def add(self, deviations: FloatArray) -> bool:
        """Add deviations (m, c) from the mean before, if they are bounded in the coordinates; overwrites them."""
        ones = np.ones(len(deviations))
        sums = coordinates = ones @ deviations
        if self._basis is not None:
            # on the transposes, which lie in memory as the library wants them
            deviations = dtrsm(1.0, self._basis, deviations.T, trans_a=1, overwrite_b=1).T
            # their rounding is that of the Gram matrix, which the solution for the sums does not have
            coordinates = ones @ deviations
        gram: FloatArray = deviations.T @ deviations
        if not (np.diagonal(gram) <= BOUND * len(deviations) * self._squares).all():
            return False
        self._sum += sums
        self._coordinates += coordinates
        self._gram += gram
        self.count += len(deviations)
        return True

    def merged(self, r: FloatArray, scale: FloatArray, rest: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The factor (c, c) of all rows in units of ``scale``, and how far their mean is from the one before (c,)."""
        total = self._before + self.count
        shift = (self._before * rest + self._sum) / total
        if self._basis is None:
            before, gram = r, self._gram / scale / scale[:, np.newaxis]
            old, sums = rest / scale, self._coordinates / scale
        else:
            rows = np.vstack([r * scale, rest])
            solved = dtrsm(1.0, self._basis, np.asfortranarray(rows.T), trans_a=1, overwrite_b=1).T
            before, gram, old, sums = solved[:-1], self._gram, solved[-1], self._coordinates
        new = (self._before * old + sums) / total
        gram = gram + before.T @ before + np.outer(self._before * old, old) - np.outer(total * new, new)
        gram[self._constant, self._constant] = total
        try:
            lower = np.linalg.cholesky(gram)
        except np.linalg.LinAlgError:
            # columns that depend on others to the last digit: what is added is the rounding of the coordinates
            rounding = 4.0 * len(gram) * EPS * float(np.diagonal(gram).max())
            lower = np.linalg.cholesky(gram + rounding * np.eye(len(gram)))
        factor: FloatArray = np.ascontiguousarray(lower.T)
        return (factor if self._basis is None else factor @ self._basis / scale), shift


def _well_conditioned(gram: FloatArray) -> bool:
    """Whether the columns with this Gram matrix have a condition of at most `CONDITION`."""
    # the largest sum of a row bounds the norm
    least = float(np.abs(gram).sum(axis=1).max()) / CONDITION**2
    try:
        np.linalg.cholesky(gram - least * np.eye(len(gram)))
    except np.linalg.LinAlgError:
        return False
    return True
