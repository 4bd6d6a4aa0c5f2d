"""The sign of the Hessian at the returned weights: a minimum has no negative curvature."""

import numpy as np

from service.core.curvature.dense import hessian_of
from service.core.ground.problems import Problem
from service.core.ground.results import Check, Solution
from service.core.losses.dense import DenseParameters

MOST_PARAMETERS = 400
"""Weights and biases up to which the Hessian is formed; one gradient each."""


def curvature_check(problem: Problem, solution: Solution) -> Check | None:
    """How negative the least Hessian eigenvalue is, relative to the largest; None where it is not affordable.

    Parameters
    ----------
    problem : Problem
        Of a linear network under squared loss.
    solution : Solution

    Returns
    -------
    Check or None
        ``max(0, -least) / largest``; directions along which all minimisers lie have eigenvalue zero.

    Notes
    -----
    O(P) gradients for P parameters.
    """
    parameters = solution.minimum.parameters
    if parameters is None:
        return None
    shapes = [weight.shape for weight in parameters.weights]
    if sum(rows * columns for rows, columns in shapes) > MOST_PARAMETERS:
        return None
    dense = DenseParameters(
        tuple(weight.dense() for weight in parameters.weights),
        tuple(None if bias is None else bias.dense()[:, 0] for bias in parameters.biases),
    )
    values = np.linalg.eigvalsh(hessian_of(problem.network, problem.data, dense))
    largest = max(float(np.abs(values).max()), 1e-300)
    return Check("negative_curvature", max(0.0, -float(values[0])) / largest, 1e-8)
