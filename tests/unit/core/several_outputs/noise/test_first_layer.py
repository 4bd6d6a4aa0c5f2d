"""The loss above the best first layer: its value, gradient and Hessian against the exact loss of all layers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.curvature.dense import hessian_of
from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.losses.dense import DenseParameters
from service.core.losses.expected import gradient_of, loss_of
from service.core.several_outputs.noise.first_layer import BestFirstLayer, descend
from service.core.several_outputs.squared_error.quadratic import quadratic_of


def problem_of(seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    inputs, outputs, n_layers = int(rng.integers(1, 5)), int(rng.integers(1, 4)), int(rng.integers(2, 5))
    x = rng.normal(size=(20, inputs)) * 10.0 ** rng.uniform(-1.0, 0.0, inputs)
    y = x @ rng.normal(size=(inputs, outputs)) + 0.2 * rng.normal(size=(20, outputs))
    decays = rng.uniform(0.01, 0.2, n_layers)
    hidden = [
        Layer(int(rng.integers(1, 5)), weight_decay=float(decay), noise_variance=float(rng.choice([0.0, 0.4])))
        for decay in decays[:-1]
    ]
    return Problem(Network((*hidden, Layer(outputs, weight_decay=float(decays[-1])))), moments_of(x, y))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31))
def test_it_is_the_loss_with_the_first_layer_at_its_best(seed: int) -> None:
    problem = problem_of(seed)
    quadratic = quadratic_of(problem)
    reduced, rng = BestFirstLayer(quadratic, problem.network), np.random.default_rng(seed)
    point = rng.normal(size=sum(rows * columns for rows, columns in reduced.shapes))
    upper = reduced.split(point)
    first = quadratic.expand(reduced.first(upper).T).T
    whole = DenseParameters.without_biases([first, *upper])
    value, gradient = reduced.value_and_gradient(point)
    assert value == pytest.approx(float(loss_of(problem.network, problem.data, whole)), rel=1e-10)
    exact = gradient_of(problem.network, problem.data, whole)
    scale = max(1.0, problem.data.yy, float(np.linalg.norm(gradient)))
    assert float(np.linalg.norm(exact.weights[0])) <= 1e-9 * scale
    np.testing.assert_allclose(
        np.concatenate([part.ravel() for part in exact.weights[1:]]), gradient, atol=1e-9 * scale
    )
    # the Hessian of what is left is the Schur complement of the first layer's block
    hessian = hessian_of(problem.network, problem.data, whole)
    size = first.size
    complement = hessian[size:, size:] - hessian[size:, :size] @ np.linalg.solve(
        hessian[:size, :size], hessian[:size, size:]
    )
    np.testing.assert_allclose(reduced.hessian(point), complement, atol=1e-8 * float(np.abs(hessian).max()))
    reached, end = descend(reduced, point)
    assert reached <= value
    assert float(np.linalg.norm(reduced.value_and_gradient(end)[1])) <= 1e-6 * scale


def test_one_hidden_unit_by_hand() -> None:
    # x = 1, y = 2, noise 1, decay 1/2 on both: the first layer is 2 v / (2 v^2 + 1/2)
    network = Network((Layer(1, weight_decay=0.5, noise_variance=1.0), Layer(1, weight_decay=0.5)))
    problem = Problem(network, Moments(np.eye(1), np.array([[2.0]]), 4.0))
    reduced = BestFirstLayer(quadratic_of(problem), network)
    assert reduced.first([np.array([[0.5]])])[0, 0] == pytest.approx(1.0)
    value, gradient = reduced.value_and_gradient(np.array([0.5]))
    assert value == pytest.approx(4.0 - 2.0 * 0.5 + 0.125)
    assert gradient[0] == pytest.approx(2.0 * (2.0 * 0.5 - 2.0) + 0.5)
