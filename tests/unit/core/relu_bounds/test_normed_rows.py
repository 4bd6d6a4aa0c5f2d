"""The largest length of the correlations of several errors with a unit: never below what any search finds."""

import numpy as np
import pytest

from service.core.relu.rows import Span
from service.core.relu.search import ConeSearch
from service.core.relu_bounds.normed_rows import largest_length, normed_rows


def sampled(x: np.ndarray, errors: np.ndarray, slope: float, rng: np.random.Generator) -> float:
    """The best of 4,000 random directions, each improved by power steps."""
    u = rng.standard_normal((4_000, x.shape[1]))
    best = 0.0
    for _ in range(30):
        u /= np.maximum(np.sqrt(np.square(u).sum(axis=1)), 1e-300)[:, None]
        products = u @ x.T
        active = np.maximum(products, slope * products)
        each = active @ errors
        lengths = np.sqrt(np.square(each).sum(axis=1))
        best = max(best, float(lengths.max()))
        towards = each / np.maximum(lengths, 1e-300)[:, None]
        u = (np.where(products > 0.0, 1.0, slope) * (towards @ errors.T)) @ x
    return best


@pytest.mark.parametrize("seed", range(10))
def test_the_bound_is_met_and_never_exceeded(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, dimension, outputs = int(rng.integers(3, 16)), int(rng.integers(1, 4)), int(rng.integers(1, 5))
    x, errors = rng.standard_normal((count, dimension)), rng.standard_normal((count, outputs))
    slope = float(rng.choice([0.0, 0.0, 0.2, -1.0]))
    found = largest_length(normed_rows(Span.of(x), errors, slope), 0.0, 200_000, rtol=1e-6)
    assert found.complete
    assert found.value <= found.bound <= found.value * (1.0 + 1.1e-6)
    best = sampled(x, errors, slope, rng)
    assert best <= found.bound
    assert best >= 0.98 * found.bound


@pytest.mark.parametrize("seed", range(4))
def test_one_output_is_the_larger_of_both_signs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, errors = rng.standard_normal((20, 3)), rng.standard_normal(20)
    span = Span.of(x)
    both = []
    for rows in (span.with_errors(errors, 0.0), span.with_errors(errors, 0.0).reversed):
        search = ConeSearch(rows, 0.0, missing=np.inf)
        search.run()
        both.append(search.bound)
    found = largest_length(normed_rows(span, errors[:, None], 0.0), 0.0, 200_000, rtol=1e-8)
    assert found.bound == pytest.approx(max(both), rel=1e-7)


def test_a_search_without_cones_is_a_bound_still() -> None:
    rng = np.random.default_rng(3)
    x, errors = rng.standard_normal((30, 12)), rng.standard_normal((30, 3))
    found = largest_length(normed_rows(Span.of(x), errors, 0.0), 0.0, 100)
    assert found.cones == 0
    assert sampled(x, errors, 0.0, rng) <= found.bound < np.inf


@pytest.mark.parametrize("x", [np.zeros((3, 2)), np.ones((3, 2)), np.array([[1.0, 2.0], [-1.0, -2.0], [1e-8, 1e8]])])
def test_degenerate_inputs(x: np.ndarray) -> None:
    errors = np.array([[1.0, 2.0], [-1.0, 0.5], [0.0, 1.0]])
    found = largest_length(normed_rows(Span.of(x), errors, 0.0), 0.0, 50_000)
    assert sampled(x, errors, 0.0, np.random.default_rng(0)) <= found.bound * (1.0 + 1e-15) + 1e-300
