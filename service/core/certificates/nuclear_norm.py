"""Lower bound of a two-layer network with decay, by convex duality or by its rank."""

from service.core.certificates.linear_checks import certificate
from service.core.certificates.shared_duality import DUAL, two_layer_bound
from service.core.problems import Problem
from service.core.results import Certificate, Solution


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a two-layer network with decay."""
    return certificate(problem, solution, two_layer_bound, DUAL)
