"""Laws of compressions: what turning, scaling and reordering do to errors and ranks, and what budgets are worth."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.compression.allocation import least_numbers, most_numbers, within_budget, within_error
from service.core.compression.inputs import of_moments, of_samples
from service.core.compression.layer import best_factors, error_of, errors_by_rank, singular_values
from service.core.compression.options import LayerOptions, options_of
from service.core.ground.numbers.arrays import FloatArray

SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def orthogonal(rng: np.random.Generator, size: int) -> FloatArray:
    return np.asarray(np.linalg.qr(rng.normal(size=(size, size)))[0], dtype=np.float64)


def close(first: Any, second: Any) -> bool:
    scale = float(np.max(np.abs(first), initial=0.0))
    return bool(np.allclose(first, second, rtol=0.0, atol=1e-9 * scale))


@given(SEEDS, SIDES)
def test_turning_outputs_and_inputs_changes_no_error(seed: int, sides: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    outputs, inputs = sides
    weights, x = rng.normal(size=(outputs, inputs)), rng.normal(size=(2 * inputs, inputs))
    turned_out, turned_in = orthogonal(rng, outputs), orthogonal(rng, inputs)
    errors = errors_by_rank(singular_values(weights, of_samples(x)))
    turned = errors_by_rank(singular_values(turned_out @ weights @ turned_in.T, of_samples(x @ turned_in.T)))
    assert close(errors, turned)
    # any change of the coordinates of the inputs, as long as the layer undoes it
    mixed = rng.normal(size=(inputs, inputs)) + 3.0 * np.eye(inputs)
    assert close(errors, errors_by_rank(singular_values(weights @ np.linalg.inv(mixed), of_samples(x @ mixed.T))))


@given(SEEDS, SIDES)
def test_samples_and_their_moments_say_the_same(seed: int, sides: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    outputs, inputs = sides
    weights, x = rng.normal(size=(outputs, inputs)), rng.normal(size=(int(rng.integers(1, 20)), inputs))
    by_samples, by_moments = of_samples(x), of_moments(x.T @ x / len(x))
    assert by_samples.rank == by_moments.rank == min(x.shape)
    assert close(
        errors_by_rank(singular_values(weights, by_samples)),
        errors_by_rank(np.append(singular_values(weights, by_moments), np.zeros(99)))[
            : errors_by_rank(singular_values(weights, by_samples)).size
        ],
    )


@given(SEEDS, SIDES, st.integers(-40, 40))
def test_errors_scale_with_the_square(seed: int, sides: tuple[int, int], power: int) -> None:
    rng = np.random.default_rng(seed)
    weights, x = rng.normal(size=sides), rng.normal(size=(12, sides[1]))
    inputs = of_samples(x)
    errors = errors_by_rank(singular_values(weights, inputs))
    assert close(errors, errors_by_rank(singular_values(np.ldexp(weights, power), inputs)) * 4.0**-power)
    rank = int(rng.integers(0, errors.size))
    assert close(errors[:1], errors[:1] + errors[rank] - error_of(weights, best_factors(weights, inputs, rank), inputs))


def drawn(rng: np.random.Generator) -> list[LayerOptions]:
    layers = []
    for _ in range(int(rng.integers(1, 7))):
        outputs, inputs = (int(side) for side in rng.integers(1, 30, 2))
        values = np.sort(np.exp(-5.0 * rng.random(min(outputs, inputs)) ** rng.uniform(0.3, 2.0)))[::-1]
        layers.append(options_of(errors_by_rank(values), (outputs, inputs), 1, dense=bool(rng.random() < 0.7)))
    return layers


@given(SEEDS)
def test_larger_budgets_miss_no_more_and_bounds_hold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = drawn(rng)
    budgets = np.sort(rng.uniform(least_numbers(layers), most_numbers(layers), 4))
    found = [within_budget(layers, float(budget)) for budget in budgets]
    for budget, each in zip(budgets, found, strict=True):
        assert each.numbers <= budget
        assert each.lower_bound <= each.error
    assert [each.error for each in found] == sorted((each.error for each in found), reverse=True)
    assert [each.lower_bound <= other.error for each, other in zip(found[1:], found[:-1], strict=True)] == [True] * 3


@given(SEEDS)
def test_the_order_and_the_unit_of_layers_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = drawn(rng)
    budget = float(rng.uniform(least_numbers(layers), most_numbers(layers)))
    found = within_budget(layers, budget)
    order = rng.permutation(len(layers))
    assert close(found.error, within_budget([layers[place] for place in order], budget).error)
    scaled = [LayerOptions(layer.ranks, layer.numbers, 1e6 * layer.errors, layer.hull) for layer in layers]
    assert close(1e6 * found.error, within_budget(scaled, budget).error)


@given(SEEDS)
def test_the_fewest_numbers_for_what_a_budget_reaches_are_within_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = drawn(rng)
    budget = float(rng.uniform(least_numbers(layers), most_numbers(layers)))
    reached = within_budget(layers, budget)
    found = within_error(layers, reached.error)
    assert found.lower_bound <= found.numbers <= reached.numbers
    assert found.error <= reached.error * (1.0 + 1e-9)
