"""The least sharpness of all global minima: by hand, reached by weights, and never beaten."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.curvature.dense import hessian_of
from service.core.flatness.flattest import SharpnessBounds, flattest
from service.core.ground.data.conditioned import Moments
from service.core.ground.problems import Layer, Network, Problem
from service.core.losses.dense import DenseParameters
from service.vocabulary import Bias
from tests.support.flat_minima import flattest_weights, random_problem, transformed

CASES = {
    "one output": {"inputs": 3, "widths": (2, 1)},
    "one output, four layers": {"inputs": 3, "widths": (2, 3, 2, 1)},
    "two layers": {"inputs": 3, "widths": (4, 3)},
    "white": {"inputs": 3, "widths": (3, 3, 2), "white": True},
    "three layers": {"inputs": 3, "widths": (3, 3, 2)},
    "output bias": {"inputs": 2, "widths": (2, 2, 1), "bias": Bias.OUTPUT},
    "output bias, several outputs": {"inputs": 2, "widths": (2, 3), "bias": Bias.OUTPUT},
}


def sharpness(problem: Problem, point: DenseParameters) -> float:
    """The largest eigenvalue of the exact Hessian, formed by complex steps of the gradient."""
    return float(np.linalg.eigvalsh(hessian_of(problem.network, problem.data, point))[-1])


def bounds_of(problem: Problem) -> SharpnessBounds:
    found = flattest(problem)
    assert isinstance(found, SharpnessBounds), found
    return found


def by_moments(xx: list[list[float]], xy: list[list[float]], yy: float, widths: tuple[int, ...]) -> Problem:
    network = Network(tuple(Layer(width) for width in widths))
    return Problem(network, Moments(np.array(xx), np.array(xy), yy))


def test_one_weight_a_layer_by_hand() -> None:
    # f = u w x with E x^2 = 4, E x y = 12, so that u w = 3: Hessian 8 [[u^2, uw], [uw, w^2]] at the minimum, of
    # largest eigenvalue 8 (u^2 + w^2), least where |u| = |w|: 8 * 6
    assert bounds_of(by_moments([[4.0]], [[12.0]], 40.0, (1, 1))).reached == pytest.approx(48.0, rel=1e-12)


def test_white_inputs_by_hand() -> None:
    # singular values 8 and 1 of the map, three layers: 2 * 3 * 8^(4/3) = 96
    found = bounds_of(by_moments([[1.0, 0.0], [0.0, 1.0]], [[8.0, 0.0], [0.0, 1.0]], 80.0, (2, 2, 2)))
    assert [found.reached, found.proved] == pytest.approx([96.0, 96.0], rel=1e-12)


def test_two_inputs_of_unlike_size_by_hand() -> None:
    # two layers, A = diag(9, 1), w along the small input: max(9 a^2, a^2 + 4 / a^2) is least where both are equal,
    # a^4 = 1/2, or before: the second is least at a^2 = 2 only, so the kink decides: 2 * 9 / sqrt(2)
    found = bounds_of(by_moments([[9.0, 0.0], [0.0, 1.0]], [[0.0], [2.0]], 5.0, (2, 1)))
    assert found.reached == pytest.approx(18.0 / np.sqrt(2.0), rel=1e-11)


def test_one_layer_and_nothing_to_learn() -> None:
    assert bounds_of(by_moments([[9.0, 0.0], [0.0, 1.0]], [[0.0], [2.0]], 5.0, (1,))).reached == pytest.approx(18.0)
    nothing = bounds_of(by_moments([[9.0, 0.0], [0.0, 1.0]], [[0.0], [0.0]], 5.0, (2, 1)))
    assert (nothing.reached, nothing.proved) == (0.0, 0.0)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", range(4))
def test_weights_reach_it(name: str, seed: int) -> None:
    problem = random_problem(np.random.default_rng(seed), **CASES[name])  # type: ignore[arg-type]  # a table of arguments
    found = bounds_of(problem)
    assert sharpness(problem, flattest_weights(problem, found)) == pytest.approx(found.reached, rel=1e-8)
    assert found.proved <= found.reached * (1.0 + 1e-12)
    assert found.reached - found.proved <= (0.2 if name == "three layers" else 1e-9) * found.reached


@pytest.mark.parametrize("name", CASES)
def test_no_transformed_minimum_is_flatter(name: str) -> None:
    rng = np.random.default_rng(5)
    problem = random_problem(rng, **CASES[name])  # type: ignore[arg-type]  # a table of arguments
    found = bounds_of(problem)
    here = flattest_weights(problem, found)
    least = min(sharpness(problem, transformed(here, rng, size)) for size in np.geomspace(1e-4, 0.6, 60))
    assert least >= found.proved * (1.0 - 1e-9)


@pytest.mark.parametrize("name", ["one output, four layers", "two layers", "three layers", "output bias"])
def test_no_search_goes_below_it(name: str) -> None:
    rng = np.random.default_rng(11)
    problem = random_problem(rng, **CASES[name])  # type: ignore[arg-type]  # a table of arguments
    found = bounds_of(problem)
    here = transformed(flattest_weights(problem, found), rng, 0.3)
    best, size = sharpness(problem, here), 0.2
    for _ in range(250):
        there = transformed(here, rng, size)
        value = sharpness(problem, there)
        if value < best:
            here, best = there, value
        else:
            size = max(0.97 * size, 1e-3)
    assert found.proved * (1.0 - 1e-9) <= best <= 1.35 * found.reached


def test_input_noise_is_a_part_of_the_inputs() -> None:
    plain = random_problem(np.random.default_rng(2), inputs=3, widths=(2, 1))
    noisy = replace(plain, network=replace(plain.network, input_noise_variance=0.3))
    found = bounds_of(noisy)
    assert sharpness(noisy, flattest_weights(noisy, found)) == pytest.approx(found.reached, rel=1e-8)


def test_a_bottleneck_is_refused_with_the_reason() -> None:
    problem = random_problem(np.random.default_rng(0), inputs=4, widths=(2, 3))
    assert "bottleneck" in str(flattest(problem))


def test_inputs_that_vary_in_fewer_directions() -> None:
    x = np.random.default_rng(1).normal(size=(20, 2)) @ np.array([[1.0, 0.5, 2.0], [0.0, 1.0, -1.0]])
    xy = x.T @ x @ np.array([[1.0], [2.0], [0.0]]) / 20.0
    problem = Problem(Network((Layer(2), Layer(1))), Moments(x.T @ x / 20.0, xy, 30.0))
    found = bounds_of(problem)
    assert sharpness(problem, flattest_weights(problem, found)) == pytest.approx(found.reached, rel=1e-8)
