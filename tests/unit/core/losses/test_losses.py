"""The exact expected loss against every dropout mask, Monte Carlo and finite differences."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from service.core.curvature.dense import hessian_of
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters, UniformColumn
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.losses.dense import DenseParameters, end_to_end, flatten, unflatten
from service.core.losses.expected import decay_of, fit_of, gradient_by_map, gradient_of, loss_of, terms_of
from service.core.losses.narrow import dense_or_narrow
from service.vocabulary import Bias
from tests.support.instances import dense, random_like

RATES = (0.0, 0.25, 0.5)


def dropout_problem(seed: int) -> tuple[Problem, list[float]]:
    """Few enough neurons that all masks can be listed; the rates belong to input and hidden layers."""
    rng = np.random.default_rng(seed)
    inputs, depth, outputs = int(rng.integers(1, 3)), seed % 4, int(rng.integers(1, 3))
    widths = [int(rng.integers(1, 4)) for _ in range(depth)]
    rates = [float(rng.choice(RATES)) for _ in range(depth + 1)]
    layers = [
        Layer(width, weight_decay=float(rng.random()), noise_variance=rate / (1.0 - rate))
        for width, rate in zip(widths, rates[1:], strict=True)
    ]
    network = Network(
        (*layers, Layer(outputs, weight_decay=0.2)),
        input_noise_variance=rates[0] / (1.0 - rates[0]),
        bias=list(Bias)[int(rng.integers(4))],
        bias_weight_decays=tuple(rng.random(depth + 1)),
    )
    x, y = rng.normal(size=(4, inputs)) + 0.5, rng.normal(size=(4, outputs)) - 1.0
    return Problem(network, moments_of(x, y), Samples(x, y)), rates


def masks(sizes: list[int], rates: list[float]) -> list[tuple[float, FloatArray]]:
    """Every inverted-dropout mask with its probability."""
    keep = np.concatenate([np.full(size, 1.0 - rate) for size, rate in zip(sizes, rates, strict=True)])
    choices = [((0.0, 1.0) if chance < 1.0 else (1.0,)) for chance in keep]
    listed = []
    for kept in product(*choices):
        on = np.array(kept)
        listed.append((float(np.prod(np.where(on > 0, keep, 1.0 - keep))), on / keep))
    return listed


@pytest.mark.parametrize("seed", range(16))
def test_loss_is_the_mean_over_all_dropout_masks(seed: int) -> None:
    problem, rates = dropout_problem(seed)
    network, samples = problem.network, problem.samples
    assert samples is not None
    rng = np.random.default_rng(seed + 100)
    parameters = random_like(problem, rng)
    sizes = [problem.data.inputs, *network.hidden_widths]
    total, squares, means = 0.0, np.zeros(samples.y.shape), np.zeros(samples.y.shape)
    chances = 0.0
    for chance, mask in masks(sizes, rates):
        pieces = np.split(mask, np.cumsum(sizes)[:-1])
        hidden = samples.x
        for index, weight in enumerate(parameters.weights):
            bias = parameters.biases[index]
            hidden = (hidden * pieces[index]) @ weight.T + (0.0 if bias is None else bias)
        total += chance * float(np.mean(np.sum((hidden - samples.y) ** 2, axis=1)))
        means += chance * hidden
        squares += chance * hidden**2
        chances += chance
    assert chances == pytest.approx(1.0, rel=1e-14)
    expected = total + float(decay_of(network, parameters))
    assert float(loss_of(network, problem.data, parameters)) == pytest.approx(expected, rel=1e-12)
    terms = terms_of(network, problem.data, parameters)
    assert terms.loss == pytest.approx(expected, rel=1e-12)
    variance = float(np.mean(np.sum(squares - means**2, axis=1)))
    assert terms.noise == pytest.approx(variance, rel=1e-10, abs=1e-12)
    product_map, offset = end_to_end(parameters)
    np.testing.assert_allclose(samples.x @ product_map.T + offset, means, rtol=1e-11, atol=1e-12)
    misfit = samples.x @ product_map.T + offset - samples.y
    assert float(np.mean(np.sum(misfit**2, axis=1))) == pytest.approx(terms.fit, rel=1e-11)
    assert fit_of(problem.data, product_map, offset) == pytest.approx(terms.fit, rel=1e-10)


def test_loss_agrees_with_monte_carlo_over_gaussian_noise() -> None:
    problem, _ = dropout_problem(7)
    network = replace(
        problem.network,
        layers=tuple(
            replace(layer, noise_variance=0.3 if i < problem.network.n_hidden else 0.0)
            for i, layer in enumerate(problem.network.layers)
        ),
        input_noise_variance=0.1,
    )
    assert problem.samples is not None
    rng = np.random.default_rng(0)
    parameters = random_like(problem, rng, 0.7)
    draws = 60_000
    hidden = np.repeat(problem.samples.x, draws, axis=0)
    hidden = hidden * (1.0 + np.sqrt(0.1) * rng.normal(size=hidden.shape))
    for index, (weight, bias) in enumerate(zip(parameters.weights, parameters.biases, strict=True)):
        hidden = hidden @ weight.T + (0.0 if bias is None else bias)
        if index < network.n_hidden:
            hidden = hidden * (1.0 + np.sqrt(0.3) * rng.normal(size=hidden.shape))
    errors = np.sum((hidden - np.repeat(problem.samples.y, draws, axis=0)) ** 2, axis=1)
    expected = float(loss_of(network, problem.data, parameters)) - float(decay_of(network, parameters))
    uncertainty = float(errors.std()) / np.sqrt(errors.size)
    assert abs(float(errors.mean()) - expected) < 5.0 * uncertainty
    assert uncertainty < 0.02 * expected


@pytest.mark.parametrize("seed", range(16))
def test_gradient_against_central_differences(seed: int) -> None:
    problem, _ = dropout_problem(seed)
    parameters = random_like(problem, np.random.default_rng(seed))
    gradient = flatten(gradient_of(problem.network, problem.data, parameters))
    point = flatten(parameters)
    step = 1e-5
    for index in range(point.size):
        moved = np.array([point, point])
        moved[0, index] += step
        moved[1, index] -= step
        up, down = (float(loss_of(problem.network, problem.data, unflatten(row, parameters))) for row in moved)
        assert gradient[index] == pytest.approx((up - down) / (2.0 * step), rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_the_gradient_by_the_map_is_the_gradient(seed: int, quiet: bool) -> None:
    problem, _ = dropout_problem(seed)
    network, parameters = problem.network, random_like(problem, np.random.default_rng(seed))
    if quiet:
        layers = tuple(replace(layer, noise_variance=0.0) for layer in network.layers)
        network = replace(network, layers=layers, input_noise_variance=0.0)
    expected = flatten(gradient_of(network, problem.data, parameters))
    found = flatten(gradient_by_map(network, problem.data, parameters))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * float(np.abs(expected).max()))


@pytest.mark.parametrize("seed", range(4, 8))
def test_hessian_against_differences_of_the_gradient(seed: int) -> None:
    problem, _ = dropout_problem(seed)
    parameters = random_like(problem, np.random.default_rng(seed))
    hessian = hessian_of(problem.network, problem.data, parameters)
    direction = np.random.default_rng(1).normal(size=hessian.shape[0])
    point, step = flatten(parameters), 1e-5

    def gradient(vector: FloatArray) -> FloatArray:
        found: FloatArray = flatten(gradient_of(problem.network, problem.data, unflatten(vector, parameters)))
        return found

    change = (gradient(point + step * direction) - gradient(point - step * direction)) / (2.0 * step)
    np.testing.assert_allclose(hessian @ direction, change, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("bias", list(Bias))
def test_a_layer_of_equal_entries_acts_as_one_neuron(bias: Bias) -> None:
    rng = np.random.default_rng(5)
    widths = (100, 3, 80)
    layers = [Layer(width, weight_decay=0.1 * (i + 1), noise_variance=0.4) for i, width in enumerate(widths)]
    network = Network((*layers, Layer(1, weight_decay=0.3)), 0.2, bias, (0.1, 0.2, 0.3, 0.4))
    moments = moments_of(rng.normal(size=(9, 4)) + 1.0, rng.normal(size=(9, 1)))
    columns = [UniformColumn(width**-0.5, width) for width in widths]
    lefts: list[FloatArray | UniformColumn] = [*columns, np.ones((1, 1))]
    rights: list[FloatArray | UniformColumn] = [rng.normal(size=(4, 1)), *columns]
    weights = tuple(FactoredMatrix(left, rng.normal(size=1), right) for left, right in zip(lefts, rights, strict=True))
    biases = tuple(
        FactoredMatrix(left, rng.normal(size=1), np.ones((1, 1))) if network.has_bias(i) else None
        for i, left in enumerate(lefts)
    )
    factored = Parameters(weights, biases)
    narrow, small = dense_or_narrow(network, factored)
    assert [layer.width for layer in narrow.layers] == [1, 3, 1, 1]
    full = dense(factored)
    assert float(loss_of(narrow, moments, small)) == pytest.approx(float(loss_of(network, moments, full)), rel=1e-12)
    sizes = [
        np.linalg.norm(flatten(gradient_of(net, moments, point))) for net, point in ((narrow, small), (network, full))
    ]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-11)
    wide, narrow_terms = terms_of(network, moments, full), terms_of(narrow, moments, small)
    assert (narrow_terms.fit, narrow_terms.noise, narrow_terms.decay) == pytest.approx(
        (wide.fit, wide.noise, wide.decay), rel=1e-11
    )


def test_idle_neurons_of_a_wide_layer_change_neither_loss_nor_gradient_norm() -> None:
    rng = np.random.default_rng(4)
    first, second, busy = np.zeros((100, 2)), np.zeros((100, 2)), [3, 40]
    first[busy], second[busy] = rng.normal(size=(2, 2)), rng.normal(size=(2, 2))
    second[70] = 1.0
    network = Network((Layer(100, weight_decay=0.1, noise_variance=0.4), Layer(2, weight_decay=0.2)))
    weights = (
        FactoredMatrix(first, np.ones(2), rng.normal(size=(3, 2))),
        FactoredMatrix(rng.normal(size=(2, 2)), np.array([1.0, 2.0]), second),
    )
    narrow, kept = dense_or_narrow(network, Parameters(weights, (None, None)))
    whole = DenseParameters.without_biases([weight.dense() for weight in weights])
    moments = moments_of(rng.normal(size=(9, 3)), rng.normal(size=(9, 2)))
    # neuron 0 stays, so that a layer that is idle as a whole keeps a neuron
    assert narrow.hidden_widths == (4,)
    assert loss_of(narrow, moments, kept) == pytest.approx(loss_of(network, moments, whole), rel=1e-14)
    lengths = [np.linalg.norm(flatten(gradient_of(*at))) for at in ((narrow, moments, kept), (network, moments, whole))]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-13)
