"""Tables as people have them, of ten kinds."""

from collections.abc import Callable
from typing import Final

import numpy as np

from tests.support.exact_numbers import Floats
from tests.support.raw_data import Rows
from tests.support.raw_problems import RawProblem, chain

ROWS: Final = 40
SEEDS: Final = range(5)


def table_problem(kind: str, seed: int) -> RawProblem:
    """A table of a kind with an offset on the output; depth and decay differ by the seed."""
    rng = np.random.default_rng([seed, list(TABLES).index(kind)])
    x, y = TABLES[kind](rng)
    decay = (0.0, 1e-3, 0.0, 1e-8, 1e-5)[seed]
    return RawProblem(f"{kind} {seed}", kind, Rows(x, y[:, None]), bias=True, **chain((0, 1, 2, 2, 0)[seed], 2, decay))


def _noisy(rng: np.random.Generator, *parts: Floats) -> Floats:
    """Targets to which every part contributes as much, whatever its unit."""
    scaled = [(part - part.mean()) / (part.std() or 1.0) for part in parts]
    weights = rng.normal(size=len(parts)) + 1.0
    y: Floats = sum(w * each for w, each in zip(weights, scaled, strict=True)) + 0.05 * rng.normal(size=ROWS)
    return y


def _timestamps(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Unix seconds over a minute to a year, the hour of the day, and a rate."""
    seconds = np.sort(np.floor(1.75e9 + rng.uniform(0.0, 10.0 ** rng.uniform(1.8, 7.5), ROWS)))
    rate = rng.uniform(0.01, 0.05, ROWS)
    return np.stack([seconds, seconds % 86400.0 // 3600.0, rate], axis=1), _noisy(rng, seconds, rate) + 20.0


def _money(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """An economy in dollars, a salary, a price in cents, and a rate of interest."""
    product = np.round(2e13 * np.cumprod(1.0 + 0.02 * rng.normal(size=ROWS)), 2)
    salary = np.round(rng.lognormal(10.8, 0.5, ROWS), 2)
    rate = np.round(rng.uniform(0.001, 0.07, ROWS), 4)
    price = np.round(100.0 * rng.lognormal(2.0, 1.0, ROWS))
    return np.stack([product, salary, price, rate], axis=1), _noisy(rng, product, salary, rate)


def _counts(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Small counts with many zeros, larger ones, and visitors by the million; the target is a count as well."""
    counts = [rng.poisson(mean * rng.gamma(2.0, 0.5, ROWS)).astype(float) for mean in (0.3, 30.0, 3e6)]
    return np.stack(counts, axis=1), np.round(20.0 * (_noisy(rng, *counts) + 10.0))


def _probabilities(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Shares that add up to one, some of them tiny."""
    shares = rng.dirichlet([3.0, 1.0, 0.3, 0.05], ROWS)
    return shares, _noisy(rng, shares[:, 0], shares[:, 2])


def _one_hot(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A dummy for each category, so that they add up to the constant, beside a number."""
    groups = np.arange(ROWS) % 4
    number = rng.normal(50.0, 10.0, ROWS)
    dummies = np.eye(4)[rng.permutation(groups)]
    return np.hstack([dummies, number[:, None]]), _noisy(rng, number, dummies @ np.array([0.0, 1.0, 3.0, 3.5]))


def _near_duplicates(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """One temperature in two units, rounded, and a second thermometer that differs in the ninth digit."""
    celsius = rng.normal(15.0, 8.0, ROWS)
    fahrenheit = np.round(celsius * 1.8 + 32.0, int(rng.integers(2, 9)))
    again = celsius * (1.0 + 1e-9 * rng.normal(size=ROWS))
    return np.stack([celsius, fahrenheit, again], axis=1), _noisy(rng, celsius, again - celsius)


def _polynomials(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Powers of the year, or of a length, as columns."""
    base = 1950.0 + np.arange(ROWS) if rng.random() < 0.5 else rng.uniform(0.0, 30.0, ROWS)
    inner = (base - base.mean()) / base.std()
    return np.stack([base**power for power in range(1, 6)], axis=1), _noisy(rng, inner, inner**2, inner**3)


def _tiny_targets(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Targets such as charges and masses of particles, and far smaller."""
    x = rng.normal(size=(ROWS, 3)) * np.array([1.0, 1e3, 1e-4])
    return x, (_noisy(rng, *x.T) + 2.0) * 10.0 ** -rng.uniform(19.0, 120.0)


def _huge_targets(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Targets such as masses of stars, and up to where squares end."""
    x = rng.normal(size=(ROWS, 3)) * np.array([1.0, 1e3, 1e-4])
    return x, (_noisy(rng, *x.T) + 2.0) * 10.0 ** rng.uniform(20.0, 150.0)


def _mixed(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A customer: when, how much, how often, which group, and a score between 0 and 1."""
    seconds = np.floor(1.75e9 + rng.uniform(0.0, 3e6, ROWS))
    amount = np.round(rng.lognormal(8.0, 2.0, ROWS), 2)
    visits = rng.poisson(2.0, ROWS).astype(float)
    dummies = np.eye(3)[rng.permutation(np.arange(ROWS) % 3)]
    score = rng.beta(0.5, 5.0, ROWS)
    x = np.hstack([np.stack([seconds, amount, visits, score], axis=1), dummies])
    return x, _noisy(rng, seconds, amount, visits, score)


TABLES: Final[dict[str, Callable[[np.random.Generator], tuple[Floats, Floats]]]] = {
    "timestamps": _timestamps,
    "money": _money,
    "counts": _counts,
    "probabilities": _probabilities,
    "one-hot": _one_hot,
    "near-duplicates": _near_duplicates,
    "polynomials": _polynomials,
    "tiny targets": _tiny_targets,
    "huge targets": _huge_targets,
    "mixed": _mixed,
}
