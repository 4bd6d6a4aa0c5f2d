"""The largest eigenvalue of the exact Hessian at given weights, with how it is known."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.curvature.hessian import dense_hessian, hessian_product
from service.core.curvature.largest import NO_CONVERGENCE, largest_by_products
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters
from service.core.losses.trained import trained_mask
from service.vocabulary import Evidence

DENSE: Final = 200
"""Trained numbers up to which the whole Hessian is formed."""
MOST: Final = 100_000
"""Numbers up to which products with the Hessian are taken."""


@dataclass(frozen=True, slots=True)
class LargestCurvature:
    """The largest eigenvalue: `certified` from all of them, `observed` where Lanczos converged to it."""

    value: float
    evidence: Evidence


def largest_of_hessian(problem: Problem, point: DenseParameters) -> LargestCurvature | str:
    """The largest Hessian eigenvalue with respect to all that is trained, or why it was not computed.

    Parameters
    ----------
    problem : Problem
        Linear activations and squared loss; any noise, bias, decay and frozen layers; no skips.
    point : DenseParameters

    Notes
    -----
    O(P^3) up to 200 numbers; beyond, Lanczos by products of O(P max(width)) operations each, whose residual is below
    ``1e-10`` of the value.
    """
    trained = trained_mask(problem.network, point)
    if trained.size > MOST:
        return f"more than {MOST} weights and biases"
    if np.count_nonzero(trained) <= DENSE:
        return LargestCurvature(float(np.linalg.eigvalsh(dense_hessian(problem, point))[-1]), Evidence.CERTIFIED)
    found = largest_by_products(lambda vector: hessian_product(problem, point, vector), trained)
    return NO_CONVERGENCE if found is None else LargestCurvature(found, Evidence.OBSERVED)
