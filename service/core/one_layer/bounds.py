"""Both bounds of the core's objective for one layer, from its weights alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.parameters import Parameters
from service.core.ground.problems import Problem
from service.core.ground.results import Terms
from service.core.one_layer.duals import dual_points, resting_point
from service.core.one_layer.endless import rows_of
from service.core.one_layer.parts import LayerPart, samples_of
from service.core.one_layer.predicted import UNIT, LayerWeights, Predicted, cost_of, predicted
from service.core.one_layer.proved import LayerBound, bound_of

WIDE: Final = 1e3
"""Norm, in that of the map, up to which a bound holds at least where it does not hold for all maps."""
SHARE: Final = 0.02
"""Of the tolerance: what the norm up to which a bound holds may cost."""


@dataclass(frozen=True, slots=True)
class Enclosed:
    """Loss of weights and what no weights go below, rounding counted; the terms to nearest."""

    upper: float
    lower: float
    rounding: float
    terms: Terms
    norm_limit: float | None


def weights_of(parameters: Parameters) -> LayerWeights:
    """The matrix and the biases of a single layer."""
    matrix, bias = parameters.weights[0].dense(), parameters.biases[0]
    biases = np.zeros(len(matrix)) if bias is None else bias.dense()[:, 0]
    return LayerWeights(matrix, biases)


def enclosed(problem: Problem, parts: Sequence[LayerPart], weights: LayerWeights, tolerance: float) -> Enclosed:
    """Bounds of the objective by those of its parts.

    Parameters
    ----------
    problem : Problem
    parts : sequence of LayerPart
    weights : LayerWeights
    tolerance : float
        Relative gap at which no better bound is looked for.
    """
    count = float(len(samples_of(problem).x))
    fit, decay, upper, lower, rounding, slack = (0.0,) * 6
    for part in parts:
        own = rows_of(weights, part)
        seen = predicted(part, own)
        cost = cost_of(part, own, seen)
        wanted = 0.1 * tolerance * count * problem.unit(cost.upper / count) / len(parts)
        bound = best_bound(part, own, seen, cost.upper - wanted)
        fit, decay, rounding = fit + cost.fit, decay + cost.decay, rounding + cost.rounding
        upper, lower, slack = upper + cost.upper, lower + bound.value, slack + bound.slack
    size = float(np.linalg.norm(weights.matrix)) or 1.0
    limit = None
    if slack > 0.0:
        limit = max(WIDE * size, SHARE * tolerance * count * problem.unit(upper / count) / slack)
        lower -= slack * limit * 1.01
    sums = (len(parts) + 8.0) * UNIT
    upper, lower = upper + sums * abs(upper), lower - sums * abs(lower)
    terms = Terms(fit / count, 0.0, decay / count)
    ends = (np.nextafter(upper / count, np.inf), np.nextafter(lower / count, -np.inf))
    return Enclosed(float(ends[0]), float(ends[1]), rounding / count, terms, limit)


def best_bound(part: LayerPart, weights: LayerWeights, seen: Predicted, enough: float) -> LayerBound:
    """The best of the bounds that are tried; the first that is enough."""
    wide = WIDE * (float(np.linalg.norm(weights.matrix)) or 1.0)
    found = [LayerBound(-np.inf)]
    for dual in _tried(part, weights, seen):
        for exact in _balanced(part):
            found.append(bound_of(part, weights, seen, dual, exact))
            if found[-1].value - wide * found[-1].slack >= enough:
                return found[-1]
    return max(found, key=lambda bound: bound.value - wide * bound.slack)


def _tried(part: LayerPart, weights: LayerWeights, seen: Predicted) -> Iterator[FloatArray]:
    yield from dual_points(part, weights, seen)
    yield resting_point(seen)


def _balanced(part: LayerPart) -> Iterator[BoolArray]:
    """Which columns are to balance exactly: those without decay; all; a free bias alone."""
    free = part.decays == 0.0
    yield free
    if not free.all():
        yield np.ones_like(free)
    if free[: part.x.shape[1]].any():
        bias = free.copy()
        bias[: part.x.shape[1]] = False
        yield bias
