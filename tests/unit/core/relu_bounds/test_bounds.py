"""Networks that are only bounded: closed forms, and restarts that never go below."""

import numpy as np
import pytest

from service.core.convex_losses.softmax import SoftmaxLoss
from service.core.convex_losses.table import LOSSES
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.losses.dense import DenseParameters
from service.core.relu.networks import Objective
from service.core.relu_bounds.depth import layered_bound
from service.core.relu_bounds.descent import descended, started
from service.core.relu_bounds.inconsistent import groups_of, inconsistency_bound, inconsistent_errors
from service.core.relu_bounds.search import BoundedSearch
from service.vocabulary import Activation, Bias, Loss

TOLERANCE = 1e-6


def problem(
    widths: tuple[int, ...],
    outputs: int,
    decay: float,
    loss: Loss = Loss.SQUARED,
    bias: Bias = Bias.NONE,
    bias_decay: float = 0.0,
    *,
    equal: int = 0,
    seed: int = 0,
) -> Problem:
    """A teacher of three units with noise; some rows are equal to others."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((8, 2))
    x[:equal] = x[equal : 2 * equal]
    y = np.maximum(x @ rng.standard_normal((2, 3)), 0.0) @ rng.standard_normal((3, outputs))
    y += 0.3 * rng.standard_normal(y.shape)
    if loss is Loss.CROSS_ENTROPY:
        y = np.eye(outputs)[y.argmax(axis=1)]
    if loss is Loss.LOGISTIC:
        y = np.where(y > np.median(y), 1.0, -1.0)
    layers = [Layer(width, Activation.RELU, weight_decay=decay) for width in widths]
    network = Network(
        (*layers, Layer(outputs, weight_decay=decay)), bias=bias, bias_weight_decays=(bias_decay,) * (len(widths) + 1)
    )
    return Problem(network, None, Samples(x, y), loss)


CASES = {
    "two outputs": problem((7,), 2, 0.03),
    "three outputs, output bias": problem((7,), 3, 0.02, bias=Bias.OUTPUT),
    "two outputs, decayed biases": problem((7,), 2, 0.02, bias=Bias.ALL, bias_decay=0.01),
    "two outputs, free biases": problem((7,), 2, 0.02, bias=Bias.ALL),
    "two outputs, narrow": problem((2,), 2, 0.01),
    "cross-entropy": problem((7,), 3, 0.01, Loss.CROSS_ENTROPY),
    "cross-entropy, free biases": problem((7,), 3, 0.01, Loss.CROSS_ENTROPY, Bias.ALL),
    "huber of two outputs": problem((7,), 2, 0.02, Loss.HUBER),
    "three layers": problem((6, 6), 1, 0.01),
    "three layers, output bias": problem((6, 6), 1, 0.01, bias=Bias.OUTPUT),
    "three layers, two outputs": problem((6, 5), 2, 0.005),
    "four layers": problem((6, 6, 6), 1, 0.003),
    "three layers, two classes": problem((6, 6), 1, 0.003, Loss.LOGISTIC),
    "three layers, hidden biases": problem((6, 6), 1, 0.01, bias=Bias.ALL, equal=3),
    "no decay": problem((20,), 1, 0.0, bias=Bias.ALL, equal=4),
    "no decay, narrow": problem((3,), 1, 0.0, equal=3),
    "no decay, cross-entropy": problem((20,), 3, 0.0, Loss.CROSS_ENTROPY, Bias.ALL, equal=4),
}


def in_order(parameters: DenseParameters) -> FloatArray:
    """Weights and bias of one layer after the other."""
    pairs = zip(parameters.weights, parameters.biases, strict=True)
    return np.concatenate([part.ravel() for pair in pairs for part in pair if part is not None])


def forward(problem: Problem, vector: FloatArray) -> float:
    """The objective by a forward pass of its own."""
    network, samples = problem.network, problem.samples
    assert samples is not None
    values, at, decay = samples.x, 0, 0.0
    for index, layer in enumerate(network.layers):
        size = layer.width * values.shape[1]
        weight = vector[at : at + size].reshape(layer.width, values.shape[1])
        at, decay = at + size, decay + layer.weight_decay * float(np.square(weight).sum())
        values = values @ weight.T
        if network.has_bias(index):
            bias = vector[at : at + layer.width]
            at, values = at + layer.width, values + bias
            decay += network.bias_weight_decays[index] * float(np.square(bias).sum())
        if layer is not network.layers[-1]:
            values = np.maximum(values, 0.0)
    if problem.loss is Loss.SQUARED:
        return float(np.square(values - samples.y).sum()) / len(values) + decay
    loss = SoftmaxLoss(samples.y) if problem.loss is Loss.CROSS_ENTROPY else LOSSES[problem.loss](samples.y, None)
    return loss.value(values) / len(values) + decay


@pytest.mark.parametrize("name", CASES)
def test_no_restart_goes_below_the_bound(name: str) -> None:
    case = CASES[name]
    search = BoundedSearch(case, 2_000)
    steps = list(search.steps(TOLERANCE))
    bounds = [proof.bound for _, proof, _ in steps]
    values = [search.value(parameters) for parameters, _, _ in steps]
    assert bounds == sorted(bounds)
    assert values == sorted(values, reverse=True)
    assert bounds[-1] <= values[-1] * (1.0 + 1e-12)
    lower = bounds[-1] * search.form.unit
    for seed in range(100, 104):
        ended = in_order(descended(case, started(case, seed), steps=200))
        assert lower <= forward(case, ended) * (1.0 + 1e-12)


@pytest.mark.parametrize("name", ["two outputs", "three layers", "cross-entropy", "three layers, two outputs"])
def test_much_decay_leaves_nothing_and_that_is_proved(name: str) -> None:
    case = CASES[name]
    layers = tuple(
        Layer(one.width, one.activation, weight_decay=50.0 * one.weight_decay * 20) for one in case.network.layers
    )
    above = Problem(Network(layers), None, case.samples, case.loss)
    search = BoundedSearch(above, 5_000)
    parameters, proof, _ = list(search.steps(TOLERANCE))[-1]
    assert search.gap(parameters, proof) <= TOLERANCE
    assert all(not weight.any() or np.abs(weight).max() < 1e-6 for weight in parameters.weights)


def test_a_wide_network_without_decay_meets_the_floor() -> None:
    search = BoundedSearch(CASES["no decay"], 1_000)
    parameters, proof, _ = list(search.steps(TOLERANCE))[-1]
    assert proof.rule == "inconsistent"
    assert search.gap(parameters, proof) <= TOLERANCE


def test_the_floor_of_squared_errors_is_the_spread_of_targets_of_equal_inputs() -> None:
    x = np.array([[1.0], [1.0], [2.0], [3.0], [3.0], [3.0], [-0.0], [0.0]])
    y = np.array([[1.0], [2.0], [5.0], [0.0], [0.0], [3.0], [1.0], [-1.0]])
    loss, groups = LOSSES[Loss.SQUARED](y, None), groups_of(x)
    bound = inconsistency_bound(loss, inconsistent_errors(loss, groups), groups)
    assert bound == pytest.approx(0.5 * (0.5 + 6.0 + 2.0), rel=1e-13)


def test_the_floor_of_classes_is_their_entropy_at_equal_inputs() -> None:
    x = np.array([[1.0], [1.0], [1.0], [2.0]])
    y = np.eye(3)[[0, 0, 1, 2]]
    groups, share = groups_of(x), np.array([2.0, 1.0]) / 3.0
    bound = inconsistency_bound(SoftmaxLoss(y), inconsistent_errors(SoftmaxLoss(y), groups), groups)
    assert bound == pytest.approx(-3.0 * float(share @ np.log(share)), rel=1e-9)
    signs = np.array([[1.0], [1.0], [-1.0], [-1.0]])
    for kind, least in ((Loss.LOGISTIC, -3.0 * float(share @ np.log(share))), (Loss.SQUARED_HINGE, 3.0 * 4.0 / 9.0)):
        loss = LOSSES[kind](signs, None)
        found = inconsistency_bound(loss, inconsistent_errors(loss, groups), groups)
        assert found == pytest.approx(least, rel=1e-9), kind


@pytest.mark.parametrize("loss", list(LOSSES))
def test_the_floor_of_every_loss_is_the_best_constant_of_equal_inputs(loss: Loss) -> None:
    rng = np.random.default_rng(2)
    x = np.repeat(np.arange(3.0), 5)[:, None]
    y: FloatArray = rng.standard_normal((15, 1))
    if loss in (Loss.LOGISTIC, Loss.SQUARED_HINGE):
        y = np.where(y > 0.0, 1.0, -1.0)
    if loss is Loss.POISSON:
        y = np.asarray(np.rint(np.exp(y)), dtype=float)
    given, groups = LOSSES[loss](y, None), groups_of(x)
    bound = inconsistency_bound(given, inconsistent_errors(given, groups), groups)
    grid = np.linspace(-6.0, 6.0, 2_001)
    least = 0.0
    for group in range(3):
        mine = LOSSES[loss](y[groups == group], None)
        least += min(mine.value(np.full_like(mine.y, at)) for at in grid)
    assert bound <= least * (1.0 + 1e-12)
    assert bound == pytest.approx(least, rel=2e-3)


def test_lines_and_a_power_are_least_where_a_grid_says() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((10, 2)), rng.standard_normal((10, 1))
    objective = Objective(x, LOSSES[Loss.SQUARED](y, None), 0.0, 0.0, np.zeros((10, 0)))
    largest = 3.0
    for rate in (0.01, 0.1, 1.0, 10.0):
        bound = layered_bound(objective, rate, 3, y, largest)
        rho = np.concatenate([[0.0], np.geomspace(1e-8, 1e4, 40_001)])
        square = float(np.vdot(y, y))
        share = np.maximum(square - rho * largest, 0.0) / square
        least = float((share * (square - rho * largest) - 0.5 * share**2 * square + rate * rho ** (2.0 / 3.0)).min())
        assert bound <= least * (1.0 + 1e-9)
        assert bound == pytest.approx(least, rel=1e-3)
