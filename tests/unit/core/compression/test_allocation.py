"""Ranks of several layers, against every choice there is."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from service.core.compression.allocation import (
    TOLERANCE,
    least_error,
    least_numbers,
    most_numbers,
    within_budget,
    within_error,
)
from service.core.compression.choice import choose
from service.core.compression.layer import errors_by_rank
from service.core.compression.options import DENSE, LayerOptions, options_of
from service.core.compression.relaxation import OptionGroup
from service.core.ground.numbers.arrays import FloatArray


def spectrum(rng: np.random.Generator, count: int) -> FloatArray:
    """Singular values, descending, of some decay; some of them zero."""
    values = np.sort(np.exp(rng.normal() - 6.0 * rng.random(count) ** rng.uniform(0.3, 2.0)))[::-1]
    return np.where(np.arange(count) < rng.integers(1, 2 * count + 1), values, 0.0)


def layers_of(rng: np.random.Generator) -> list[LayerOptions]:
    """A few small layers, some of which must not stay as they are."""
    found = []
    for _ in range(int(rng.integers(1, 5))):
        outputs, inputs = (int(size) for size in rng.integers(1, 9, 2))
        errors = errors_by_rank(spectrum(rng, min(outputs, inputs)))
        found.append(options_of(errors, (outputs, inputs), int(rng.integers(0, 3)), dense=bool(rng.random() < 0.7)))
    return found


def every_choice(layers: Sequence[LayerOptions]) -> list[tuple[float, float]]:
    """Numbers and error of each combination of options."""
    return [
        (
            sum(layer.numbers[place] for layer, place in zip(layers, places, strict=True)),
            sum(layer.errors[place] for layer, place in zip(layers, places, strict=True)),
        )
        for places in product(*(range(layer.ranks.size) for layer in layers))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_budgets_equal_exhaustive_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(30):
        layers = layers_of(rng)
        choices = every_choice(layers)
        budget = float(rng.integers(int(least_numbers(layers)), int(most_numbers(layers)) + 1))
        best = min(error for numbers, error in choices if numbers <= budget)
        found = within_budget(layers, budget)
        assert found.numbers <= budget
        assert found.error == pytest.approx(best, rel=1e-12, abs=1e-300)
        assert found.lower_bound <= best
        assert found.optimal


@pytest.mark.parametrize("seed", range(5))
def test_errors_equal_exhaustive_search(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    for _ in range(30):
        layers = layers_of(rng)
        choices = every_choice(layers)
        allowed = max(float(rng.random()) * max(error for _, error in choices), least_error(layers))
        fewest = min(numbers for numbers, error in choices if error <= allowed * (1.0 + TOLERANCE))
        found = within_error(layers, allowed)
        assert found.error <= allowed * (1.0 + TOLERANCE)
        assert found.numbers == fewest
        assert found.lower_bound <= fewest


def test_a_matrix_as_it_is_is_chosen_where_its_spectrum_is_flat() -> None:
    flat, steep = errors_by_rank(np.ones(8)), errors_by_rank(2.0 ** -np.arange(8.0))
    layers = [options_of(errors, (8, 8), 1, dense=True) for errors in (flat, steep)]
    found = within_budget(layers, 64.0 + 3 * 16.0)
    assert [int(layer.ranks[place]) for layer, place in zip(layers, found.chosen, strict=True)] == [DENSE, 3]


def test_what_is_dropped_for_lack_of_effort_keeps_the_bound_of_the_relaxation() -> None:
    rng = np.random.default_rng(7)
    layers = [
        options_of(errors_by_rank(spectrum(rng, 12)), (int(rng.integers(12, 40)), 12), 0, dense=True) for _ in range(12)
    ]
    groups = [OptionGroup(layer.numbers, layer.errors, layer.hull) for layer in layers]
    capacity = 0.4 * most_numbers(layers)
    whole, hasty = choose(groups, capacity), choose(groups, capacity, effort=20)
    assert whole.optimal
    assert not hasty.optimal
    assert hasty.bound <= whole.bound <= whole.value <= hasty.value
    assert hasty.weight <= capacity


def test_hulls_bound_every_option_from_below() -> None:
    rng = np.random.default_rng(8)
    for _ in range(100):
        (layer, *_) = layers_of(rng)
        assert layer.hull[0] == 0
        assert layer.hull[-1] == layer.ranks.size - 1
        hull = np.interp(layer.numbers, layer.numbers[layer.hull], layer.errors[layer.hull])
        assert np.all(layer.errors >= hull - 1e-12 * layer.errors[0])
        slopes = np.diff(layer.errors[layer.hull]) / np.diff(layer.numbers[layer.hull])
        assert np.all(np.diff(slopes) >= -1e-12 * np.abs(slopes).max(initial=0.0))
