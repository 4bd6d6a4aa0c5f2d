"""Biases, centring and input noise: the reduced problem against direct search over weights and biases."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.dispatch import solve
from service.core.ground.data.moments import centred, moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.losses.dense import flatten, unflatten
from service.core.losses.expected import gradient_of, loss_of
from service.errors import NotCovered
from service.vocabulary import Bias
from tests.support.instances import dense, gradient_norm, random_like, value
from tests.support.one_output_cases import network


def offset_data(seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 3)) + np.array([1.0, -0.5, 2.0])
    return x, x @ np.array([[1.0], [0.5], [-0.2]]) + 0.7 + 0.2 * rng.normal(size=(40, 1))


def with_bias(depth: int, bias: Bias, moments: Moments, input_noise: float = 0.0, decay: float = 0.0) -> Problem:
    described = replace(
        network(depth, 0.03, noise=0.4, width=2),
        bias=bias,
        input_noise_variance=input_noise,
        bias_weight_decays=(decay,) * (depth + 1),
    )
    return Problem(described, moments)


def best_of_search(base: Problem, starts: int = 12) -> float:
    rng = np.random.default_rng(0)
    best = np.inf
    for _ in range(starts):
        start = random_like(base, rng)

        def objective(vector: FloatArray, start: object = start) -> tuple[float, FloatArray]:
            point = unflatten(vector, start)  # type: ignore[arg-type]  # bound in the loop
            slope: FloatArray = flatten(gradient_of(base.network, base.data, point))
            return float(loss_of(base.network, base.data, point)), slope

        best = min(best, float(minimize(objective, flatten(start), jac=True, method="L-BFGS-B").fun))
    return best


@pytest.mark.parametrize("input_noise", [0.0, 0.3])
@pytest.mark.parametrize("bias", [Bias.OUTPUT, Bias.ALL])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_undecayed_biases_reach_what_search_reaches(depth: int, bias: Bias, input_noise: float) -> None:
    base = with_bias(depth, bias, moments_of(*offset_data()), input_noise)
    answer = solve(base)
    minimum = answer.solution.minimum
    assert answer.certificate.holds
    assert minimum.parameters is not None
    point = dense(minimum.parameters)
    assert value(base, point) == pytest.approx(minimum.loss, rel=1e-12)
    assert gradient_norm(base, point) < 1e-9
    assert best_of_search(base) == pytest.approx(minimum.loss, abs=1e-7)


@pytest.mark.parametrize("decay", [0.0, 0.03])
def test_noise_on_inputs_sees_their_means_whatever_biases_do(decay: float) -> None:
    """Several noisy layers and outputs, where the minimum is searched for."""
    x, _ = offset_data()
    moments = moments_of(x, x @ np.array([[3.0, 0.0], [0.0, 3.0], [1.0, -1.0]]) + 1.0)
    layers = tuple(Layer(2, weight_decay=decay, noise_variance=variance) for variance in (0.4, 0.2, 0.0))
    base = Problem(Network(layers, 0.3, bias=Bias.ALL, bias_weight_decays=(0.0,) * 3), moments)
    answer = solve(base)
    minimum = answer.solution.minimum
    assert answer.solution.solver == "noisy_bounded"
    assert minimum.parameters is not None
    assert value(base, dense(minimum.parameters)) == pytest.approx(minimum.loss, rel=1e-12)
    assert gradient_norm(base, dense(minimum.parameters)) < 1e-6
    assert best_of_search(base, 4) >= minimum.loss - 1e-7
    assert answer.certificate.lower_bound <= minimum.loss


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_biases_everywhere_solve_the_centred_problem(depth: int) -> None:
    moments = moments_of(*offset_data())
    free = solve(with_bias(depth, Bias.ALL, moments)).solution
    plain = solve(with_bias(depth, Bias.NONE, centred(moments))).solution
    assert free.minimum.loss == pytest.approx(plain.minimum.loss, rel=1e-12)
    np.testing.assert_allclose(free.minimum.end_to_end_map, plain.minimum.end_to_end_map, rtol=1e-10)
    assert free.thresholds.critical_decay_scale == pytest.approx(plain.thresholds.critical_decay_scale, rel=1e-12)


@pytest.mark.parametrize("depth", [1, 2])
def test_an_output_bias_leaves_the_noise_uncentred(depth: int) -> None:
    moments = moments_of(*offset_data())
    everywhere = solve(with_bias(depth, Bias.ALL, moments)).solution.minimum
    output = solve(with_bias(depth, Bias.OUTPUT, moments)).solution.minimum
    without = solve(with_bias(depth, Bias.NONE, moments)).solution.minimum
    assert everywhere.loss < output.loss < without.loss


@pytest.mark.parametrize("bias", [Bias.OUTPUT, Bias.ALL, Bias.HIDDEN])
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_on_centred_data_every_bias_is_best_at_zero(bias: Bias, decay: float) -> None:
    x, y = offset_data()
    data = moments_of(x - x.mean(axis=0), y - y.mean(axis=0))
    exact = replace(data, x_mean=np.zeros(3), y_mean=np.zeros(1))
    base = with_bias(2, bias, exact, decay=decay)
    minimum = solve(base).solution.minimum
    assert minimum.loss == pytest.approx(solve(with_bias(2, Bias.NONE, exact)).solution.minimum.loss, rel=1e-13)
    assert best_of_search(base) >= minimum.loss - 1e-9
    assert minimum.parameters is not None
    assert gradient_norm(base, dense(minimum.parameters)) < 1e-9


@pytest.mark.parametrize(("bias", "decay"), [(Bias.OUTPUT, 0.1), (Bias.ALL, 0.1), (Bias.HIDDEN, 0.0)])
def test_what_is_not_covered_says_so(bias: Bias, decay: float) -> None:
    with pytest.raises(NotCovered) as refusal:
        solve(with_bias(2, bias, moments_of(*offset_data()), decay=decay))
    (attempt,) = (attempt for attempt in refusal.value.attempts if attempt.name == "scalar_output")
    assert [name for name in attempt.failed if "bias" in name] == list(attempt.failed)


def test_held_out_fit_uses_the_trained_offset() -> None:
    x, y = offset_data(1)
    base = replace(with_bias(2, Bias.OUTPUT, moments_of(*offset_data())), evaluation=moments_of(x, y))
    minimum = solve(base).solution.minimum
    predicted = x @ minimum.end_to_end_map.T + minimum.output_offset
    assert minimum.evaluation_fit == pytest.approx(float(np.mean((predicted - y) ** 2)), rel=1e-11)


def test_input_noise_is_ridge_by_the_variance_of_each_input() -> None:
    """No hidden layer: E over mean-one noise of variance s adds s diag(E x x') to the quadratic form."""
    moments = moments_of(*offset_data())
    minimum = solve(with_bias(0, Bias.NONE, moments, input_noise=0.5)).solution.minimum
    form = moments.xx + 0.5 * np.diag(np.diagonal(moments.xx)) + 0.03 * np.eye(3)
    np.testing.assert_allclose(minimum.end_to_end_map[0], np.linalg.solve(form, moments.xy[:, 0]), rtol=1e-11)
