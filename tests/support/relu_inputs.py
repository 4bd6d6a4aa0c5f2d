"""Inputs on which the search for missing ReLU units is tested: plain ones, and every kind of degenerate one."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def _repeated(rng: np.random.Generator, n: int, d: int) -> Array:
    x = rng.standard_normal((n, d))
    x[n // 2 :] = x[: n - n // 2] * rng.uniform(0.5, 2.0, (n - n // 2, 1))
    return x


def _opposite(rng: np.random.Generator, n: int, d: int) -> Array:
    x = rng.standard_normal((n, d))
    x[n // 2 :] = -x[: n - n // 2]
    return x


def _zeros(rng: np.random.Generator, n: int, d: int) -> Array:
    x = rng.standard_normal((n, d))
    x[::3] = 0.0
    return x


def _collinear(rng: np.random.Generator, n: int, d: int) -> Array:
    return rng.standard_normal((n, 1)) * rng.standard_normal((1, d))


def _biased(rng: np.random.Generator, n: int, d: int) -> Array:
    x = rng.standard_normal((n, d))
    x[:, -1] = 1.0
    return x


FAMILIES: Mapping[str, Callable[[np.random.Generator, int, int], Array]] = {
    "plain": lambda rng, n, d: rng.standard_normal((n, d)),
    "rounded": lambda rng, n, d: np.round(1.5 * rng.standard_normal((n, d))),
    "repeated": _repeated,
    "opposite": _opposite,
    "zeros": _zeros,
    "collinear": _collinear,
    "biased": _biased,
    "unequal": lambda rng, n, d: rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-6.0, 6.0, (n, 1)),
}
SLOPES = (0.0, 0.1, 0.5, -1.0)
"""ReLU, leaky ReLU and the absolute value."""
