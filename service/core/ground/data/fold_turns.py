"""Which fold each row of a table belongs to, however the rows arrive."""

import numpy as np

from service.core.ground.numbers.arrays import IntArray


class FoldsInTurn:
    """Folds of samples that arrive in order: each run of ``folds`` rows is one random permutation of all folds.

    Sizes differ by one at most, every fold sees all parts of a table that is sorted, and a row's fold does not depend
    on how many rows follow or on how they arrive, so that a file read in blocks is split as a table in memory is.

    Parameters
    ----------
    folds : int
    seed : int
    """

    def __init__(self, folds: int, seed: int) -> None:
        self._folds = folds
        self._draws = np.random.default_rng(seed)
        self._left: IntArray = np.zeros(0, dtype=np.intp)

    def next(self, count: int) -> IntArray:
        """The folds of the next rows (count,)."""
        missing = -(-max(count - self._left.size, 0) // self._folds)
        drawn = self._draws.random((missing, self._folds)).argsort(axis=1, kind="stable").ravel()
        found = np.concatenate((self._left, drawn))
        self._left = found[count:]
        return found[:count]
