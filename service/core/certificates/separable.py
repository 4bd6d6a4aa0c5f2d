"""Lower bounds that separate over singular values: no decay, decay on white inputs, and noise.

Von Neumann's inequality pairs the singular values of any map with those of the target in order; what is left are
scalar problems, bounded here by tangents or in closed form.  Proofs: ``docs/theory/reduced-rank.md``,
``docs/theory/factorisation.md`` and ``docs/theory/dropout.md``.
"""

import numpy as np

from service.core.arrays import FloatArray
from service.core.certificates.linear_checks import certificate
from service.core.certificates.quadratic_below import Below
from service.core.linalg import EPSILON
from service.core.linear.common_decay import common_decay
from service.core.linear.quadratic import Quadratic
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
    if problem.network.n_layers == 1 and problem.network.weight_decays[0] > 0.0:
        ridge = float(problem.network.weight_decays[0])

        def bound(below: Below) -> float:
            return -np.inf if below.expansion is None else below.expansion.ridge_minimum(ridge)

        return certificate(problem, solution, bound, "ridge regression is convex", quick=False)
    return certificate(problem, solution, undecayed_bound, ECKART_YOUNG)


def undecayed_bound(below: Below) -> float:
    """Least squared error of any map of the rank that the widths allow."""
    quadratic = below.quadratic
    values = target_values(quadratic)
    left_out = values[rank_bound(below.problem, quadratic) :]
    # singular values are right to some eps of the largest
    off = 4.0 * sum(quadratic.target.shape) * EPSILON * float(np.max(values, initial=0.0))
    return quadratic.residual + float(np.sum(np.maximum(left_out - off, 0.0) ** 2))


def certify_factorisation(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a decayed network on white inputs."""
    return certificate(problem, solution, _separated_bound, SEPARATED)


def _separated_bound(below: Below) -> float:
    quadratic, network = below.quadratic, below.problem.network
    values = target_values(quadratic)
    bound, layers = rank_bound(below.problem, quadratic), network.n_layers
    # inputs that are white to rounding: the largest second moment bounds the decay of the first layer from below
    log_decay = float(np.sum(np.log(network.weight_decays))) - 2.0 * float(np.log(quadratic.largest_scale))
    penalty = layers * float(np.exp(log_decay / layers))
    lower = quadratic.residual + float(np.sum(values[bound:] ** 2))
    lower += float(np.sum(scalar_bounds(values[:bound], penalty, 2.0 / layers)))
    return lower - below.arithmetic


def certify_dropout(problem: Problem, solution: Solution) -> Certificate:
    """Certificate under noise on hidden layers: without decay on some layer, or two layers on white inputs."""
    return certificate(problem, solution, dropout_bound, TANGENT)


def dropout_bound(below: Below) -> float:
    """Bound of the loss under noise, by the tangent at the nuclear norm of the claimed map.

    Notes
    -----
    ``nu T^2 >= 2 nu norm T - nu norm^2`` for every T, after which the singular values separate.
    """
    quadratic, network = below.quadratic, below.problem.network
    norm = nuclear_norm(below)
    values = target_values(quadratic)
    bound = rank_bound(below.problem, quadratic)
    noise, decays = effective_noise(network), network.weight_decays
    decay = 0.0
    if network.n_layers == 2 and np.all(decays > 0.0):
        decay = common_decay(decays) / quadratic.largest_scale
    gains = np.maximum(values[:bound] - decay - noise * norm, 0.0) ** 2
    return quadratic.total - float(np.sum(gains)) - noise * norm**2 - below.arithmetic


def nuclear_norm(below: Below) -> float:
    """Nuclear norm of the claimed map in white coordinates."""
    coordinates = below.quadratic.coordinates(below.claimed.end_to_end_map)
    return float(np.sum(np.linalg.svd(coordinates, compute_uv=False)))


def target_values(quadratic: Quadratic) -> FloatArray:
    """Singular values of the target, descending, without vectors."""
    return np.asarray(np.linalg.svd(quadratic.target, compute_uv=False), dtype=np.float64)
