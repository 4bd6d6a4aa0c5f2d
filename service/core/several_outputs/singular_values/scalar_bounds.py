"""Lower bounds of scalar problems with a concave power, by tangents of the convex branch."""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray

FEW = 16


def scalar_bounds(targets: FloatArray, penalty: float, power: float) -> FloatArray:
    """Lower bounds of ``min_s (s - y)^2 + P s^p`` over ``s >= 0`` for targets y, shape (m,).

    Parameters
    ----------
    targets : (m,) array
        Not negative.
    penalty : float
        P >= 0.
    power : float
        p in (0, 1].

    Notes
    -----
    Beyond ``s_i = (P p (1-p)/2)^(1/(2-p))`` the function is convex, and its only minimum other than zero lies there.
    The tangent at any point of that branch bounds it from below; Newton steps make the tangent flat.  For p = 1 the
    derivative is linear and needs no steps.
    """
    lowest = (0.5 * penalty * power * (1.0 - power)) ** (1.0 / (2.0 - power))
    highest: FloatArray = np.maximum(targets, lowest)
    at = np.maximum(targets - 0.5 * penalty, 0.0) if power == 1.0 else _on_convex_branch(targets, penalty, power)
    slope = 2.0 * (at - targets) + penalty * power * np.maximum(at, 1e-300) ** (power - 1.0)
    value = (at - targets) ** 2 + penalty * at**power
    # the derivative is positive beyond the highest, and zero needs no tangent where it is the minimum of p = 1
    width = np.where(slope > 0.0, at - lowest, highest - at)
    bounds: FloatArray = np.minimum(value - np.abs(slope) * width, targets**2)
    return bounds


def _on_convex_branch(targets: FloatArray, penalty: float | FloatArray, power: float) -> FloatArray:
    """Newton steps from the right end of the convex branch, which descend monotonically to the larger root."""
    inflection = (0.5 * penalty * power * (1.0 - power)) ** (1.0 / (2.0 - power))
    floor = np.maximum(inflection, 1e-100)
    at: FloatArray = np.maximum(targets, floor)
    for _ in range(60):
        slope = 2.0 * (at - targets) + penalty * power * at ** (power - 1.0)
        curvature = 2.0 + penalty * power * (power - 1.0) * at ** (power - 2.0)
        step = np.where(curvature > 0.0, slope / np.where(curvature > 0.0, curvature, 1.0), 0.0)
        following = np.maximum(at - step, floor)
        if np.all(np.abs(following - at) <= 1e-15 * at):
            break
        at = following
    return at


def scalar_minimisers(targets: FloatArray, penalty: float | FloatArray, power: float) -> FloatArray:
    """Minimisers of ``(s - y)^2 + P s^p`` over ``s >= 0``, shape (m,); zero where zero costs as little.

    Parameters
    ----------
    targets : (m,) array
    penalty : float or (n, 1) array
        P >= 0; a column (n, 1) gives the minimisers (n, m) for each of its entries.
    power : float
        p in (0, 1].
    """
    if power == 1.0:
        shrunk: FloatArray = np.maximum(targets - 0.5 * penalty, 0.0)
        return shrunk
    if isinstance(penalty, float) and targets.size <= FEW:
        return np.array([_minimiser(target, penalty, power) for target in targets.tolist()])
    at = _on_convex_branch(targets, penalty, power)
    better = (at - targets) ** 2 + penalty * at**power < targets**2
    minimisers: FloatArray = np.where(better, at, 0.0)
    return minimisers


def _minimiser(target: float, penalty: float, power: float) -> float:
    """One of `scalar_minimisers`, by the same steps; for a few targets an array costs more than the numbers in it."""
    inflection = (0.5 * penalty * power * (1.0 - power)) ** (1.0 / (2.0 - power))
    floor = max(inflection, 1e-100)
    at = max(target, floor)
    for _ in range(60):
        pull = penalty * power * at ** (power - 1.0)
        curvature = 2.0 + pull * (power - 1.0) / at
        step = (2.0 * (at - target) + pull) / curvature if curvature > 0.0 else 0.0
        following = max(at - step, floor)
        if abs(following - at) <= 1e-15 * at:
            break
        at = following
    return at if (at - target) ** 2 + penalty * at**power < target**2 else 0.0
