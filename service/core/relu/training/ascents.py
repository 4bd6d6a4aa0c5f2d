"""Local maxima of a correlation from many starts: units that are missing, found fast and without a promise."""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.networks import Objective

STARTS: Final = 400
_STEPS: Final = 60
_FIRST_STEPS: Final = 12
"""Steps after which starts that have met go on as one."""
_DAMPING: Final = (1.0, 0.3)


def ascents(
    objective: Objective, errors: FloatArray, starts: FloatArray, steps: int = _STEPS
) -> tuple[FloatArray, FloatArray]:
    """Directions (m, d) of length one where ``sum_i v_i phi(x_i.u)`` has stopped to rise, and the values (m,).

    Damped power iteration ``u <- (1 - tau) u + tau c(u) / |c(u)|`` with the gradient c; of each start
    the best direction is kept.  ``O(m n d)`` a step.
    """
    x, slope = objective.x, objective.slope
    u = starts / np.maximum(np.sqrt(np.einsum("ij,ij->i", starts, starts)), 1e-300)[:, None]
    best, values = u, np.full(len(u), -np.inf)
    for damping in _DAMPING:
        u = best
        for _ in range(steps // len(_DAMPING)):
            products = u @ x.T
            weighed = np.where(products > 0.0, 1.0, slope) * errors
            value = np.einsum("ij,ij->i", weighed, products)
            better = value > values
            if not better.any():
                break
            best, values = np.where(better[:, None], u, best), np.where(better, value, values)
            gradient = weighed @ x
            length = np.sqrt(np.einsum("ij,ij->i", gradient, gradient))
            u = (1.0 - damping) * u + damping * gradient / np.maximum(length, 1e-300)[:, None]
            u /= np.maximum(np.sqrt(np.einsum("ij,ij->i", u, u)), 1e-300)[:, None]
    return best, values


def missing(
    objective: Objective, errors: FloatArray, known: FloatArray, above: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Units (m, d) of length one whose correlation exceeds ``above`` in size, with their signs (m,) and sizes (m,).

    The largest first; starts are random directions and ``known`` ones (k, d).
    """
    starts = np.concatenate([rng.standard_normal((STARTS, objective.x.shape[1])), known])
    found = []
    for sign in (1.0, -1.0):
        begun, _ = ascents(objective, sign * errors, starts, _FIRST_STEPS)
        _, apart = np.unique(begun.round(3), axis=0, return_index=True)
        directions, values = ascents(objective, sign * errors, begun[apart])
        kept = values > above
        order = np.argsort(-values[kept], kind="stable")
        found.append((directions[kept][order], np.full(int(kept.sum()), sign), values[kept][order]))
    directions, signs, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return directions, signs, values
