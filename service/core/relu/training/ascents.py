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
_MANY: Final = 7
_TRIES: Final = 1
_NEAR: Final = 60
"""Known directions around and between which narrow basins are looked for."""
_SPREADS: Final = (0.03, 0.1, 0.1, 0.1, 0.3, 0.3)
SIGNS: Final = (1.0, -1.0)


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

    The largest first.  Starts are random directions and ``known`` ones (k, d).  Where these lead to nothing and there
    are too many inputs for a search of all cones, what is near the known ones and between two of them, and the
    samples: basins can be narrow.
    """
    dimension = objective.x.shape[1]
    found = _risen(objective, errors, np.concatenate([rng.standard_normal((STARTS, dimension)), known]), above)
    for _ in range(_TRIES if dimension >= _MANY else 0):
        if len(found[1]):
            break
        found = _risen(objective, errors, _narrow(objective, known, rng), above)
    return found


def _narrow(objective: Objective, known: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Starts near the known directions (k, d), between them, and at samples."""
    u = known / np.maximum(np.sqrt(np.einsum("ij,ij->i", known, known)), 1e-300)[:, None]
    dimension = objective.x.shape[1]
    chosen = u[rng.permutation(len(u))[:_NEAR]]
    noise = rng.standard_normal((len(_SPREADS), len(chosen), dimension)) / np.sqrt(dimension)
    near = [(chosen + spread * part) for spread, part in zip(_SPREADS, noise, strict=True)]
    first, second = np.triu_indices(len(chosen), 1)
    taken = rng.permutation(len(first))[:STARTS]
    first, second = chosen[first[taken]], chosen[second[taken]]
    samples = objective.x[rng.permutation(len(objective.x))[:STARTS]]
    return np.concatenate([*near, first + second, first - second, samples, -samples])


def _risen(
    objective: Objective, errors: FloatArray, starts: FloatArray, above: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What ascents of both signs from starts (k, d) reach above a correlation."""
    found = []
    for sign in SIGNS:
        begun, _ = ascents(objective, sign * errors, starts, _FIRST_STEPS)
        _, apart = np.unique(begun.round(3), axis=0, return_index=True)
        directions, values = ascents(objective, sign * errors, begun[apart])
        kept = values > above
        order = np.argsort(-values[kept], kind="stable")
        found.append((directions[kept][order], np.full(int(kept.sum()), sign), values[kept][order]))
    directions, signs, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return directions, signs, values
