"""Volumes of nearly optimal weights of small linear networks, by sampling."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def slope_of_volume(
    sizes: Sequence[int], rank: int, value: float, multiplicity: int, *, seed: int, count: int
) -> tuple[float, float, float]:
    """The logarithmic slope of the volume between its shares 1e-2 and 1e-4, as told, as sampled, and its error.

    Weights are uniform in a cube around a balanced optimum with white inputs and a target of that rank; the loss is the
    squared distance from the target.  Told is the slope of ``eps^value (-log eps)^(multiplicity - 1)``.
    """
    rng = np.random.default_rng(seed)
    target = np.zeros((sizes[-1], sizes[0]))
    target[range(rank), range(rank)] = 1.0
    shapes = [(rows, columns) for columns, rows in pairwise(sizes)]
    product = None
    for shape in shapes:
        middle = np.zeros(shape)
        middle[range(rank), range(rank)] = 1.0
        weight = middle + rng.uniform(-0.5, 0.5, (count, *shape))
        product = weight if product is None else weight @ product
    assert product is not None
    losses = np.sum((product - target) ** 2, axis=(1, 2))
    shares = (1e-2, 1e-4)
    high, low = np.quantile(losses, shares)
    span = np.log(high / low)
    found = np.log(shares[0] / shares[1]) / span
    # counts vary by their root, and a level moves with its count
    error = found / (value * span) * np.sqrt(1.0 / (shares[1] * count))
    logs = (multiplicity - 1) * np.log(np.log(high) / np.log(low)) / span
    return float(value + logs), float(found), float(error)
