"""Stationary points of small networks by descent and Newton's method, for constructions that need one."""

import numpy as np
from scipy.optimize import minimize

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Network, Samples
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import evaluate
from service.vocabulary import Loss

_STEP = 1e-5
_NEWTON_STEPS = 12
_NULL = 1e-7


def settled(network: Network, loss: Loss, samples: Samples, start: DenseParameters) -> DenseParameters:
    """The stationary point at the end of a descent from ``start``, sharpened by Newton's method.

    Directions in which the Hessian is null within ``1e-7`` of its norm are left alone.  At most 600 gradients,
    and twice the number of weights for each Newton step.
    """

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        found = evaluate(network, loss, unflatten(flat, start), samples)
        return found.loss, flatten(found.gradient)

    with np.errstate(over="ignore"):
        ended = minimize(
            objective,
            flatten(start),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 400, "maxfun": 600, "ftol": 1e-16, "gtol": 1e-9},
        )
    point: FloatArray = ended.x.astype(np.float64)
    value, gradient = objective(point)
    for _ in range(_NEWTON_STEPS):
        if np.linalg.norm(gradient) <= 1e-13 * max(1.0, value):
            break
        curvature = hessian(network, loss, samples, unflatten(point, start))
        values, vectors = np.linalg.eigh(curvature)
        kept = np.abs(values) > _NULL * max(float(np.abs(values).max()), 1e-300)
        moved = point - vectors[:, kept] @ ((vectors[:, kept].T @ gradient) / np.abs(values[kept]))
        value, found = objective(moved)
        if np.linalg.norm(found) >= np.linalg.norm(gradient):
            break
        point, gradient = moved, found
    return unflatten(point, start)


def hessian(network: Network, loss: Loss, samples: Samples, point: DenseParameters) -> FloatArray:
    """Hessian by central differences of gradients, (P, P)."""
    flat = flatten(point)
    columns = []
    for direction in _STEP * np.eye(flat.size):
        ahead = flatten(evaluate(network, loss, unflatten(flat + direction, point), samples).gradient)
        behind = flatten(evaluate(network, loss, unflatten(flat - direction, point), samples).gradient)
        columns.append((ahead - behind) / (2.0 * _STEP))
    found = np.array(columns)
    symmetric: FloatArray = 0.5 * (found + found.T)
    return symmetric
