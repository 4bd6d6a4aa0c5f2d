"""Tables of the kinds that people have, which are hard on arithmetic each in its own way; and factors compared."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor

Maker = Callable[[np.random.Generator, int], FloatArray]
"""A table (n, c), the last column of which is the target."""


def _target(rng: np.random.Generator, x: FloatArray, noise: float = 0.1) -> FloatArray:
    scaled = (x - x.mean(axis=0)) / np.where(np.ptp(x, axis=0) > 0.0, x.std(axis=0), 1.0)
    return np.column_stack([x, scaled @ rng.normal(size=x.shape[1]) + noise * rng.normal(size=len(x))])


def timestamps(rng: np.random.Generator, n: int) -> FloatArray:
    """Unix seconds in ascending order beside what was measured then."""
    seconds = 1.7e9 + np.cumsum(rng.exponential(size=n))
    return _target(rng, np.column_stack([seconds, rng.normal(size=(n, 2))]))


def money(rng: np.random.Generator, n: int) -> FloatArray:
    """Incomes with a heavy tail in cents, rates in percent, a price with a large offset."""
    income = np.round(np.exp(rng.normal(14.0, 1.5, size=n)))
    return _target(rng, np.column_stack([income, rng.normal(0.03, 0.001, size=n), 1e6 + rng.normal(size=n)]))


def counts(rng: np.random.Generator, n: int) -> FloatArray:
    """Small counts, mostly zero, and their squares."""
    rare = rng.poisson(0.02, size=n).astype(float)
    many = rng.poisson(50.0, size=n).astype(float)
    return _target(rng, np.column_stack([rare, many, many**2]))


def probabilities(rng: np.random.Generator, n: int) -> FloatArray:
    """Shares that add up to one, so that one of them is redundant."""
    return _target(rng, rng.dirichlet([0.5, 1.0, 4.0, 10.0], size=n))


def dummies(rng: np.random.Generator, n: int) -> FloatArray:
    """All indicators of a factor, which add up to the constant, some of them late; and a column of ones."""
    levels = rng.integers(0, 6, size=n)
    levels[: n // 2] %= 3
    return _target(rng, np.column_stack([np.eye(6)[levels], np.ones(n), rng.normal(size=n)]))


def near_duplicates(rng: np.random.Generator, n: int) -> FloatArray:
    """The same measured twice, once in inches, to seven digits."""
    x = rng.normal(size=(n, 2))
    return _target(rng, np.column_stack([x, x[:, 0] / 2.54 * (1.0 + 1e-7 * rng.normal(size=n))]))


def polynomials(rng: np.random.Generator, n: int) -> FloatArray:
    """Powers of a year."""
    year = rng.uniform(1950.0, 2020.0, size=n) - 1940.0
    return _target(rng, np.column_stack([year**power for power in range(1, 6)]), 1e-6)


def tiny_targets(rng: np.random.Generator, n: int) -> FloatArray:
    """Targets of the size of an electron's mass."""
    table = _target(rng, rng.normal(size=(n, 3)))
    table[:, -1] *= 1e-30
    return table


def huge_targets(rng: np.random.Generator, n: int) -> FloatArray:
    """Targets near the largest whose squares are numbers, about an offset larger still."""
    table = _target(rng, rng.normal(size=(n, 3)))
    table[:, -1] = 1e147 * (1e3 + table[:, -1])
    return table


def mixed(rng: np.random.Generator, n: int) -> FloatArray:
    """An id, a tiny and a huge column, one that hardly changes, one of ones and minus ones."""
    columns = [
        np.arange(n, dtype=float),
        1e-12 * rng.normal(size=n),
        1e12 * rng.normal(size=n),
        np.where(np.arange(n) == n - 1, 1.0 + 1e-9, 1.0),
        rng.choice([-1.0, 1.0], size=n),
    ]
    return _target(rng, np.column_stack(columns))


KINDS: Final[Mapping[str, Maker]] = {
    maker.__name__: maker
    for maker in (
        timestamps,
        money,
        counts,
        probabilities,
        dummies,
        near_duplicates,
        polynomials,
        tiny_targets,
        huge_targets,
        mixed,
    )
}


def assert_same_factor(found: Factor, expected: Factor, rounding: float) -> None:
    """The same table up to ``rounding`` of the deviations of each column, and of the mean itself."""
    assert found.n == expected.n
    assert found.inputs == expected.inputs
    # signs of rows are free, products of columns are not
    ratio = found.scale / expected.scale
    products, wanted = (each.r.T @ each.r / each.n for each in (found, expected))
    np.testing.assert_allclose(products * ratio * ratio[:, np.newaxis], wanted, rtol=0.0, atol=rounding)
    for one, other in ((found.x_mean, expected.x_mean), (found.y_mean, expected.y_mean)):
        np.testing.assert_allclose(one, other, rtol=4e-16, atol=rounding * float(np.max(expected.scale)))
