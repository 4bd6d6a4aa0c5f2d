"""The water filling that a problem with noisy hidden layers amounts to."""

import numpy as np

from service.core.ground.problems import Problem
from service.core.several_outputs.noise.water_filling import Level, effective_noise, fill
from service.core.several_outputs.singular_values.common_decay import common_decay
from service.core.several_outputs.squared_error.quadratic import Quadratic
from service.core.several_outputs.squared_error.ranks import rank_bound

ROUNDING_RANK = 1e-13


def decay_level(problem: Problem, quadratic: Quadratic) -> float:
    """``gam``: geometric mean of the two decays in white coordinates, 0 where some layer has none."""
    decays = problem.network.weight_decays
    if not np.all(decays > 0.0):
        return 0.0
    return common_decay(decays) / float(np.sqrt(quadratic.mean_square))


def water_level(problem: Problem, quadratic: Quadratic) -> Level:
    """The water filling that a problem amounts to."""
    values = quadratic.svd[1]
    rank = int(np.count_nonzero(values > ROUNDING_RANK * values[0])) if values.size else 0
    cap = min(rank_bound(problem, quadratic), rank)
    return fill(values, effective_noise(problem.network), decay_level(problem, quadratic), cap)
