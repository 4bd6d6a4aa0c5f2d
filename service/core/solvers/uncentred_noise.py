"""Noise on one hidden layer and a free output bias on data with means: a convex problem in one matrix.

See ``docs/theory/dropout.md``.
"""

import numpy as np

from service.core.ground.hypotheses import ALL_TRAINED, DATA, LINEAR, NO_SKIPS, SQUARED_LOSS
from service.core.ground.problems import Problem
from service.core.ground.results import THRESHOLDS, Solution, Thresholds
from service.core.ground.roles import Solver
from service.core.several_outputs import hypotheses as needs
from service.core.several_outputs.noise.uncentred import least_point, noise_coordinates
from service.core.several_outputs.noise.weights import noisy_parameters
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.core.several_outputs.weights.layers import product_svd
from service.core.several_outputs.weights.minimum import global_minimum
from service.core.several_outputs.weights.origin import origin_and_minimum, origin_of
from service.vocabulary import Status


def solve(problem: Problem) -> Solution:
    """Global minimum, with the origin."""
    quadratic, coordinates = quadratic_of(problem), noise_coordinates(problem)
    found = least_point(coordinates)
    right = coordinates.error.expand(found.right)
    inner = coordinates.inner(right)
    svd = product_svd(found.left * found.values, inner)
    parameters = noisy_parameters(problem, quadratic, found.left, found.values, inner)
    minimum = global_minimum(
        problem,
        quadratic,
        svd,
        parameters,
        "the end-to-end map is unique; the hidden units are free up to rotations that keep their loads equal",
        decay=0.0,
        hidden_noise=coordinates.mu * float(np.sum(found.values)) ** 2,
    )
    origin = origin_of(problem, quadratic, minimum.trivial, None, "the barrier is not known in closed form")
    points = origin_and_minimum(quadratic, origin, minimum)
    why = "no layer has weight decay: noise shrinks the map but does not make it vanish"
    return Solution(
        "uncentred_noise",
        SOLVER.theorems,
        minimum,
        points,
        "not complete: the origin and the global minimum; the landscape under noise is not classified",
        Thresholds.none(dict.fromkeys(THRESHOLDS, why)),
        origin,
    )


SOLVER = Solver(
    name="uncentred_noise",
    theorems=("noise-under-a-bias",),
    status=Status.CERTIFIED,
    hypotheses=(
        DATA,
        SQUARED_LOSS,
        LINEAR,
        ALL_TRAINED,
        NO_SKIPS,
        needs.OUTPUT_BIAS_ON_MEANS,
        needs.ONE_NOISY_LAYER,
        needs.NO_DECAY,
        needs.WIDE_ENOUGH,
    ),
    solve=solve,
)
