"""Lower bounds that separate over singular values: no decay, decay on white inputs, and noise.

Von Neumann's inequality pairs the singular values of any map with those of the target in order; what is left are
scalar problems, bounded here by tangents or in closed form.  Proofs: ``docs/theory/reduced-rank.md``,
``docs/theory/factorisation.md`` and ``docs/theory/dropout.md``.
"""

import numpy as np

from service.core.arrays import FloatArray
from service.core.certificates.linear_checks import certificate
from service.core.linear.common_decay import common_decay
from service.core.linear.quadratic import Quadratic, quadratic_of, with_ridge
from service.core.linear.ranks import rank_bound
from service.core.linear.scalar_bounds import scalar_bounds
from service.core.linear.water_filling import effective_noise
from service.core.problems import Problem
from service.core.results import Certificate, Solution

ECKART_YOUNG = "no map of the rank that the widths allow is nearer to the target (Eckart, Young 1936)"
SEPARATED = (
    "singular values paired in order (von Neumann), each scalar problem bounded by a tangent of its convex branch"
)
TANGENT = "singular values paired in order (von Neumann), the squared nuclear norm bounded by its tangent"


def certify_reduced_rank(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a network with an undecayed layer, or of a single layer."""
    quadratic = quadratic_of(problem)
    if problem.network.n_layers == 1:
        ridged = with_ridge(quadratic, float(problem.network.weight_decays[0]))
        return certificate(problem, quadratic, solution, ridged.residual, "ridge regression is convex")
    return certificate(problem, quadratic, solution, undecayed_bound(problem, quadratic), ECKART_YOUNG)


def undecayed_bound(problem: Problem, quadratic: Quadratic) -> float:
    """Least squared error of any map of the rank that the widths allow."""
    values = target_values(quadratic)
    return quadratic.residual + float(np.sum(values[rank_bound(problem, quadratic) :] ** 2))


def certify_factorisation(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a decayed network on white inputs."""
    quadratic = quadratic_of(problem)
    values = target_values(quadratic)
    bound = rank_bound(problem, quadratic)
    layers = problem.network.n_layers
    # inputs that are white to rounding: the least second moment bounds the decay of the first layer from below
    log_decay = float(np.sum(np.log(problem.network.weight_decays))) - 2.0 * float(np.log(quadratic.largest_scale))
    penalty = layers * float(np.exp(log_decay / layers))
    lower = quadratic.residual + float(np.sum(values[bound:] ** 2))
    lower += float(np.sum(scalar_bounds(values[:bound], penalty, 2.0 / layers)))
    return certificate(problem, quadratic, solution, lower, SEPARATED)


def certify_dropout(problem: Problem, solution: Solution) -> Certificate:
    """Certificate under noise on hidden layers: without decay on some layer, or two layers on white inputs."""
    quadratic = quadratic_of(problem)
    norm = float(np.sum(np.linalg.svd(quadratic.coordinates(solution.minimum.end_to_end_map), compute_uv=False)))
    return certificate(problem, quadratic, solution, dropout_bound(problem, quadratic, norm), TANGENT)


def dropout_bound(problem: Problem, quadratic: Quadratic, norm: float) -> float:
    """Bound of the loss under noise; the best one has ``norm`` equal to the nuclear norm at the minimum.

    Notes
    -----
    ``nu T^2 >= 2 nu norm T - nu norm^2`` for every T, after which the singular values separate.
    """
    values = target_values(quadratic)
    bound = rank_bound(problem, quadratic)
    noise, decays = effective_noise(problem.network), problem.network.weight_decays
    decay = 0.0
    if problem.network.n_layers == 2 and np.all(decays > 0.0):
        decay = common_decay(decays) / quadratic.largest_scale
    gains = np.maximum(values[:bound] - decay - noise * norm, 0.0) ** 2
    return quadratic.total - float(np.sum(gains)) - noise * norm**2


def target_values(quadratic: Quadratic) -> FloatArray:
    """Singular values of the target, descending, without vectors."""
    return np.asarray(np.linalg.svd(quadratic.target, compute_uv=False), dtype=np.float64)
