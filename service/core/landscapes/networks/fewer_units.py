"""What a network with one unit less cannot reach: a lower bound on its loss for two units and for one."""

from math import log

import numpy as np

from service.core.data_facts.separation import MOST_NUMBERS, affinely_separable
from service.core.ground.problems import Problem, Samples
from service.core.landscapes.networks.collapsed import collapsed_of
from service.vocabulary import Loss

MOST_CUTS = 20
"""Values between which targets are cut in two, at most."""


def least_of_fewer(problem: Problem) -> float | None:
    """A lower bound on J without one of at most two monotone units; ``None`` where none is known.

    No unit gives a constant.  One unit is monotone along its direction: if no plane divides the samples with targets
    of at most a from those of at least b > a, some pair stands in the wrong order, ``f_i >= f_j`` with y_i <= a and
    y_j >= b, whose two losses are least at one common value.
    """
    return problem.once("landscapes.networks.fewer_units", lambda: _least(problem))


def _least(problem: Problem) -> float | None:
    samples, width = problem.samples, problem.network.layers[0].width
    if samples is None:
        return None
    if width == 1:
        found = collapsed_of(problem)
        return None if found is None else found.loss
    if width != 2 or samples.y.shape[1] != 1 or samples.x.size > MOST_NUMBERS:
        return None
    if problem.loss is Loss.LOGISTIC:
        return None if _divided(samples, 0.0) else 2.0 * log(2.0) / len(samples.x)
    if problem.loss is Loss.EXPONENTIAL:
        return None if _divided(samples, 0.0) else 2.0 / len(samples.x)
    return _of_squares(samples) if problem.loss is Loss.SQUARED else None


def _of_squares(samples: Samples) -> float | None:
    values = np.unique(samples.y)
    gaps = np.diff(values)
    best = 0.0
    for place in np.argsort(gaps)[::-1][:MOST_CUTS]:
        bound = 0.5 * float(gaps[place]) ** 2 / len(samples.x)
        if bound <= best:
            break
        if not _divided(samples, 0.5 * float(values[place] + values[place + 1])):
            best = bound
    return best or None


def _divided(samples: Samples, cut: float) -> bool:
    return affinely_separable(samples.x, np.where(samples.y > cut, 1.0, -1.0))
