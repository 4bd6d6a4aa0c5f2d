"""Lower bound under noise on hidden layers, the squared nuclear norm bounded by its tangent."""

from service.core.bounds.linear_checks import certificate
from service.core.bounds.separable import dropout_bound
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution

TANGENT = "singular values paired in order (von Neumann), the squared nuclear norm bounded by its tangent"


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate under noise on hidden layers: without decay on some layer, or two layers on white inputs."""
    return certificate(problem, solution, dropout_bound, TANGENT)
