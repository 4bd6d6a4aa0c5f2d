"""The largest correlation with a unit by enumeration of the arrangement of the rows: slow, short, and independent.

On every face of the arrangement the correlation is linear; its maximum over units of length one lies along the gradient
of some face, within the span of that face.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_ZERO = 1e-9


def correlation(x: Array, errors: Array, slope: float, units: Array) -> Array:
    """``sum_i v_i phi(x_i.u)`` (m,) for units (m, d)."""
    products = units @ x.T
    return np.asarray(np.maximum(products, slope * products) @ errors)


def largest(x: Array, errors: Array, slope: float = 0.0) -> float:
    """Maximum over units of length at most one; ``O(n^(d - 1))`` faces."""
    best = 0.0
    for points, basis in _flats(x, np.eye(x.shape[1])):
        inside = x @ basis
        products = points @ inside.T
        products[np.abs(products) < _ZERO] = 0.0
        gradients = (np.where(products > 0.0, 1.0, slope) * errors) @ inside
        candidates = np.concatenate([gradients, points])
        lengths = np.linalg.norm(candidates, axis=1)
        candidates = candidates[lengths > _ZERO] / lengths[lengths > _ZERO, None]
        best = max(best, float(correlation(x, errors, slope, candidates @ basis.T).max(initial=0.0)))
    return best


def patterns(x: Array) -> NDArray[np.bool_]:
    """Which rows are active in each cell of full dimension (p, n), and possibly in some of lower dimension."""
    return np.unique(_inner_points(x) @ x.T > _ZERO, axis=0)


def _flats(x: Array, basis: Array) -> Iterator[tuple[Array, Array]]:
    """Points of all cells of every intersection of hyperplanes, with the basis (d, r) that they refer to."""
    inside = x @ basis
    yield _inner_points(inside), basis
    if basis.shape[1] > 1:
        for normal in _normals(inside):
            yield from _flats(x, basis @ _complement(normal))


def _inner_points(x: Array) -> Array:
    """At least one point inside every cell of full dimension of the arrangement of rows (n, d)."""
    dimension = x.shape[1]
    if dimension == 1:
        return np.array([[1.0], [-1.0]])
    found = [np.eye(dimension)[:1]]
    for normal in _normals(x):
        complement = _complement(normal)
        for point in _inner_points(x @ complement) @ complement.T:
            distances = np.abs(x @ point) / np.maximum(np.linalg.norm(x, axis=1), _ZERO)
            aside = 0.5 * min(1.0, float(distances[distances > _ZERO].min(initial=1.0)))
            found.append(np.array([point + aside * normal, point - aside * normal]))
    return np.concatenate(found)


def _normals(x: Array) -> list[Array]:
    """Rows of length one, of parallel and of opposite ones only the first."""
    kept: list[Array] = []
    for row in x:
        length = float(np.linalg.norm(row))
        if length > _ZERO and all(abs(row @ other) < length * (1.0 - 1e-12) for other in kept):
            kept.append(row / length)
    return kept


def _complement(normal: Array) -> Array:
    """Orthonormal columns of what is orthogonal to a vector (d,)."""
    return np.linalg.svd(normal[None])[2][1:].T
