"""The largest correlation of given errors with one ReLU unit of length one, exactly.

The activation patterns of the data cut the space of input weights into cones; within one the correlation
``sum_i e_i max(u.x_i, 0)`` is linear, ``q.u``, and its largest value over the cone's unit vectors is the length of the
projection of ``q`` on the cone, found by non-negative least squares.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import nnls

from service.core.ground.numbers.arrays import BoolArray, FloatArray

MOST_SAMPLES = {1: 1_000, 2: 60, 3: 20}
"""Samples up to which the cones are listed, by the rank of the inputs."""

_FLAT = 1e-9


@dataclass(frozen=True, slots=True)
class Steepest:
    """The unit with the largest correlation: its input weights (d,), of length one, and the value."""

    direction: FloatArray
    value: float


class Cones:
    """Cones of the activation patterns of the rows of ``x`` (n, d).

    Attributes
    ----------
    patterns : (p, n) array
        Which rows are active in each cone, up to rows on a boundary of it.
    """

    def __init__(self, x: FloatArray, patterns: BoolArray, basis: FloatArray) -> None:
        self.x = x
        self.patterns = patterns
        self._basis = basis
        self._reduced = x @ basis.T

    def steepest(self, errors: FloatArray) -> Steepest:
        """Maximum over units of ``sum_i e_i max(u.x_i, 0)`` for errors (n,); zero if no unit is positively correlated.

        One matrix product, then a projection for the cones whose bound exceeds the best value so far.
        """
        reduced = self._reduced
        slopes = (self.patterns * errors) @ reduced
        bounds = np.linalg.norm(slopes, axis=1)
        best, direction = 0.0, np.zeros(reduced.shape[1])
        for index in np.argsort(-bounds):
            if bounds[index] <= best:
                break
            signed = np.where(self.patterns[index], 1.0, -1.0)[:, None] * reduced
            # the projection on {u: signed u >= 0} leaves what no non-negative combination of -signed explains
            multipliers, length = nnls(-signed.T, slopes[index], maxiter=50 * len(signed))
            if length > best:
                best = float(length)
                direction = (slopes[index] + signed.T @ multipliers) / length
        return Steepest(direction @ self._basis, best)


def cones_of(x: FloatArray) -> Cones | None:
    """All cones of inputs (n, d), or ``None`` beyond the limits or where three rows lie in a plane with the origin.

    O(n^(r-1)) cones for rank r.
    """
    rows = x[np.linalg.norm(x, axis=1) > 0.0]
    if not len(rows):
        return None
    _, values, right = np.linalg.svd(rows, full_matrices=False)
    rank = int(np.count_nonzero(values > 1e-10 * values[0]))
    if len(x) > MOST_SAMPLES.get(rank, 0):
        return None
    basis: FloatArray = right[:rank]
    found = [x @ basis.T @ inner > 0.0 for inner in _inner_vectors(_directions(rows @ basis.T), rank)]
    if len(found) < 2:
        return None
    return Cones(x, np.unique(np.array(found), axis=0), basis)


def _directions(rows: FloatArray) -> FloatArray:
    """Rows of length one, of parallel ones only the first."""
    kept: list[FloatArray] = []
    for row in rows / np.linalg.norm(rows, axis=1, keepdims=True):
        if all(np.linalg.norm(row - np.sign(row @ other) * other) > _FLAT for other in kept):
            kept.append(row)
    return np.array(kept)


def _inner_vectors(normals: FloatArray, rank: int) -> Iterator[FloatArray]:
    """One vector inside every cone that the planes with these normals cut out; nothing if they are degenerate."""
    if rank == 1:
        yield from (normals[0], -normals[0])
        return
    if rank == 2:
        angles = np.sort(np.concatenate([turn + np.arctan2(normals[:, 1], normals[:, 0]) for turn in (0.0, np.pi)]))
        angles = np.sort(np.mod(angles + 0.5 * np.pi, 2.0 * np.pi))
        middles = 0.5 * (angles + np.append(angles[1:], angles[0] + 2.0 * np.pi))
        yield from np.column_stack([np.cos(middles), np.sin(middles)])
        return
    for first, second in combinations(range(len(normals)), 2):
        edge = np.cross(normals[first], normals[second])
        edge /= np.linalg.norm(edge)
        distances = np.abs(normals @ edge)
        distances[[first, second]] = np.inf
        nearest = float(distances.min())
        if nearest < _FLAT:
            return
        inward = np.linalg.pinv(normals[[first, second]])
        for signs in ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)):
            aside = inward @ np.array(signs)
            aside *= 0.5 * min(nearest, 1.0) / np.linalg.norm(aside)
            yield from (edge + aside, aside - edge)
