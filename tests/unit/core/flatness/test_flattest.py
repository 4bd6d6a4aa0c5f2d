"""The flattest global minimum: by hand, against the exact Hessian, and against other minima and gradient descent."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from service.core.curvature.hessian import dense_hessian
from service.core.flatness.flattest import flattest
from service.core.flatness.tangents import tangents_of
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of
from service.vocabulary import Bias
from tests.support.flatness import another_minimum, at_flattest, instance

CASES = [
    (layers, outputs, bias, white)
    for layers in (1, 2, 3, 4)
    for outputs in (1, 3)
    for bias in (Bias.NONE, Bias.OUTPUT)
    for white in (False, True)
]


def of_moments(xx: list[list[float]], xy: list[list[float]], layers: int) -> Problem:
    second, cross = np.array(xx), np.array(xy)
    network = Network((Layer(3),) * (layers - 1) + (Layer(cross.shape[1]),))
    return Problem(network, Moments(second, cross, 100.0))


def test_one_input_by_hand() -> None:
    # two layers of one number each: the Hessian at u v = 3 has trace 2 (u^2 + v^2), least where they are equal
    found = flattest(tangents_of(of_moments([[1.0]], [[3.0]], 2)))
    assert found.sharpness == pytest.approx(12.0, rel=1e-12)
    assert found.lower_bound == pytest.approx(12.0, rel=1e-10)
    assert found.layer_norms == pytest.approx([sqrt(3.0), sqrt(3.0)], rel=1e-6)


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_white_inputs_have_a_closed_form(layers: int) -> None:
    c, values = 1.7, np.array([2.0, 0.5])
    found = flattest(tangents_of(of_moments((c * np.eye(2)).tolist(), (c * np.diag(values)).tolist(), layers)))
    expected = 2.0 * c * layers * values[0] ** (2.0 - 2.0 / layers)
    assert found.sharpness == pytest.approx(expected, rel=1e-12)
    assert found.lower_bound == pytest.approx(expected, rel=1e-10)
    parts = np.arange(1, layers + 1) / layers
    pairs = [
        2.0 * c * sum(s ** (2.0 * (1.0 - part)) * t ** (2.0 * (part - 1.0 / layers)) for part in parts)
        for s in values
        for t in values
    ]
    assert found.spectrum == pytest.approx(sorted(pairs, reverse=True), rel=1e-12)


@pytest.mark.parametrize(("layers", "outputs", "bias", "white"), CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_spectrum_is_that_of_the_exact_hessian(layers: int, outputs: int, bias: Bias, white: bool, seed: int) -> None:
    found, narrow, point = at_flattest(instance(layers, outputs, seed, bias=bias, white=white))
    slope = flatten(gradient_of(narrow.network, narrow.data, point))
    values = np.linalg.eigvalsh(dense_hessian(narrow, point))[::-1]
    assert np.linalg.norm(slope) < 1e-10 * values[0]
    assert values[0] == pytest.approx(found.sharpness, rel=1e-10)
    shared = min(values.size, found.spectrum.size)
    assert values[:shared] == pytest.approx(found.spectrum[:shared], abs=1e-10 * values[0])
    assert np.abs(values[shared:]).max(initial=0.0) < 1e-10 * values[0]
    assert found.layer_norms == pytest.approx([np.linalg.norm(weight) for weight in point.weights], rel=1e-10)


@pytest.mark.parametrize(("layers", "outputs", "bias", "white"), CASES)
def test_bounds_meet_where_they_are_said_to(layers: int, outputs: int, bias: Bias, white: bool) -> None:
    found = flattest(tangents_of(instance(layers, outputs, 2, bias=bias, white=white)))
    gap = 1.0 - found.lower_bound / found.sharpness
    assert 0.0 <= gap < 1e-9


@pytest.mark.parametrize(("layers", "outputs", "bias", "white"), [case for case in CASES if case[0] > 1])
def test_no_other_minimum_is_flatter(layers: int, outputs: int, bias: Bias, white: bool) -> None:
    problem = instance(layers, outputs, 3, bias=bias, white=white)
    found = flattest(tangents_of(problem))
    nearest = np.inf
    for seed in range(12):
        point = another_minimum(problem, seed)
        assert np.linalg.norm(flatten(gradient_of(problem.network, problem.data, point))) < 1e-8
        nearest = min(nearest, float(np.linalg.eigvalsh(dense_hessian(problem, point))[-1]))
    assert nearest >= found.lower_bound
    assert nearest < 1e3 * found.lower_bound


@pytest.mark.parametrize("seed", range(12))
def test_kinks_leave_a_gap_only_beyond_two_layers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers, size = int(rng.integers(2, 5)), int(rng.integers(2, 5))
    spread = np.exp(2.0 * rng.standard_normal(size))
    problem = of_moments(
        np.diag(spread).tolist(), np.diag(spread * np.exp(2.0 * rng.standard_normal(size))).tolist(), layers
    )
    network = Network((*(Layer(size),) * layers,))
    problem = replace(problem, network=network)
    found, narrow, point = at_flattest(problem)
    assert float(np.linalg.eigvalsh(dense_hessian(narrow, point))[-1]) == pytest.approx(found.sharpness, rel=1e-9)
    gap = 1.0 - found.lower_bound / found.sharpness
    assert 0.0 <= gap < (1e-9 if layers == 2 else 0.3)


@pytest.mark.parametrize(
    ("layers", "outputs", "bias"), [(2, 1, Bias.OUTPUT), (2, 3, Bias.NONE), (3, 1, Bias.NONE), (3, 2, Bias.NONE)]
)
def test_no_search_from_the_flattest_minimum_goes_below_it(layers: int, outputs: int, bias: Bias) -> None:
    problem = instance(layers, outputs, 6, bias=bias, width=3, inputs=3)
    bounds, narrow, here = at_flattest(problem)
    rng, best, size, used = np.random.default_rng(layers), np.inf, 0.3, len(here.weights[0])
    for _ in range(400):
        weights = list(here.weights)
        for index in range(layers - 1):
            change = (np.eye(used) + size * rng.standard_normal((used, used))) * np.exp(size * rng.standard_normal())
            weights[index], weights[index + 1] = change @ weights[index], weights[index + 1] @ np.linalg.inv(change)
        there = DenseParameters(tuple(weights), here.biases)
        value = float(np.linalg.eigvalsh(dense_hessian(narrow, there))[-1])
        if value < best:
            here, best = there, value
        else:
            size = max(0.97 * size, 1e-4)
    assert bounds.lower_bound <= best * (1.0 + 1e-9)
    # it starts away from the minimum and comes back: the search is able to find it
    assert best < 1.05 * bounds.sharpness


@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT])
def test_many_inputs_take_the_secular_equation(bias: Bias) -> None:
    problem = instance(3, 1, 4, bias=bias, inputs=60)
    found, narrow, point = at_flattest(problem)
    assert found.sharpness - found.lower_bound < 1e-9 * found.sharpness
    assert np.linalg.eigvalsh(dense_hessian(narrow, point))[-1] == pytest.approx(found.sharpness, rel=1e-10)


def test_a_direction_that_the_map_does_not_use_may_be_the_sharpest() -> None:
    problem = of_moments([[1.0, 0.0], [0.0, 50.0]], [[1.0], [0.0]], 2)
    found = flattest(tangents_of(problem))
    # min over a of 2 max(a^2 + 1/a^2, 50 a^2): the two meet at a^4 = 1/49
    assert found.sharpness == pytest.approx(100.0 / 7.0, rel=1e-9)
    assert found.lower_bound == pytest.approx(100.0 / 7.0, rel=1e-9)


@pytest.mark.parametrize(("layers", "bias", "expected"), [(2, Bias.NONE, 0.0), (3, Bias.OUTPUT, 2.0)])
def test_the_zero_map_has_no_curvature_but_that_of_a_bias(layers: int, bias: Bias, expected: float) -> None:
    network = Network((Layer(2),) * (layers - 1) + (Layer(1),), bias=bias, bias_weight_decays=(0.0,) * layers)
    zero = Moments(np.eye(2), np.zeros((2, 1)), 1.0, None, np.zeros(2), np.zeros(1))
    found = flattest(tangents_of(Problem(network, zero)))
    assert found.sharpness == found.lower_bound == pytest.approx(expected)
    assert not found.layer_norms.any()


@pytest.mark.parametrize(("layers", "seed"), [(2, 0), (2, 1), (3, 2), (4, 3)])
def test_gradient_descent_stays_below_the_largest_step_and_leaves_above(layers: int, seed: int) -> None:
    found, narrow, point = at_flattest(instance(layers, 1, seed))
    rng, begin = np.random.default_rng(seed), flatten(point)
    near = begin * (1.0 + 1e-5 * rng.standard_normal(begin.size))

    def after(step: float, count: int) -> float:
        at = near
        for _ in range(count):
            at = at - step * flatten(gradient_of(narrow.network, narrow.data, unflatten(at, point)))
        return float(np.linalg.norm(flatten(gradient_of(narrow.network, narrow.data, unflatten(at, point)))))

    largest = 2.0 / found.lower_bound
    start = float(np.linalg.norm(flatten(gradient_of(narrow.network, narrow.data, unflatten(near, point)))))
    assert after(0.97 * largest, 400) < 0.3 * start
    assert after(1.05 * largest, 120) > 10.0 * start


def test_weights_are_those_of_the_posed_widths() -> None:
    _, narrow, point = at_flattest(instance(3, 3, 0))
    assert [weight.shape for weight in point.weights] == [(3, 4), (3, 3), (3, 3)]
    assert isinstance(point, DenseParameters)
    assert narrow.network.hidden_widths == (3, 3)
