"""Lower bounds where no closed form is known: decay on any inputs and depth, noise and decay together.

Proof: ``docs/theory/deep-bounds.md``.
"""

import numpy as np

from service.core.certificates.duality import convex_decay_bound
from service.core.certificates.linear_checks import GAP_TOLERANCE, certificate
from service.core.certificates.quadratic_below import Below
from service.core.certificates.separable import dropout_bound, nuclear_norm, undecayed_bound
from service.core.linear.common_decay import common_decay
from service.core.linear.envelope import Penalised
from service.core.linear.guided import slack_of
from service.core.linear.noisy_decay import DecayDual
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
    return certificate(problem, solution, _deep_bound, DECAY)


def _deep_bound(below: Below) -> float:
    bounds = [decay_bound(below, 0.0), undecayed_bound(below)]
    if below.problem.network.n_layers == 2:
        bounds.append(convex_decay_bound(below))
    return max(bounds)


def certify_noisy(problem: Problem, solution: Solution) -> Certificate:
    """Certificate, or an honest gap, of a network with noise on hidden layers."""
    return certificate(problem, solution, _noisy_bound, COMBINED)


def _noisy_bound(below: Below) -> float:
    network, norm = below.problem.network, nuclear_norm(below)
    bounds = [dropout_bound(below)]
    if np.all(network.weight_decays > 0.0) and below.quadratic.rank:
        bounds += [decay_bound(below, 0.0), decay_bound(below, norm)]
        if network.n_layers == 2:
            bounds.append(convex_bound(below))
    return max(bounds)


def convex_bound(below: Below) -> float:
    """Bound of two layers with noise and decay: both penalties at once, the decay by its dual."""
    network, quadratic = below.problem.network, below.quadratic
    gam = common_decay(network.weight_decays)
    dual = DecayDual(quadratic, effective_noise(network), gam, rank_bound(below.problem, quadratic))
    goal = below.claimed.loss - 0.1 * GAP_TOLERANCE * below.unit
    return dual.best(below.end_map, goal) - below.arithmetic


def decay_bound(below: Below, norm: float) -> float:
    """Bound with decay on every layer; noise enters by its tangent at the nuclear norm ``norm`` in white coordinates.

    Notes
    -----
    ``nu T^2 >= 2 nu norm T - nu norm^2`` and T is at least the least scale times the nuclear norm of the map.
    """
    problem, quadratic = below.problem, below.quadratic
    if not quadratic.rank:
        return quadratic.residual
    noise = effective_noise(problem.network)
    linear = 2.0 * noise * norm * quadratic.least_scale
    task = Penalised.of(quadratic, problem.network.weight_decays, rank_bound(problem, quadratic), linear)
    start, shift = below.end_map, noise * norm**2
    goal = below.claimed.loss + shift - 0.1 * GAP_TOLERANCE * below.unit
    bound = task.lower_bound(start)
    if bound < goal and quadratic.correlation_norm > 0.0:
        # the surrogate of the noise is stationary elsewhere
        near = settle(task, start) if linear else start
        bound = max(bound, branched_bound(task, near, slack_of(task, task.value(near)), goal))
    return bound - shift - below.arithmetic
