"""The step without each sample where noise on the inputs adds a curvature of full rank for each of them.

No inversion lemma is left then: one small system for each value and sample, many at a time.
"""

import numpy as np

from service.core.asked.selection.response import Minimisers
from service.core.asked.selection.shown import Shown
from service.core.ground.numbers.arrays import FloatArray
from service.vocabulary import Bias


def shifts(shown: Shown, found: Minimisers, noise: FloatArray, missed: FloatArray) -> FloatArray:
    """How far the prediction of each left-out sample moves, (m, n), at minima of which C - 1 is ``noise`` (m,).

    ``missed`` (m, n) is what the mean predictions are off by.  Not a number where a system is singular.
    O(m n (d + 2)^3).
    """
    held, (n, d) = shown.held, shown.rows.shape
    bent = np.einsum("ij,ja,jb->iab", shown.squares, shown.vectors, shown.vectors)
    result = np.empty((found.norms.size, n))
    for index in range(found.norms.size):
        if found.stuck[index]:
            result[index] = missed[index] * (1.0 / (n - 1) if shown.free else 0.0)
            continue
        half, means, heard = _coordinates(shown, found, index, float(noise[index]))
        size, factor = len(half), shown.weight * (1.0 + noise[index]) * held.input_noise
        system = half - shown.weight * (means[:, :, None] * means[:, None, :] + heard[:, :, None] * heard[:, None, :])
        system[:, :d, :d] -= factor * bent
        slope = np.zeros((n, size))
        slope += shown.weight * missed[index][:, None] * means
        slope += shown.weight * (heard[:, :d] @ found.maps[index])[:, None] * heard
        slope[:, :d] += factor * (bent @ found.maps[index])
        if not held.summed:
            slope[:, :d] += shown.weight * found.ridges[index] * found.maps[index]
        try:
            step = np.linalg.solve(system, slope[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            result[index] = np.nan
            continue
        result[index] = np.vecdot(means, step)
    return result


def _coordinates(
    shown: Shown, found: Minimisers, index: int, noise: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Half the Hessian (s, s) of all samples, what the mean prediction reads and what the noise multiplies (n, s)."""
    held, (n, d) = shown.held, shown.rows.shape
    decay = (shown.kept if held.summed else 1.0) * found.ridges[index]
    direction = found.maps[index] / found.norms[index] if found.norms[index] > 0.0 else np.zeros(d)
    size = d + (held.bias is not Bias.NONE) + (held.bias is Bias.ALL and noise > 0.0)
    half = np.zeros((size, size))
    half[:d, :d] = np.diag(shown.kept * found.values[index] + decay)
    half[:d, :d] += (found.power - 2.0) * decay * np.outer(direction, direction)
    means, heard = np.zeros((n, size)), np.zeros((n, size))
    means[:, :d], heard[:, :d] = shown.rows, np.sqrt(noise) * shown.noisy
    if shown.free:
        half[d, d], means[:, d] = shown.kept, 1.0
    if size > d + 1:
        half[d + 1, d + 1], heard[:, d + 1] = noise * shown.kept, -np.sqrt(noise)
    return half, means, heard
