"""Scores of a value, and which value each of them chooses."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray

LEAST_LEFT: Final = 1e-9
"""Share of the samples that must be left beside the degrees of freedom."""


@dataclass(frozen=True, slots=True)
class FoldScores:
    """Mean over the samples of the errors of all folds (m,), and its standard error (m,)."""

    mean: FloatArray
    standard_error: FloatArray


def generalised(train: FloatArray, freedom: FloatArray, n: int, outputs: int) -> FloatArray:
    """Generalised cross-validation ``train / (1 - freedom / (n outputs))^2`` (m,); NaN where no freedom is left.

    ``train`` and ``freedom`` are (m,).

    Golub, Heath, Wahba, *Generalized cross-validation as a method for choosing a good ridge parameter* (1979).
    """
    left = 1.0 - freedom / (n * outputs)
    enough = left > LEAST_LEFT
    return np.where(enough, train / np.where(enough, left, 1.0) ** 2, np.nan)


def of_folds(errors: FloatArray, sizes: FloatArray) -> FoldScores:
    """Scores of K folds from their mean squared errors (K, m) and sizes (K,).

    The standard error is that of a mean of K numbers, weighted by size as in Friedman, Hastie, Tibshirani,
    *Regularization paths for generalized linear models via coordinate descent* (2010).
    """
    share = sizes / sizes.sum()
    mean = share @ errors
    spread = share @ (errors - mean) ** 2
    return FoldScores(mean, np.sqrt(spread / (len(sizes) - 1)))


def least(scores: FloatArray) -> int | None:
    """Place of the least score (m,), the first of equals; None where all are NaN."""
    known = np.flatnonzero(np.isfinite(scores))
    return int(known[np.argmin(scores[known])]) if known.size else None


def one_standard_error(scores: FoldScores, values: FloatArray, *, larger_is_simpler: bool) -> int:
    """Place of the simplest of the values (m,) whose mean is within one standard error of the least mean."""
    best = int(np.argmin(scores.mean))
    good = np.flatnonzero(scores.mean <= scores.mean[best] + scores.standard_error[best])
    simplicity = values[good] if larger_is_simpler else -values[good]
    return int(good[np.argmax(simplicity)])
