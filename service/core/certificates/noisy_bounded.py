"""Lower bound of a network with noise on hidden layers: the best of those for noise, decay, and both at once."""

import numpy as np

from service.core.bounds.deep import convex_bound, decay_bound
from service.core.bounds.linear_checks import certificate
from service.core.bounds.quadratic_below import Below
from service.core.bounds.separable import dropout_bound, nuclear_norm
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution

COMBINED = "the largest of the bounds for noise alone, decay alone, and both with one of them replaced by its tangent"


def certify(problem: Problem, solution: Solution) -> Certificate:
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
