"""Biases that decay, on data that are not centred: by hand, and against a search over all weights and biases."""

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.catalogue import BY_NAME
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples, shapes_of
from service.core.losses.dense import DenseParameters
from service.core.losses.expected import loss_and_gradient, loss_of
from service.core.losses.narrow import dense_or_narrow
from service.vocabulary import Bias, Status


def instance(seed: int, hidden: int, bias: Bias, noise: float = 0.0) -> Problem:
    """A random network with decays of its own everywhere, on samples with means."""
    rng = np.random.default_rng(seed)
    d, k = rng.integers(1, 4, size=2).tolist()
    x = rng.standard_normal((12, d)) + rng.standard_normal(d)
    y = x @ rng.standard_normal((d, k)) + 2.0 * rng.standard_normal(k) + 0.5 * rng.standard_normal((12, k))
    widths = [*(rng.integers(min(d + 1, k), 5, size=hidden)).tolist(), k]
    layers = tuple(Layer(width, weight_decay=float(10 ** rng.uniform(-2.5, -0.5))) for width in widths)
    decays = tuple((10 ** rng.uniform(-2.0, 0.0, size=len(widths))).tolist())
    return Problem(Network(layers, noise, bias, decays), moments_of(x, y), Samples(x, y))


def parts(problem: Problem, point: FloatArray) -> DenseParameters:
    """Weights and biases from one vector."""
    network, at = problem.network, 0
    weights, biases = [], []
    for rows, columns in shapes_of(network, problem.data.inputs):
        weights.append(point[at : at + rows * columns].reshape(rows, columns))
        at += rows * columns
    for index, layer in enumerate(network.layers):
        biases.append(point[at : at + layer.width] if network.has_bias(index) else None)
        at += layer.width if network.has_bias(index) else 0
    return DenseParameters(tuple(weights), tuple(biases))


def searched(problem: Problem, restarts: int) -> float:
    """The least loss that a search over all weights and biases finds."""
    network = problem.network
    size = sum(rows * columns for rows, columns in shapes_of(network, problem.data.inputs))
    size += sum(network.layers[index].width for index in network.bias_layers)

    def value(point: FloatArray) -> tuple[float, FloatArray]:
        loss, slope = loss_and_gradient(network, problem.data, parts(problem, point))
        flat = [np.ravel(part) for part in (*slope.weights, *slope.biases) if part is not None]
        return loss, np.concatenate(flat)

    rng = np.random.default_rng(1)
    starts = [rng.standard_normal(size) * scale for scale in np.geomspace(0.3, 2.0, restarts)]
    return min(float(minimize(value, start, jac=True, method="BFGS").fun) for start in starts)


def test_one_sample_of_ones_by_hand() -> None:
    # x = 0, y = 1: only constants help, c = b_2 + w b_1; the chain costs 2 sqrt(g h) |w b_1|, the last bias h b_2^2
    x, y = np.zeros((1, 1)), np.ones((1, 1))
    layers = (Layer(1, weight_decay=0.25), Layer(1, weight_decay=0.25))
    problem = Problem(Network(layers, bias=Bias.ALL, bias_weight_decays=(0.25, 0.25)), moments_of(x, y), Samples(x, y))
    # t = 0.2; min over m of 0.2 (1 - m)^2 + 0.5 m is at m = 0
    answer = solve(problem)
    assert answer.status is Status.CERTIFIED
    assert answer.solution.minimum.loss == pytest.approx(0.2, abs=1e-12)
    assert answer.solution.minimum.output_offset == pytest.approx([0.8], abs=1e-12)


def test_a_ridge_by_hand() -> None:
    # x = 1, y = 1: W + b = c costs g h / (g + h) c^2 = c^2 / 3, so that min (1 - c)^2 + c^2/3 = 1/4
    x, y = np.ones((2, 1)), np.ones((2, 1))
    network = Network((Layer(1, weight_decay=0.5),), bias=Bias.ALL, bias_weight_decays=(1.0,))
    answer = solve(Problem(network, moments_of(x, y)))
    assert answer.solution.minimum.loss == pytest.approx(0.25, abs=1e-12)
    assert answer.status is Status.CERTIFIED


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("hidden", "bias"), [(0, Bias.ALL), (1, Bias.ALL), (1, Bias.HIDDEN), (2, Bias.OUTPUT)])
def test_no_restart_is_below_and_some_reach(seed: int, hidden: int, bias: Bias) -> None:
    problem = instance(seed, hidden, bias, 0.2 * (seed % 2))
    answer = solve(problem)
    assert answer.status is Status.CERTIFIED
    loss = answer.solution.minimum.loss
    assert searched(problem, 4) == pytest.approx(loss, rel=1e-6)
    parameters = answer.solution.minimum.parameters
    assert parameters is not None
    network, dense = dense_or_narrow(problem.network, parameters)
    assert loss_of(network, problem.data, dense) == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("bias", [Bias.ALL, Bias.HIDDEN])
def test_deeper_networks_are_bounded_from_both_sides(seed: int, bias: Bias) -> None:
    problem = instance(seed, 2 + seed % 2, bias)
    answer = solve(problem)
    found = searched(problem, 5)
    assert answer.certificate.lower_bound <= found
    assert answer.solution.minimum.loss <= found * (1.0 + 1e-7)


def test_a_layer_without_decay_behind_a_bias_makes_constants_free() -> None:
    problem = instance(3, 2, Bias.ALL)
    layers = (problem.network.layers[0], Layer(3), problem.network.layers[2])
    network = Network(layers, bias=Bias.ALL, bias_weight_decays=(0.1, 0.1, 0.1))
    answer = solve(Problem(network, problem.moments, problem.samples))
    free = solve(Problem(Network(layers, bias=Bias.ALL), problem.moments, problem.samples))
    assert not answer.solution.minimum.attained
    assert answer.solution.minimum.loss == pytest.approx(free.solution.minimum.loss, rel=1e-9)


def test_the_bound_does_not_depend_on_who_found_the_weights() -> None:
    problem = instance(5, 1, Bias.ALL)
    answer = solve(problem)
    certifier = BY_NAME["decayed_biases"][1]
    again = certifier(problem, answer.solution)
    assert again.lower_bound == pytest.approx(answer.certificate.lower_bound, rel=1e-12)
    other = instance(6, 1, Bias.ALL)
    assert (
        BY_NAME["decayed_biases"][1](other, solve(other).solution).lower_bound <= solve(other).certificate.upper_bound
    )


def test_wide_layers_cost_what_narrow_ones_cost() -> None:
    narrow = instance(2, 1, Bias.ALL)
    k = narrow.data.outputs
    for width in (8, 100_000):
        layers = (Layer(width, weight_decay=0.1), Layer(k, weight_decay=0.1))
        network = Network(layers, bias=Bias.ALL, bias_weight_decays=(0.1, 0.1))
        answer = solve(Problem(network, narrow.moments, narrow.samples))
        assert answer.status is Status.CERTIFIED
