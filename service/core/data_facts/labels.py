"""Targets of a classification loss read as classes, and as the differences that must be made positive."""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.problems import Problem
from service.vocabulary import Loss

ONE_OUTPUT_LOSSES = frozenset({Loss.LOGISTIC, Loss.EXPONENTIAL})
CLASSIFICATION_LOSSES = ONE_OUTPUT_LOSSES | {Loss.CROSS_ENTROPY}


@dataclass(frozen=True)
class Labelled:
    """Samples of a classification problem.

    Attributes
    ----------
    x : (n, d) array
    classes : (n,) array of int
        0 .. n_classes-1.
    n_classes : int
        At least 2.
    """

    x: FloatArray
    classes: IntArray
    n_classes: int

    @property
    def signs(self) -> FloatArray:
        """Labels -1 and +1 of a problem with two classes, shape (n,)."""
        return 2.0 * self.classes.astype(np.float64) - 1.0

    @property
    def counts(self) -> IntArray:
        """Number of samples of each class, shape (classes,)."""
        return np.bincount(self.classes, minlength=self.n_classes)


def labelled_of(problem: Problem) -> Labelled | None:
    """Classes of a problem's samples, or None where the targets are not labels of at least two classes."""
    if problem.samples is None:
        return None
    x, y = problem.samples.x, problem.samples.y
    if y.shape[1] == 1:
        values = np.unique(y)
        if len(values) != 2 or not (np.array_equal(values, [-1.0, 1.0]) or np.array_equal(values, [0.0, 1.0])):
            return None
        return Labelled(x, (y[:, 0] == values[1]).astype(np.int_), 2)
    is_one_hot = bool(np.all((y == 0.0) | (y == 1.0)) and np.all(y.sum(axis=1) == 1.0))
    if not is_one_hot or np.any(y.sum(axis=0) == 0.0):
        return None
    return Labelled(x, np.argmax(y, axis=1), y.shape[1])


def difference_rows(x: FloatArray, classes: IntArray, n_classes: int) -> FloatArray:
    """Rows ``(e_y - e_k) x_i^T`` for every class k other than y, flattened: a map is right where all are positive.

    Parameters
    ----------
    x : (n, d) array
    classes : (n,) array of int
        y, from 0 to K-1.
    n_classes : int
        K.

    Returns
    -------
    ((K-1) n, K d) array
        Sample by sample.
    """
    n, d = x.shape
    samples, places = np.arange(n)[:, None], np.arange(n_classes - 1)
    others = np.nonzero(np.arange(n_classes) != classes[:, None])[1].reshape(n, n_classes - 1)
    rows = np.zeros((n, n_classes - 1, n_classes, d))
    rows[samples, places, classes[:, None]] = x[:, None, :]
    rows[samples, places, others] = -x[:, None, :]
    return rows.reshape(n * (n_classes - 1), n_classes * d)
