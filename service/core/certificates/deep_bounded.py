"""Lower bound of a decayed network without hidden noise: the best of those for its decay, its rank and two layers."""

from service.core.bounds.deep import decay_bound
from service.core.bounds.duality import convex_decay_bound
from service.core.bounds.linear_checks import certificate
from service.core.bounds.quadratic_below import Below
from service.core.bounds.separable import undecayed_bound
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution

DECAY = (
    "one matrix dominates the gain of every output direction (Ky Fan), or convexity is moved from the error to the "
    "penalty and singular values are paired in order (von Neumann)"
)


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate, or an honest gap, of a decayed network without hidden noise."""
    return certificate(problem, solution, _deep_bound, DECAY)


def _deep_bound(below: Below) -> float:
    bounds = [decay_bound(below, 0.0), undecayed_bound(below)]
    if below.problem.network.n_layers == 2:
        bounds.append(convex_decay_bound(below))
    return max(bounds)
