"""Whether a linear map classifies every sample with a positive margin: one linear programme."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.optimize import linprog

from service.core.arrays import FloatArray
from service.core.landscapes.data_facts import data_facts_of
from service.core.problems import Problem

MARGIN_TOLERANCE = 1e-9
"""Margin, for scaled rows and coefficients in [-1, 1], below which data count as not separated."""


@dataclass(frozen=True, slots=True)
class Separation:
    """The largest margin of a map with coefficients in [-1, 1] on rows of length at most 1; 0 if there is none."""

    margin: float

    @property
    def separable(self) -> bool:
        """Whether the margin is positive beyond the tolerance."""
        return self.margin > MARGIN_TOLERANCE


def separation_of(problem: Problem, *, offset: bool) -> Separation | None:
    """Separation of coded labels (-1/+1 in one column, one-hot in several), with or without an offset.

    ``None`` without samples.  Samples of equal inputs and different labels are never separable.
    """
    if problem.samples is None:
        return None
    name = f"landscape.separation.{offset}"
    if name not in problem.memo:
        conflicting = data_facts_of(problem).conflicting
        rows = _rows(problem.samples.x, problem.samples.y, offset=offset)
        problem.memo[name] = Separation(0.0 if conflicting else _margin(rows))
    return cast(Separation, problem.memo[name])


def _rows(x: FloatArray, y: FloatArray, *, offset: bool) -> FloatArray:
    """Vectors z with which a map w must have a positive product, each scaled to length one."""
    inputs = np.hstack([x, np.ones((len(x), 1))]) if offset else x
    if y.shape[1] == 1:
        rows = y * inputs
    else:
        labels = np.argmax(y, axis=1)
        blocks = []
        for other in range(y.shape[1]):
            chosen = labels != other
            block = np.zeros((int(chosen.sum()), y.shape[1], inputs.shape[1]))
            block[np.arange(len(block)), labels[chosen]] = inputs[chosen]
            block[:, other] = -inputs[chosen]
            blocks.append(block.reshape(len(block), y.shape[1] * inputs.shape[1]))
        rows = np.vstack(blocks)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: FloatArray = rows / np.where(lengths > 0.0, lengths, 1.0)
    return scaled


def _margin(rows: FloatArray) -> float:
    """``max_{|w|_inf <= 1} min_i rows_i . w``; the guess of least squares is tried before the programme."""
    guess = np.linalg.lstsq(rows, np.ones(len(rows)), rcond=None)[0]
    largest = float(np.abs(guess).max(initial=0.0))
    if largest > 0.0:
        margin = float((rows @ guess).min()) / largest
        if margin > MARGIN_TOLERANCE:
            return margin
    size = rows.shape[1]
    found = linprog(
        np.append(np.zeros(size), -1.0),
        A_ub=np.hstack([-rows, np.ones((len(rows), 1))]),
        b_ub=np.zeros(len(rows)),
        bounds=[(-1.0, 1.0)] * size + [(0.0, None)],
        method="highs",
    )
    return 0.0 if found.x is None else max(0.0, float(found.x[-1]))
