"""How the least loss of a one-output network moves with its noise and its target: the derivatives at the minimum."""

from dataclasses import replace
from math import exp

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.one_output.reduced import log_noise_factor_of

STEP = 1e-5


def problem_of(seed: int, depth: int) -> Problem:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(12, 3)) * 10.0 ** rng.uniform(-0.5, 0.5, 3)
    y = x @ rng.normal(size=(3, 1)) + 0.3 * rng.normal(size=(12, 1))
    hidden = (
        Layer(
            int(rng.integers(1, 6)),
            weight_decay=float(rng.uniform(0.002, 0.05)),
            noise_variance=float(rng.uniform(0.1, 1)),
        )
        for _ in range(depth)
    )
    return Problem(Network((*hidden, Layer(1, weight_decay=0.02))), moments_of(x, y))


def loss_of(problem: Problem) -> float:
    return solve(replace(problem)).solution.minimum.loss


def with_noise(problem: Problem, index: int, variance: float) -> Problem:
    layers = list(problem.network.layers)
    layers[index] = replace(layers[index], noise_variance=variance)
    return replace(problem, network=replace(problem.network, layers=tuple(layers)))


def with_target(problem: Problem, xy: FloatArray) -> Problem:
    data = problem.data
    return replace(problem, moments=Moments(data.xx, xy, data.yy, data.n))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), depth=st.integers(1, 4))
def test_derivatives_of_the_least_loss(seed: int, depth: int) -> None:
    problem = problem_of(seed, depth)
    minimum = solve(problem).solution.minimum
    assume(not minimum.trivial)
    w, factor = minimum.end_to_end_map[0], exp(log_noise_factor_of(problem.network))
    spread = float(w @ problem.data.xx @ w)
    for index, layer in enumerate(problem.network.layers[:-1]):
        step = STEP * layer.noise_variance
        up, down = (loss_of(with_noise(problem, index, layer.noise_variance + sign * step)) for sign in (1.0, -1.0))
        expected = factor / (layer.width + layer.noise_variance) * spread
        np.testing.assert_allclose((up - down) / (2.0 * step), expected, rtol=1e-5, atol=1e-8 * problem.data.yy)
    for axis in range(3):
        move = np.zeros((3, 1))
        move[axis] = STEP * float(np.abs(problem.data.xy).max())
        up, down = (loss_of(with_target(problem, problem.data.xy + sign * move)) for sign in (1.0, -1.0))
        slope = (up - down) / (2.0 * float(move[axis, 0]))
        np.testing.assert_allclose(slope, -2.0 * w[axis], rtol=1e-5, atol=1e-6 * float(np.abs(w).max()))
