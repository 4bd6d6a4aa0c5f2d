"""Errors by rank and factors of one layer, against a direct decomposition."""

import numpy as np
import pytest

from service.core.compression.inputs import InputRoot, of_moments, of_samples, white
from service.core.compression.layer import best_factors, error_of, errors_by_rank, singular_values
from service.core.ground.numbers.arrays import FloatArray

KINDS = ("white", "moments", "samples", "few samples")


def drawn(rng: np.random.Generator, kind: str) -> tuple[FloatArray, InputRoot, FloatArray]:
    """A layer, its inputs, and a root of their second moments that is found in another way."""
    outputs, inputs = (int(size) for size in rng.integers(1, 20, 2))
    weights = rng.normal(size=(outputs, inputs))
    if kind == "white":
        return weights, white(inputs), np.eye(inputs)
    rows = inputs + 5 if kind != "few samples" else max(inputs // 2, 1)
    x = rng.normal(size=(rows, inputs)) @ rng.normal(size=(inputs, inputs)) + rng.normal(size=inputs)
    if kind == "moments":
        x = rng.normal(size=(3 * inputs, inputs)) * np.exp(rng.normal(size=inputs))
        return weights, of_moments(x.T @ x / len(x)), x / np.sqrt(len(x))
    return weights, of_samples(x), x / np.sqrt(len(x))


@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_those_of_a_direct_decomposition(kind: str) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(25):
        weights, inputs, root = drawn(rng, kind)
        errors = errors_by_rank(singular_values(weights, inputs))
        left, values, right = np.linalg.svd(weights @ root.T, full_matrices=False)
        for rank in range(errors.size):
            kept = (left[:, :rank] * values[:rank]) @ right[:rank]
            assert errors[rank] == pytest.approx(np.sum((weights @ root.T - kept) ** 2), abs=1e-12 * errors[0])


@pytest.mark.parametrize("kind", KINDS)
def test_factors_have_the_error_of_their_rank_and_nothing_near_them_is_better(kind: str) -> None:
    rng = np.random.default_rng(10 + KINDS.index(kind))
    for _ in range(10):
        weights, inputs, root = drawn(rng, kind)
        errors = errors_by_rank(singular_values(weights, inputs))
        rank = int(rng.integers(1, errors.size))
        found = best_factors(weights, inputs, rank)
        assert found.left.shape == (weights.shape[0], rank)
        assert found.right.shape == (rank, weights.shape[1])
        assert error_of(weights, found, inputs) == pytest.approx(errors[rank], abs=1e-12 * errors[0])
        for size in (1e-3, 1e-1, 1.0):
            left = found.left + size * rng.normal(size=found.left.shape)
            right = found.right + size * rng.normal(size=found.right.shape)
            assert np.sum(((weights - left @ right) @ root.T) ** 2) >= errors[rank] * (1.0 - 1e-12)


def test_directions_that_never_occur_cost_nothing() -> None:
    x = np.random.default_rng(3).normal(size=(30, 2)) @ np.array([[1.0, 0.0, 2.0, 1.0], [0.0, 1.0, 1.0, -1.0]])
    weights = np.random.default_rng(4).normal(size=(5, 4))
    for inputs in (of_samples(x), of_moments(x.T @ x / 30.0)):
        assert inputs.is_singular
        assert inputs.rank == 2
        assert errors_by_rank(singular_values(weights, inputs))[2:] == pytest.approx(0.0)
        assert error_of(weights, best_factors(weights, inputs, 2), inputs) == pytest.approx(0.0, abs=1e-24)


def test_inputs_that_are_always_zero_have_no_error() -> None:
    inputs = of_moments(np.zeros((3, 3)))
    assert inputs.rank == 0
    assert errors_by_rank(singular_values(np.ones((2, 3)), inputs)).tolist() == [0.0, 0.0]
    assert best_factors(np.ones((2, 3)), inputs, 1).right.shape == (1, 3)


def test_small_inputs_beside_large_ones_keep_their_directions() -> None:
    scale = np.array([1e-6, 1.0, 1e6])
    x = np.random.default_rng(5).normal(size=(50, 3)) * scale
    assert of_samples(x).rank == of_moments(x.T @ x / 50.0).rank == 3


def test_moments_that_no_data_have_are_told() -> None:
    assert of_moments(np.array([[1.0, 2.0], [2.0, 1.0]])).below == pytest.approx(1.0 / 3.0)
    assert of_moments(np.array([[1.0, 1.0], [1.0, 1.0]])).below == 0.0
