"""Lower bounds where no closed form is known: decay on any inputs and depth, noise and decay together.

Proof: ``docs/theory/deep-bounds.md``.
"""

import numpy as np

from service.core.certificates.duality import residual_bound
from service.core.certificates.linear_checks import GAP_TOLERANCE, certificate
from service.core.certificates.separable import dropout_bound, undecayed_bound
from service.core.linear.common_decay import common_decay
from service.core.linear.envelope import Penalised
from service.core.linear.guided import slack_of
from service.core.linear.noisy_decay import DecayDual
from service.core.linear.quadratic import Quadratic, quadratic_of
from service.core.linear.rank_branches import branched_bound
from service.core.linear.ranks import rank_bound
from service.core.linear.reweighted import settle
from service.core.linear.water_filling import effective_noise
from service.core.problems import Problem
from service.core.results import Certificate, Solution

DECAY = (
    "one matrix dominates the gain of every output direction (Ky Fan), or convexity is moved from the error to the "
    "penalty and singular values are paired in order (von Neumann)"
)
COMBINED = "the largest of the bounds for noise alone, decay alone, and both with one of them replaced by its tangent"


def certify_deep(problem: Problem, solution: Solution) -> Certificate:
    """Certificate, or an honest gap, of a decayed network without hidden noise."""
    quadratic = quadratic_of(problem)
    lower = max(decay_bound(problem, quadratic, solution, 0.0), undecayed_bound(problem, quadratic))
    if problem.network.n_layers == 2:
        mu = common_decay(problem.network.weight_decays)
        end_map = quadratic.restrict(solution.minimum.end_to_end_map)
        lower = max(lower, residual_bound(quadratic, mu, end_map))
    return certificate(problem, quadratic, solution, lower, DECAY)


def certify_noisy(problem: Problem, solution: Solution) -> Certificate:
    """Certificate, or an honest gap, of a network with noise on hidden layers."""
    quadratic = quadratic_of(problem)
    norm = float(np.sum(np.linalg.svd(quadratic.coordinates(solution.minimum.end_to_end_map), compute_uv=False)))
    bounds = [dropout_bound(problem, quadratic, norm)]
    if np.all(problem.network.weight_decays > 0.0) and quadratic.rank:
        bounds.append(decay_bound(problem, quadratic, solution, 0.0))
        bounds.append(decay_bound(problem, quadratic, solution, norm))
        if problem.network.n_layers == 2:
            bounds.append(convex_bound(problem, quadratic, solution))
    return certificate(problem, quadratic, solution, max(bounds), COMBINED)


def convex_bound(problem: Problem, quadratic: Quadratic, solution: Solution) -> float:
    """Bound of two layers with noise and decay: both penalties at once, the decay by its dual."""
    gam = common_decay(problem.network.weight_decays)
    dual = DecayDual(quadratic, effective_noise(problem.network), gam, rank_bound(problem, quadratic))
    unit = max(abs(solution.minimum.loss), 1e-6 * problem.data.yy)
    goal = solution.minimum.loss - 0.1 * GAP_TOLERANCE * unit
    return dual.best(quadratic.restrict(solution.minimum.end_to_end_map), goal)


def decay_bound(problem: Problem, quadratic: Quadratic, solution: Solution, norm: float) -> float:
    """Bound with decay on every layer; noise enters by its tangent at the nuclear norm ``norm`` in white coordinates.

    Notes
    -----
    ``nu T^2 >= 2 nu norm T - nu norm^2`` and T is at least the least scale times the nuclear norm of the map.
    """
    noise = effective_noise(problem.network)
    linear = 2.0 * noise * norm * quadratic.least_scale
    task = Penalised.of(quadratic, problem.network.weight_decays, rank_bound(problem, quadratic), linear)
    start = quadratic.restrict(solution.minimum.end_to_end_map)
    shift = noise * norm**2
    unit = max(abs(solution.minimum.loss), 1e-6 * problem.data.yy)
    goal = solution.minimum.loss + shift - 0.1 * GAP_TOLERANCE * unit
    bound = task.lower_bound(start)
    if bound < goal and quadratic.correlation_norm > 0.0:
        # the surrogate of the noise is stationary elsewhere
        near = settle(task, start) if linear else start
        bound = max(bound, branched_bound(task, near, slack_of(task, task.value(near)), goal))
    return bound - shift
