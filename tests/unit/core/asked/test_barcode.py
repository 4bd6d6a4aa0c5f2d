"""Bounds on the passes between minima of several outputs, against losses along the very paths."""

import numpy as np
import pytest

from service.core.asked.landscape import summarise
from service.core.dispatch import solve
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.losses.dense import DenseParameters
from service.core.losses.expected import loss_of
from tests.support.instances import dense


def posed(seed: int, widths: tuple[int, ...], decay: float, *, white: bool) -> Problem:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 3))
    if white:
        x = np.linalg.qr(x)[0] * np.sqrt(30.0)
    y = x @ rng.normal(size=(3, widths[-1])) + 0.3 * rng.normal(size=(30, widths[-1]))
    decays = decay * np.exp(rng.normal(size=len(widths)))
    layers = tuple(Layer(width, weight_decay=float(g)) for width, g in zip(widths, decays, strict=True))
    moments = Moments(x.T @ x / 30, x.T @ y / 30, float(np.mean(np.sum(y * y, axis=1))))
    return Problem(Network(layers), moments)


@pytest.mark.parametrize("seed", range(4))
def test_the_way_over_zero_has_the_height_that_is_told(seed: int) -> None:
    problem = posed(seed, (*(3, 4, 2)[: 2 + seed % 2], 2), 0.03, white=False)
    found = summarise(problem)
    if len(found.bars) < 2:
        assert problem.network.n_layers == 2 or solve(problem).solution.minimum.trivial
        return
    parameters = solve(problem).solution.minimum.parameters
    assert parameters is not None
    weights = dense(parameters).weights
    heights = [
        float(
            loss_of(problem.network, problem.data, DenseParameters.without_biases([t * weight for weight in weights]))
        )
        for t in np.linspace(0.0, 1.0, 4_001)
    ]
    bar = found.bars[-1]
    assert bar.birth == problem.data.yy
    assert bar.at_most == pytest.approx(max(heights), rel=1e-6)
    assert bar.birth < (bar.at_least or 0.0) <= (bar.at_most or 0.0)


def test_on_white_inputs_one_direction_at_a_time_is_lower() -> None:
    problem = posed(2, (3, 3, 3), 0.1, white=True)
    bars = summarise(problem).bars
    points = summarise(problem).points
    assert len(bars) >= 3
    passes = {point.loss for point in points if len(list(point.label.get("unstable", []))) == 1}  # type: ignore[arg-type]  # a list where it is there
    for bar in bars[1:]:
        assert bar.death is None
        assert not bar.exact
        assert bar.at_most in passes
        assert bar.birth <= (bar.at_least or 0.0) <= bar.at_most
    assert all(bar.at_most < problem.data.yy for bar in bars[1:-1] if bar.at_most is not None)


def test_the_norm_of_a_noisy_minimum_is_that_of_its_weights() -> None:
    problem = posed(1, (3, 4, 2), 0.05, white=False)
    layers = (Layer(3, weight_decay=0.05, noise_variance=0.3), *problem.network.layers[1:])
    noisy = Problem(Network(layers), problem.data)
    solution = solve(noisy).solution
    assert solution.minimum.parameters is not None
    size = np.sqrt(sum(np.sum(weight**2) for weight in dense(solution.minimum.parameters).weights))
    deepest = min(solution.stationary_points, key=lambda point: point.loss)
    assert deepest.parameter_norm == pytest.approx(float(size), rel=1e-9)
