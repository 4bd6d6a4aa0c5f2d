"""Lower bound of a two-layer autoencoder with decay: by duality, or in closed form where the bottleneck binds."""

import numpy as np

from service.core.bounds.duality import DUAL, two_layer_bound
from service.core.bounds.linear_checks import certificate
from service.core.bounds.quadratic_below import Below
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution
from service.core.several_outputs.singular_values.common_decay import common_decay
from service.core.several_outputs.singular_values.scalar_bounds import scalar_bounds
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.core.several_outputs.squared_error.ranks import rank_bound

KUNIN = "closed form for reconstruction through a bottleneck (Kunin et al. 2019), one eigenvalue at a time"


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a two-layer autoencoder; by duality where the bottleneck does not bind."""
    quadratic = quadratic_of(problem)
    mu = common_decay(problem.network.weight_decays)
    bound = rank_bound(problem, quadratic)
    squares = quadratic.scales**2
    if bound == squares.size or squares[bound] <= mu:
        return certificate(problem, solution, two_layer_bound, DUAL)
    return certificate(problem, solution, _reconstruction_bound, KUNIN, quick=False)


def _reconstruction_bound(below: Below) -> float:
    """The closed form on second moments that are no larger; it grows with each of them."""
    quadratic = below.quadratic
    mu = common_decay(below.problem.network.weight_decays)
    bound = rank_bound(below.problem, quadratic)
    squares = np.sort(quadratic.scales**2)[::-1]
    # q (1 - p)^2 + 2 mu p is (s - y)^2 + (2 mu / sqrt q) s at s = p sqrt q, y = sqrt q
    parts = [scalar_bounds(np.array([root]), 2.0 * mu / root, 1.0)[0] for root in np.sqrt(squares[:bound])]
    lower = float(np.sum(parts)) + float(np.sum(squares[bound:]))
    stretch = 0.0 if below.expansion is None else below.expansion.stretch
    return lower * (1.0 - 4.0 * stretch - 64.0 * EPSILON)
