"""Losses that fall for ever for some samples and grow for none, along weights that cost nothing.

Then no weights attain the infimum, which is not zero where other samples overlap: a class that is absent beside a free
bias, a group without events, classes that a map separates but for samples on its boundary.
"""

from typing import Final

import numpy as np
from scipy.optimize import linprog

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.one_layer.endless import ENDLESS
from service.core.one_layer.parts import samples_of
from service.vocabulary import Loss

MOST_NUMBERS: Final = 1_000_000
"""Size of the linear programme above which nothing is said."""
_GAIN: Final = 1e-6
"""Sum of margins, for rows of length one and coefficients in [-1, 1], that rounding does not make."""


def recedes(problem: Problem) -> bool:
    """Whether there are such weights, by a linear programme in double precision."""
    if problem.loss not in ENDLESS:
        return False
    samples, network = samples_of(problem), problem.network
    columns = []
    if network.layers[0].weight_decay == 0.0:
        columns.append(samples.x)
    if network.has_bias(0) and not any(network.bias_weight_decays):
        columns.append(np.ones((len(samples.x), 1)))
    if not columns:
        return False
    free = np.hstack(columns)
    outputs = samples.y.shape[1]
    if problem.loss is Loss.CROSS_ENTROPY:
        return _exists(*_class_rows(free, samples.y)) if free.size * outputs**2 <= MOST_NUMBERS else False
    if free.size > MOST_NUMBERS:
        return False
    return any(_exists(*_rows(problem.loss, free, samples.y[:, output])) for output in range(outputs))


def _rows(loss: Loss, free: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows whose products with the weights must not be negative, and those whose products must be zero."""
    if loss is Loss.LOGISTIC:
        return y[:, None] * free, free[:0]
    return -free[y == 0.0], free[y > 0.0]


def _class_rows(free: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same for logits of classes: none rises above those with a share, and these stay together."""
    classes, inputs = y.shape[1], free.shape[1]
    above: list[FloatArray] = []
    equal: list[FloatArray] = []
    largest = y.argmax(axis=1)
    for row, shares, first in zip(free, y, largest, strict=True):
        for other in range(classes):
            if other != first:
                lead = np.zeros((classes, inputs))
                lead[first], lead[other] = row, -row
                (above if shares[other] == 0.0 else equal).append(lead.ravel())
    none = np.zeros((0, classes * inputs))
    return (np.array(above) if above else none), (np.array(equal) if equal else none)


def _exists(above: FloatArray, equal: FloatArray) -> bool:
    """Whether some weights in [-1, 1] have products with ``above`` of which none is negative and some are positive."""
    lengths = np.linalg.norm(above, axis=1)
    above = above[lengths > 0.0] / lengths[lengths > 0.0, None]
    if not len(above):
        return False
    lengths = np.linalg.norm(equal, axis=1)
    equal = equal[lengths > 0.0] / lengths[lengths > 0.0, None]
    found = linprog(
        -above.sum(axis=0),
        A_ub=-above,
        b_ub=np.zeros(len(above)),
        A_eq=equal if len(equal) else None,
        b_eq=np.zeros(len(equal)) if len(equal) else None,
        bounds=(-1.0, 1.0),
        method="highs",
    )
    return found.fun is not None and -float(found.fun) > _GAIN
