"""Lower bound of a two-layer network with decay, by convex duality or by its rank."""

from service.core.bounds.duality import DUAL, two_layer_bound
from service.core.bounds.linear_checks import certificate
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a two-layer network with decay."""
    return certificate(problem, solution, two_layer_bound, DUAL)
