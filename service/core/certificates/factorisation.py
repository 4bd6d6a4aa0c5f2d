"""Lower bound of a decayed network on white inputs, one singular value at a time."""

from service.core.bounds.linear_checks import certificate
from service.core.bounds.separable import separated_bound
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution

SEPARATED = (
    "singular values paired in order (von Neumann), each scalar problem bounded by a tangent of its convex branch"
)


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a decayed network on white inputs."""
    return certificate(problem, solution, separated_bound, SEPARATED)
