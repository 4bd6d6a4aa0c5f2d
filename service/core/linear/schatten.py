"""Local minimisation of least squares with a concave penalty of the singular values.

Proximal steps decide which singular values survive; Newton steps on balanced layers, where the objective is smooth,
make the rest exact.  See ``docs/theory/deep-bounds.md``.
"""

import numpy as np
from scipy.optimize import minimize

from service.core.arrays import FloatArray
from service.core.linear.envelope import Penalised
from service.core.linear.kronecker import kronecker_hessian
from service.core.linear.scalar_bounds import scalar_minimisers
from service.core.losses import DenseParameters, end_to_end, flatten, gradient_of, loss_of, unflatten
from service.core.problems import Layer, Moments, Network

PROXIMAL_STEPS = 400
SETTLED = 1e-7
"""Relative change at which a descent ends; `polish` makes the rest exact."""
NEWTON_STEPS = 25
NEWTON_LIMIT = 700


def descend(task: Penalised, start: FloatArray, steps: int = PROXIMAL_STEPS) -> FloatArray:
    """Accelerated proximal gradient steps on the problem itself, restarted where a step opposes the momentum.

    Notes
    -----
    O(steps k rho min(k, rho)).  The penalty is not convex, so that nothing is promised but a good start for `polish`.
    """
    step = 1.0 / float(task.quadratic.scales[0] ** 2)
    current, ahead, momentum = start, start, 1.0
    for _ in range(steps):
        left, singular, right = np.linalg.svd(ahead - step * task.gradient(ahead), full_matrices=False)
        kept = scalar_minimisers(np.maximum(singular - 0.5 * step * task.linear, 0.0), step * task.penalty, task.power)
        kept[task.cap :] = 0.0
        following = (left * kept) @ right
        change = following - current
        if float(np.vdot(ahead - following, change)) > 0.0:
            momentum, ahead = 1.0, following
        else:
            grown = 0.5 * (1.0 + float(np.sqrt(1.0 + 4.0 * momentum**2)))
            ahead, momentum = following + (momentum - 1.0) / grown * change, grown
        current = following
        if float(np.linalg.norm(change)) <= SETTLED * max(float(np.linalg.norm(current)), 1e-300):
            break
    return current


def polish(task: Penalised, n_layers: int, end_map: FloatArray) -> FloatArray:
    """Quasi-Newton, then Newton steps on balanced layers with one lane for each singular value of ``end_map``.

    Notes
    -----
    Newton steps take the least-squares solution, since rotations of the lanes are flat; they are left out above 700
    weights.
    """
    left, values, right = np.linalg.svd(end_map, full_matrices=False)
    kept = values > 1e-9 * max(float(values[0]), 1e-300)
    if not np.any(kept):
        return end_map
    network, moments, start = _balanced(task, n_layers, left[:, kept], values[kept], right[kept].T)

    def value_and_gradient(point: FloatArray) -> tuple[float, FloatArray]:
        at = unflatten(point, start)
        return float(loss_of(network, moments, at)), flatten(gradient_of(network, moments, at))

    found = minimize(
        value_and_gradient,
        flatten(start),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500, "ftol": 1e-15, "gtol": 1e-10, "maxcor": 30},
    )
    point = np.asarray(found.x)
    if point.size <= NEWTON_LIMIT:
        point = _newton(network, moments, start, point)
    product, _ = end_to_end(unflatten(point, start))
    return np.asarray(product, dtype=float)


def _balanced(
    task: Penalised, n_layers: int, left: FloatArray, values: FloatArray, right: FloatArray
) -> tuple[Network, Moments, DenseParameters]:
    """The problem with equal decays on lanes alone, in the basis of the inputs, and the balanced layers of a map."""
    decay, count = task.penalty / n_layers, values.size
    layers = [Layer(count, weight_decay=decay) for _ in range(n_layers - 1)]
    network = Network((*layers, Layer(left.shape[0], weight_decay=decay)))
    quadratic = task.quadratic
    moments = Moments(np.diag(quadratic.scales**2), quadratic.correlation.T, quadratic.total)
    share = values ** (1.0 / n_layers)
    inner = [np.diag(share) for _ in range(n_layers - 2)]
    return network, moments, DenseParameters.without_biases([(right * share).T, *inner, left * share])


def _newton(network: Network, moments: Moments, like: DenseParameters, point: FloatArray) -> FloatArray:
    gradient = flatten(gradient_of(network, moments, unflatten(point, like)))
    for _ in range(NEWTON_STEPS):
        hessian = kronecker_hessian(network, moments, list(unflatten(point, like).weights))
        moved = point - np.linalg.lstsq(hessian, gradient, rcond=1e-9)[0]
        following = flatten(gradient_of(network, moments, unflatten(moved, like)))
        if float(np.linalg.norm(following)) >= 0.9 * float(np.linalg.norm(gradient)):
            break
        point, gradient = moved, following
    return point
