"""The edge at which a cone is split."""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.relu.cones import SimplicialCones
from service.core.relu.kernel import KERNEL
from service.core.relu.rows import WeightedRows

THIN: Final = 1e-6
"""Edges that are shorter are not split."""
_ROUNDING: Final = 1e-12


def edges_of(rows: WeightedRows, cones: SimplicialCones, coordinates: FloatArray) -> tuple[IntArray, FloatArray]:
    """The edge of each cone (b, 2) whose halves promise most, and the length of the longest edge (b,).

    What interpolation loses on the edge is weighed by the coordinates of the relaxed maximum.
    """
    batch, dimension = cones.generators.shape[:2]
    first, second = np.triu_indices(dimension, 1)
    if not batch:
        return np.zeros((0, 2), dtype=np.intp), np.zeros(0)
    across = np.ascontiguousarray(cones.generators.transpose(0, 2, 1))
    apart = across[:, first] - across[:, second]
    lengths = np.sqrt(np.einsum("ber,ber->be", apart, apart))
    losses = _losses(rows, across, first, second) if KERNEL is None else KERNEL.edge_losses(rows.x, rows.plus, across)
    # coordinates in a cone that is too thin may leave double precision; its losses decide alone then
    largest = np.abs(coordinates).max(axis=1)
    usable = np.isfinite(largest) & (largest > 0.0)
    shares = np.where(usable[:, None], coordinates, 0.0) / np.where(usable, largest, 1.0)[:, None]
    shares /= np.maximum(np.sqrt(np.square(shares).sum(axis=1)), 1.0)[:, None]
    scores = losses * (shares[:, first] * shares[:, second] + 1e-3)
    # where interpolation loses no more than rounding does, the long edge is what keeps the bound of the rest loose
    real = (losses > _ROUNDING * float(rows.plus.sum())) & (lengths >= THIN)
    scores = np.where(real.any(axis=1)[:, None], np.where(real, scores, -1.0), lengths)
    best = scores.argmax(axis=1)
    return np.column_stack([first[best], second[best]]), lengths.max(axis=1)


def _losses(rows: WeightedRows, across: FloatArray, first: IntArray, second: IntArray) -> FloatArray:
    """What interpolation of the positive part loses in the middle of each edge (b, e), in single precision."""
    batch, dimension = across.shape[:2]
    products = (across.reshape(-1, dimension) @ rows.x.T).astype(np.float32).reshape(batch, dimension, -1)
    plus = rows.plus.astype(np.float32)
    losses = np.empty((batch, len(first)))
    for edge, (a, b) in enumerate(zip(first, second, strict=True)):
        # relu(a) + relu(b) - relu(a + b) is the smaller length where the signs differ, and zero elsewhere
        one, other = products[:, a], products[:, b]
        losses[:, edge] = np.where((one < 0) != (other < 0), np.minimum(np.abs(one), np.abs(other)), 0) @ plus
    return losses
