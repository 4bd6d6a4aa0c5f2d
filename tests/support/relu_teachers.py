"""Data on which certified ReLU networks are timed and compared with peers."""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray

DECAY: Final = 0.01
"""Of each product of weights, where the loss is a mean over samples."""


def data(kind: str, count: int, inputs: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Normal inputs (n, d), and targets (n,) of four ReLU units, or of a sine and a square, with a tenth of noise."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, inputs))
    if kind == "teacher":
        y = np.maximum(x @ rng.standard_normal((4, inputs)).T, 0.0) @ rng.standard_normal(4)
    else:
        y = np.sin(2.0 * x[:, 0]) + 0.5 * x[:, 1] ** 2
    y = y + 0.1 * y.std() * rng.standard_normal(count)
    return x, y / y.std()
