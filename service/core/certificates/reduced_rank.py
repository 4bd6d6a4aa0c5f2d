"""Lower bound of a network with an undecayed layer, or of a single layer: no map of its rank is nearer."""

import numpy as np

from service.core.bounds.linear_checks import certificate
from service.core.bounds.quadratic_below import Below
from service.core.bounds.separable import undecayed_bound
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution

ECKART_YOUNG = "no map of the rank that the widths allow is nearer to the target (Eckart, Young 1936)"


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a network with an undecayed layer, or of a single layer."""
    if problem.network.n_layers == 1 and problem.network.weight_decays[0] > 0.0:
        ridge = float(problem.network.weight_decays[0])

        def bound(below: Below) -> float:
            return -np.inf if below.expansion is None else below.expansion.ridge_minimum(ridge)

        return certificate(problem, solution, bound, "ridge regression is convex", quick=False)
    return certificate(problem, solution, undecayed_bound, ECKART_YOUNG)
