"""Lower bounds of two-layer networks on any inputs by convex duality.  Proof: ``docs/theory/nuclear-norm.md``."""

import numpy as np

from service.core.bounds.quadratic_below import Below
from service.core.bounds.separable import undecayed_bound
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.several_outputs.singular_values.common_decay import common_decay
from service.core.several_outputs.squared_error.quadratic import Quadratic, spectral_norm

DUAL = "the residual of the weights, scaled into the spectral-norm ball, is feasible for the dual"


def two_layer_bound(below: Below) -> float:
    """The larger bound of two decayed layers: that of their decay, or that of the rank that they leave."""
    return max(convex_decay_bound(below), undecayed_bound(below))


def residual_bound(quadratic: Quadratic, mu: float, end_map: FloatArray) -> float:
    """Dual bound of ``||V diag(s) - target||^2 + residual + 2 mu ||V||_*`` from the residual of a map V (k, rho).

    Notes
    -----
    For any share a with ``a ||E[(y - V x) x^T]|| <= mu`` the value ``2 a <R, Y> - a^2 ||R||^2`` is a lower bound; one
    operator norm is all that a reader has to check.
    """
    misfit = quadratic.target - end_map * quadratic.scales
    steep = misfit * quadratic.scales
    error = quadratic.residual + float(np.sum(misfit * misfit))
    # <R, Y> as two terms of the size of the loss, not as one of the size of the targets
    overlap = error + float(np.sum(steep * end_map))
    if error <= 0.0:
        return min(error, 0.0)
    steepest = spectral_norm(steep) * (1.0 + 8.0 * sum(steep.shape) * EPSILON)
    share = min(overlap / error, mu / steepest if steepest > 0.0 else np.inf)
    return 2.0 * share * overlap - share**2 * error - 64.0 * EPSILON * (error + abs(overlap))


def convex_decay_bound(below: Below) -> float:
    """Bound of two decayed layers: the nuclear norm of the map times the geometric mean of the decays.

    Notes
    -----
    The best of three dual points: the slope at the map with its singular values cut at the decay, the subgradient of
    the penalty that is nearest to it, and the scaled residual, which loses less where the map is not yet a minimum.
    """
    mu = common_decay(below.problem.network.weight_decays)
    of_residual = residual_bound(below.quadratic, mu, below.end_map) - _rounding(below)
    expansion = below.expansion
    if expansion is None:
        return of_residual
    cut = mu * (1.0 - 8.0 * sum(expansion.slope.shape) * EPSILON)
    points = (cut_to_ball(expansion.slope, cut), sign_point(expansion.centre, expansion.slope, cut))
    bounds = [expansion.dual_minimum(point, below.longest) for point in points]
    return max(*bounds, of_residual)


def cut_to_ball(slope: FloatArray, radius: float) -> FloatArray:
    """The matrix of spectral norm at most ``radius`` that is nearest to ``slope`` (k, d), of the same shape."""
    left, values, right = np.linalg.svd(slope, full_matrices=False)
    nearest: FloatArray = (left * np.minimum(values, radius)) @ right
    return nearest


def sign_point(end_map: FloatArray, slope: FloatArray, radius: float) -> FloatArray:
    """``radius`` times the signs of a map (k, d), and off its range what a slope (k, d) has there, cut to the ball.

    The subgradient of ``radius ||.||_*`` at the map that is nearest to the slope: where the map is a minimum but for
    rounding, it differs from the slope by that rounding.
    """
    left, values, right = np.linalg.svd(end_map, full_matrices=False)
    kept = values > 1e-9 * max(float(np.max(values, initial=0.0)), 1e-300)
    left, right = left[:, kept], right[kept]
    off = slope - left @ (left.T @ slope)
    off = off - (off @ right.T) @ right
    point: FloatArray = radius * (left @ right) + cut_to_ball(off, radius)
    return point


def _rounding(below: Below) -> float:
    """Rounding of a misfit that is the difference of targets: first order in the misfit, second in the targets."""
    misfit = below.quadratic.target - below.end_map * below.quadratic.scales
    off = 4.0 * EPSILON * float(np.linalg.norm(below.quadratic.target))
    return off * (2.0 * float(np.linalg.norm(misfit)) + off)
