"""Weight decay, any depth, any inputs, and an end-to-end map of rank at most one.

See ``docs/theory/rank-one.md``.
"""

from collections.abc import Sequence

import numpy as np

from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum, Solution
from service.core.ground.roles import Search, Solver
from service.core.several_outputs import hypotheses as needs
from service.core.several_outputs.rank_one.objective import RankOneObjective
from service.core.several_outputs.rank_one.search import RankOne, minimise
from service.core.several_outputs.rank_one.thresholds import rank_one_thresholds
from service.core.several_outputs.singular_values.shrinkage import Shrinkage
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of
from service.core.several_outputs.weights.layers import aligned_layers
from service.core.several_outputs.weights.minimum import UNIQUE, ZERO_UNIQUE, global_minimum
from service.core.several_outputs.weights.origin import origin_and_minimum, origin_of
from service.vocabulary import Status


def solve(problem: Problem) -> Solution:
    """Global minimum of a decayed network through a bottleneck of one."""
    quadratic = quadratic_of(problem)
    decays = problem.network.weight_decays
    objective = RankOneObjective(quadratic, Shrinkage.of(decays))
    found = minimise(objective)
    minimum = rank_one_minimum(problem, quadratic, found)
    reason = "the barrier of the reduced problem has no closed form for inputs that are not white"
    origin = origin_of(problem, quadratic, minimum.trivial, None, reason)
    points = origin_and_minimum(quadratic, origin, minimum)
    return Solution(
        "rank_one_bottleneck",
        SOLVER.theorems,
        minimum,
        points,
        "not complete: the origin and the global minimum; other stationary points are not listed",
        rank_one_thresholds(objective),
        origin,
    )


def rank_one_minimum(problem: Problem, quadratic: Quadratic, found: RankOne) -> GlobalMinimum:
    """Balanced layers of a map of rank one, as a result."""
    network = problem.network
    size = float(np.linalg.norm(found.right))
    count = int(size > 0.0)
    left = found.left[:, None][:, :count]
    right = quadratic.expand((found.right / size if count else found.right)[:, None])[:, :count]
    singular = np.full(count, size)
    layers = network.n_layers
    log_lane = float(np.sum(np.log(network.weight_decays))) / (2 * layers)
    shares = np.exp(log_lane) * singular ** (1.0 / layers)
    values = [shares / np.sqrt(decay) for decay in network.weight_decays]
    end_map = (left * singular) @ right.T
    parameters = aligned_layers(network, left, values, right, quadratic.offset(end_map))
    uniqueness = UNIQUE if count else ZERO_UNIQUE
    decay = layers * float(np.sum(shares**2))
    return global_minimum(problem, quadratic, (left, singular, right), parameters, uniqueness, decay=decay)


def seconds(widths: Sequence[int]) -> float:
    """Measured on one core; see `Solver`."""
    # the certificate; between a quarter and four times of it, by how far apart the singular values are
    return (1e-3 + 1.4e-3 * widths[0]) * (1.3 if len(widths) == 3 else 3.4)


SOLVER = Solver(
    name="rank_one_bottleneck",
    theorems=("rank-one-bottleneck",),
    status=Status.CERTIFIED,
    hypotheses=(*needs.COMMON, needs.layers_at_least(2), needs.NO_HIDDEN_NOISE, needs.ALL_DECAYED, needs.RANK_ONE),
    solve=solve,
    seconds=seconds,
    searches=Search.THROUGH_ONE_UNIT,
)
