"""The generalised gradient at kinks against one-sided differences, and training that ends at rest on them."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.pictures.descent import descend, random_start
from service.core.pictures.kinks import KinkedPoint, has_kinks
from service.core.pictures.objective import objective_of, shape_of
from service.core.pictures.settling import settle
from service.core.pictures.training import AT_REST, rest_of, train
from service.vocabulary import Activation, Bias, Loss

PROBES = 300


def one_unit(targets: FloatArray, weight: float) -> tuple[Problem, FloatArray]:
    """``mean (relu(x - b) - y)^2`` on three inputs with all weights but the bias known, at the kink of the second."""
    x = np.array([[-1.0], [0.0], [1.0]])
    network = Network((Layer(1, Activation.RELU), Layer(1)), bias=Bias.HIDDEN)
    point = flatten(DenseParameters((np.array([[1.0]]), np.array([[weight]])), (np.array([0.0]), None)))
    return Problem(network, moments_of(x, targets[:, None]), Samples(x, targets[:, None]), Loss.SQUARED), point


def random_problem(seed: int, *, outputs: int = 1, loss: Loss = Loss.SQUARED) -> Problem:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 3))
    y = np.tanh(x @ rng.normal(size=(3, outputs))) + 0.5 * rng.normal(size=(30, outputs))
    y = np.eye(outputs)[np.argmax(y, axis=1)] if loss is Loss.CROSS_ENTROPY else y
    y = np.sign(y) if loss is Loss.LOGISTIC else y
    widths, leaky = ((6,), (10,), (5, 4), (8, 6))[seed % 4], seed % 5 == 4
    kind, slope = (Activation.LEAKY_RELU, 0.1) if leaky else (Activation.RELU, None)
    layers = [Layer(width, kind, slope, 0.01) for width in widths]
    network = Network((*layers, Layer(outputs, weight_decay=0.01)), bias=Bias.ALL)
    return Problem(network, moments_of(x, y), Samples(x, y), loss)


def steepest_fall(problem: Problem, point: FloatArray, step: float) -> float:
    """Fastest fall of the loss over random directions of length one."""
    objective, rng = objective_of(problem), np.random.default_rng(0)
    here = objective.slope(point)[0]
    directions = rng.normal(size=(PROBES, point.size))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return max((here - objective.slope(point + step * one)[0]) / step for one in directions)


@pytest.mark.parametrize("seed", range(6))
def test_training_ends_at_rest_where_l_bfgs_stops_at_a_kink(seed: int) -> None:
    losses = (Loss.SQUARED, Loss.LOGISTIC, Loss.CROSS_ENTROPY)
    loss = losses[seed % 3]
    problem = random_problem(seed, outputs=3 if loss is Loss.CROSS_ENTROPY else 1, loss=loss)
    start = random_start(problem, seed, 0)
    plain, found = descend(problem, start, 500), train(problem, start, 500)
    objective = objective_of(problem)
    scale = float(np.linalg.norm(objective.slope(start)[1]))
    value, gradient = objective.slope(found.point)
    rest = rest_of(problem, found.point, gradient)
    assert value <= plain.loss
    assert found.converged == (rest.stationarity <= AT_REST * scale)
    if found.converged:
        # no direction falls faster than rounding and the curvature of the step allow
        assert steepest_fall(problem, found.point, 1e-6) < 1e-5 * scale


def test_most_networks_end_at_rest() -> None:
    ends = [train(random_problem(seed), random_start(random_problem(seed), seed, 0), 500) for seed in range(8)]
    assert sum(end.converged for end in ends) >= 7


def test_a_kink_that_bends_the_loss_upwards_holds_the_point() -> None:
    # unit on for x = 1, at its kink for x = 0 with a target below zero: the bias feels opposite slopes
    problem, point = one_unit(np.array([0.0, -1.0, 1.5]), 1.0)
    found = KinkedPoint(problem, unflatten(point, shape_of(problem))).least_norm()
    # left: -2 (0.5) / 3 = -1/3 from x = 1 alone, right: -1/3 + 2/3; in between zero, for the bias
    assert found.vector[-1] == pytest.approx(0.0, abs=1e-12)
    assert found.shares[0] == pytest.approx(0.5)


def test_a_kink_that_bends_the_loss_downwards_is_no_rest() -> None:
    problem, point = one_unit(np.array([0.0, 1.0, 0.5]), 1.0)
    found = KinkedPoint(problem, unflatten(point, shape_of(problem))).least_norm()
    # a slope in between would give zero, but either side falls
    assert found.norm > 0.3
    assert steepest_fall(problem, point, 1e-6) > 0.2


def test_an_end_that_is_not_at_rest_says_so() -> None:
    problem = random_problem(1)
    assert not train(problem, random_start(problem, 0, 0), 3).converged


def test_the_generalised_gradient_is_the_gradient_away_from_kinks() -> None:
    problem = random_problem(2)
    point = random_start(problem, 0, 0)
    gradient = objective_of(problem).slope(point)[1]
    found = KinkedPoint(problem, unflatten(point, shape_of(problem))).least_norm()
    np.testing.assert_allclose(found.vector, gradient, rtol=0.0, atol=1e-15)
    assert rest_of(problem, point, gradient).kinks == 0


def test_derivatives_of_preactivations_are_differences() -> None:
    problem = random_problem(3)
    point, like = random_start(problem, 0, 0), shape_of(problem)
    here = KinkedPoint(problem, unflatten(point, like))
    places = here.near(0.3)
    rows = here.rows(places, here.slopes(here.near(-1.0), np.zeros(0)))
    along = np.random.default_rng(1).normal(size=point.size)
    step = 1e-6
    ends = [KinkedPoint(problem, unflatten(point + sign * step * along, like)).values(places) for sign in (1, -1)]
    assert {0, 1} <= set(places[0].tolist())
    np.testing.assert_allclose(rows @ along, (ends[0] - ends[1]) / (2.0 * step), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss", [Loss.ABSOLUTE, Loss.QUANTILE])
def test_losses_with_kinks_of_their_own_are_left_to_l_bfgs(loss: Loss) -> None:
    assert not has_kinks(replace(random_problem(0), loss=loss))


def test_the_origin_is_at_rest_and_steps_stay_there() -> None:
    problem = random_problem(0)
    like = shape_of(problem)
    point = flatten(like)
    assert rest_of(problem, point, objective_of(problem).slope(point)[1]).kinks == 30 * 6
    assert settle(problem, point, like, 10_000, 1e3).spent == 0
