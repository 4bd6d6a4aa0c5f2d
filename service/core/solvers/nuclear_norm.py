"""Two layers with weight decay on any inputs, wide enough: a convex nuclear-norm problem.

See ``docs/theory/nuclear-norm.md``.
"""

from collections.abc import Sequence

import numpy as np

from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum, Solution
from service.core.ground.roles import Solver
from service.core.several_outputs import hypotheses as needs
from service.core.several_outputs.nuclear_norm.solution import NuclearSolution, minimise
from service.core.several_outputs.rank_one.thresholds import collapse_thresholds
from service.core.several_outputs.singular_values.common_decay import common_decay
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of
from service.core.several_outputs.weights.layers import aligned_layers
from service.core.several_outputs.weights.minimum import UNIQUE, ZERO_UNIQUE, global_minimum
from service.core.several_outputs.weights.origin import origin_and_minimum, origin_of
from service.vocabulary import Status


def solve(problem: Problem) -> Solution:
    """Global minimum of a two-layer network with decay, with the origin and the threshold of collapse."""
    quadratic = quadratic_of(problem)
    decays = problem.network.weight_decays
    mu = common_decay(decays)
    found = minimise(quadratic, mu)
    minimum = two_layer_minimum(problem, quadratic, found)
    origin = origin_of(problem, quadratic, minimum.trivial, 0.0)
    points = origin_and_minimum(quadratic, origin, minimum)
    return Solution(
        "nuclear_norm",
        SOLVER.theorems,
        minimum,
        points,
        "not complete: every local minimum is global (proved); saddles other than the origin are not listed",
        collapse_thresholds(quadratic, mu),
        origin,
    )


def two_layer_minimum(problem: Problem, quadratic: Quadratic, found: NuclearSolution) -> GlobalMinimum:
    """Balanced layers of the map of a nuclear-norm solution, as a result."""
    decays = problem.network.weight_decays
    mu = common_decay(decays)
    right = quadratic.expand(found.right)
    shares = np.sqrt(mu * found.values)
    end_map = (found.left * found.values) @ right.T
    values = [shares / np.sqrt(decay) for decay in decays]
    parameters = aligned_layers(problem.network, found.left, values, right, quadratic.offset(end_map))
    uniqueness = UNIQUE if found.values.size else ZERO_UNIQUE
    svd = (found.left, found.values, right)
    decay = 2.0 * mu * float(np.sum(found.values))
    return global_minimum(problem, quadratic, svd, parameters, uniqueness, decay=decay)


def seconds(widths: Sequence[int]) -> float:
    """Measured on one core; see `Solver`."""
    return 3e-3 + 6e-6 * widths[0] * widths[-1] + 1e-7 * min(widths[0], widths[-1]) ** 3


SOLVER = Solver(
    name="nuclear_norm",
    theorems=("nuclear-norm",),
    status=Status.CERTIFIED,
    hypotheses=(*needs.COMMON, needs.layers_exactly(2), needs.NO_HIDDEN_NOISE, needs.ALL_DECAYED, needs.WIDE_ENOUGH),
    solve=solve,
    seconds=seconds,
)
