"""Points seen from a plane: their places on it, and the plane that sees most of them.

Li, Xu, Taylor, Studer, Goldstein, Visualizing the Loss Landscape of Neural Nets, 2018, section 7.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray

MARGIN: Final = 1.1
"""Length of a principal direction in units of the farthest point along it."""
RANK_TOLERANCE: Final = 1e-10


@dataclass(frozen=True, slots=True)
class Projection:
    """Points by least squares on a plane.

    Attributes
    ----------
    coordinates : (m, 2) array
        Multiples of the two directions.
    distances : (m,) array
        From the plane.
    explained : float
        Share of the squared distances from the centre that lies in the plane.
    """

    coordinates: FloatArray
    distances: FloatArray
    explained: float


def projection(centre: FloatArray, directions: FloatArray, points: FloatArray) -> Projection:
    """Project points (m, P) on the plane through ``centre`` (P,) along ``directions`` (2, P)."""
    offsets = points - centre
    coordinates = np.asarray(np.linalg.lstsq(directions.T, offsets.T, rcond=None)[0].T, dtype=np.float64)
    rest = offsets - coordinates @ directions
    total = float(np.sum(offsets * offsets))
    explained = 1.0 - float(np.sum(rest * rest)) / total if total > 0.0 else 1.0
    return Projection(coordinates, np.asarray(np.linalg.norm(rest, axis=1)), float(np.clip(explained, 0.0, 1.0)))


def principal_axes(centre: FloatArray, points: FloatArray) -> FloatArray:
    """The two directions (2, P) that see most of ``points`` (m, P) from ``centre`` (P,).

    The farthest point along each is at 1 / 1.1, and the largest entry of each is positive, so that equal points give
    equal directions.  Where the points span less than a plane, coordinate directions fill it.
    """
    offsets = points - centre
    _, sizes, rows = np.linalg.svd(offsets, full_matrices=False)
    rank = int(np.count_nonzero(sizes > RANK_TOLERANCE * max(float(sizes.max(initial=0.0)), 1e-300)))
    chosen = rows[: min(rank, 2)]
    reach = float(np.abs(offsets @ chosen.T).max(initial=0.0)) or 1.0
    axes = []
    for row in _filled(chosen, len(centre)):
        turned = row * np.sign(row[np.argmax(np.abs(row))])
        along = float(np.abs(offsets @ turned).max(initial=0.0))
        axes.append(turned * MARGIN * (along if along > RANK_TOLERANCE * reach else reach))
    return np.array(axes)


def _filled(rows: FloatArray, size: int) -> FloatArray:
    """Two orthonormal rows (2, P) that begin with the given ones; a network of one weight has its direction twice."""
    found = list(rows)
    for unit in np.eye(size):
        if len(found) == 2:
            break
        rest = unit - sum(((unit @ row) * row for row in found), np.zeros(size))
        if np.linalg.norm(rest) > 0.5:
            found.append(rest / np.linalg.norm(rest))
    return np.array(found if len(found) == 2 else [found[0], found[0]])
