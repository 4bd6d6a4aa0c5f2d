"""Lower bounds of two-layer networks on any inputs by convex duality.  Proof: ``docs/theory/nuclear-norm.md``."""

import numpy as np

from service.core.arrays import FloatArray
from service.core.certificates.linear_checks import certificate
from service.core.certificates.separable import undecayed_bound
from service.core.linear.common_decay import common_decay
from service.core.linear.quadratic import Quadratic, quadratic_of, spectral_norm
from service.core.linear.ranks import rank_bound
from service.core.linear.scalar_bounds import scalar_bounds
from service.core.linear.uncentred import noise_coordinates
from service.core.problems import Problem
from service.core.results import Certificate, Solution

DUAL = "the residual of the weights, scaled into the spectral-norm ball, is feasible for the dual"
TANGENT_DUAL = "the squared nuclear norm bounded by its tangent, then the scaled residual as a dual point"
KUNIN = "closed form for reconstruction through a bottleneck (Kunin et al. 2019), one eigenvalue at a time"


def residual_bound(quadratic: Quadratic, mu: float, end_map: FloatArray) -> float:
    """Dual bound of ``||V diag(s) - target||^2 + residual + 2 mu ||V||_*`` from the residual of a map V (k, rho).

    Notes
    -----
    For any share a with ``a ||E[(y - V x) x^T]|| <= mu`` the value ``2 a <R, Y> - a^2 ||R||^2`` is a lower bound; one
    operator norm is all that a reader has to check.
    """
    misfit = quadratic.target - end_map * quadratic.scales
    error = quadratic.residual + float(np.sum(misfit * misfit))
    overlap = quadratic.residual + float(np.sum(misfit * quadratic.target))
    if error == 0.0:
        return 0.0
    steepest = spectral_norm(misfit * quadratic.scales)
    share = min(overlap / error, mu / steepest if steepest > 0.0 else np.inf)
    return 2.0 * share * overlap - share**2 * error


def certify_nuclear_norm(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a two-layer network with decay."""
    quadratic = quadratic_of(problem)
    mu = common_decay(problem.network.weight_decays)
    lower = residual_bound(quadratic, mu, quadratic.restrict(solution.minimum.end_to_end_map))
    return certificate(problem, quadratic, solution, max(lower, undecayed_bound(problem, quadratic)), DUAL)


def certify_autoencoder(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a two-layer autoencoder; by duality where the bottleneck does not bind."""
    quadratic = quadratic_of(problem)
    mu = common_decay(problem.network.weight_decays)
    bound = rank_bound(problem, quadratic)
    squares = quadratic.scales**2
    if bound == squares.size or squares[bound] <= mu:
        return certify_nuclear_norm(problem, solution)
    leading = squares[:bound]
    # q (1 - p)^2 + 2 mu p is (s - y)^2 + (2 mu / sqrt q) s at s = p sqrt q, y = sqrt q
    parts = [scalar_bounds(np.array([root]), 2.0 * mu / root, 1.0)[0] for root in np.sqrt(leading)]
    lower = quadratic.residual + float(np.sum(parts)) + float(np.sum(squares[bound:]))
    return certificate(problem, quadratic, solution, lower, KUNIN)


def certify_uncentred_noise(problem: Problem, solution: Solution) -> Certificate:
    """Certificate under hidden noise and an output bias; the squared norm is bounded by its tangent at the map."""
    quadratic, coordinates = quadratic_of(problem), noise_coordinates(problem)
    error, inside = coordinates.error, coordinates.of_map(solution.minimum.end_to_end_map)
    norm = float(np.sum(np.linalg.svd(inside, compute_uv=False)))
    lower = residual_bound(error, coordinates.mu * norm, error.restrict(inside)) - coordinates.mu * norm**2
    return certificate(problem, quadratic, solution, lower, TANGENT_DUAL)
