"""Diagnosis, second-order classes and Hessian spectra, against points whose nature is known."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from service.core.curvature.dense import hessian_of
from service.core.curvature.hessian import dense_hessian, hessian_product, least_eigenpair
from service.core.curvature.spectrum import hessian_spectrum, layer_spectra
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Moments, Problem, Samples
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of, loss_of
from service.core.points.classes import classify, closed_gap, curvature_of, zero_tolerance
from service.core.points.diagnosis import diagnose
from service.core.points.directions import DirectionState
from service.core.points.pivots import class_by_pivots
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.errors import InputError
from service.vocabulary import Bias, PointClass
from tests.support.instances import dense
from tests.support.outputs_instances import Shape, network_of, random_moments, white_moments
from tests.support.outputs_points import decayed_point, inflection_point, undecayed_point

EYE = np.eye(2)
CROSSED = Problem(network_of(Shape(2, (2, 2), 2), [0.0] * 3), Moments(EYE, np.array([[0.0, 2.0], [3.0, 0.0]]), 13.0))


def at(*weights: list[list[float]]) -> DenseParameters:
    return DenseParameters.without_biases([np.array(weight) for weight in weights])


def test_pivots_agree_with_the_exact_hessian() -> None:
    seen: Counter[PointClass] = Counter()
    for seed in range(300):
        problem, point = undecayed_point(np.random.default_rng(seed))
        gradient = flatten(gradient_of(problem.network, problem.data, point))
        assert np.linalg.norm(gradient) <= 1e-10 * problem.data.yy
        found = class_by_pivots(problem, quadratic_of(problem), list(point.weights))
        values = np.linalg.eigvalsh(dense_hessian(problem, point))
        negative = values[0] < -zero_tolerance(problem, point, float(np.abs(values).max()))
        assert negative == (found is PointClass.STRICT_SADDLE)
        seen[found] += 1
    assert min(seen[kind] for kind in (PointClass.STRICT_SADDLE, PointClass.NON_STRICT_SADDLE)) > 30


def test_decayed_classes_agree_with_the_exact_hessian() -> None:
    seen: Counter[PointClass] = Counter()
    for seed in range(150):
        draw = inflection_point if seed % 5 == 0 else decayed_point
        problem, point, predicted = draw(np.random.default_rng(seed))
        assert np.linalg.norm(flatten(gradient_of(problem.network, problem.data, point))) <= 1e-9 * problem.data.yy
        curvature = curvature_of(problem, point)
        loss = float(loss_of(problem.network, problem.data, point))
        gap = loss - solve(problem).solution.minimum.loss
        assert classify(problem, point, curvature, loss, gap).point_class is predicted
        assert curvature.least is not None
        assert (curvature.least < -curvature.zero_tolerance) == (predicted is PointClass.STRICT_SADDLE)
        seen[predicted] += 1
    assert {PointClass.GLOBAL_MINIMUM, PointClass.LOCAL_MINIMUM, PointClass.STRICT_SADDLE} <= set(seen)
    assert seen[PointClass.NON_STRICT_SADDLE] > 0


def test_non_strict_saddle_names_the_missing_direction_and_a_way_out() -> None:
    found = diagnose(CROSSED, at([[0, 3], [0, 0]], [[1, 0], [0, 0]], [[1, 0], [0, 0]]), solve(CROSSED))
    assert found.point_class is PointClass.NON_STRICT_SADDLE
    assert found.gap == pytest.approx(4.0, abs=1e-12)
    assert found.directions is not None
    assert [direction.state for direction in found.directions] == [DirectionState.LEARNED, DirectionState.MISSING]
    assert np.abs(found.directions[1].inputs) == pytest.approx([1.0, 0.0])
    assert found.escape is not None
    assert found.escape.decrease == pytest.approx(4.0, rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_escape_achieves_the_decrease_that_it_promises(seed: int) -> None:
    problem, point = undecayed_point(np.random.default_rng(40 + seed))
    found = diagnose(problem, point, solve(problem))
    if found.escape is None:
        assert found.point_class is PointClass.GLOBAL_MINIMUM
        return
    moved = unflatten(flatten(point) + found.escape.step * found.escape.direction, point)
    after = float(loss_of(problem.network, problem.data, moved))
    assert found.loss - after == pytest.approx(found.escape.decrease, rel=1e-9)
    assert found.escape.decrease > 0.0
    assert np.linalg.norm(found.escape.direction) == pytest.approx(1.0)


def test_minimum_of_a_noisy_network_is_diagnosed_as_global() -> None:
    rng = np.random.default_rng(3)
    shape = Shape(3, (4,), 2)
    problem = Problem(network_of(shape, [0.0, 0.0], [0.5]), random_moments(rng, shape))
    minima = solve(problem)
    parameters = minima.solution.minimum.parameters
    assert parameters is not None
    found = diagnose(problem, dense(parameters), minima)
    assert found.point_class is PointClass.GLOBAL_MINIMUM
    assert found.gap_upper_bound is not None
    assert found.gap_upper_bound <= 1e-10 * problem.data.yy
    assert found.escape is None
    assert "escape" in found.reasons


def test_point_with_a_gradient_is_given_no_class() -> None:
    rng = np.random.default_rng(4)
    point = DenseParameters.without_biases([rng.standard_normal((2, 2)) for _ in range(3)])
    found = diagnose(CROSSED, point, solve(CROSSED))
    assert found.point_class is PointClass.NOT_STATIONARY
    assert found.escape is not None
    assert found.escape.decrease > 0.0
    assert found.gradient_norm > found.gradient_tolerance


def test_training_that_lingers_is_told_the_saddle_and_the_way() -> None:
    rng = np.random.default_rng(11)
    shape = Shape(4, (5, 5), 3)
    problem = Problem(network_of(shape, [0.0] * 3), random_moments(rng, shape))
    minima = solve(problem)
    start = DenseParameters.without_biases([0.05 * rng.standard_normal(size) for size in ((5, 4), (5, 5), (3, 5))])
    point, slowest, lingering = flatten(start), np.inf, flatten(start)
    for step in range(4000):
        gradient = flatten(gradient_of(problem.network, problem.data, unflatten(point, start)))
        loss = float(loss_of(problem.network, problem.data, unflatten(point, start)))
        if loss < 0.9 * problem.data.yy and step and np.linalg.norm(gradient) < slowest:
            slowest, lingering = float(np.linalg.norm(gradient)), point
        if loss < minima.solution.minimum.loss + 0.5 * float(quadratic_of(problem).svd[1][1] ** 2):
            break
        point = point - 0.02 * gradient
    found = diagnose(problem, unflatten(lingering, start), minima)
    assert found.point_class is PointClass.NOT_STATIONARY
    assert found.plateau is not None
    assert found.plateau.label["subset"] == [0]
    assert found.directions is not None
    assert [direction.state for direction in found.directions][:2] == [DirectionState.LEARNED, DirectionState.MISSING]
    assert found.escape is not None
    moved = unflatten(lingering + found.escape.step * found.escape.direction, start)
    after = float(loss_of(problem.network, problem.data, moved))
    assert found.loss - after == pytest.approx(found.escape.decrease, rel=1e-9)
    assert found.escape.decrease > 0.01 * problem.data.yy


def test_lanczos_agrees_with_the_dense_hessian() -> None:
    problem, point = undecayed_point(np.random.default_rng(7))
    values = np.linalg.eigvalsh(dense_hessian(problem, point))
    found = least_eigenpair(problem, point)
    assert found is not None
    assert found[0] == pytest.approx(values[0], abs=1e-8 * max(1.0, values[-1]))


def test_hessian_products_cover_noise_and_biases() -> None:
    rng = np.random.default_rng(8)
    shape = Shape(3, (2,), 2)
    network = network_of(shape, [0.1, 0.2], [0.4], 0.3, Bias.ALL)
    problem = Problem(network, random_moments(rng, shape))
    point = DenseParameters(
        (rng.standard_normal((2, 3)), rng.standard_normal((2, 2))), (rng.standard_normal(2), rng.standard_normal(2))
    )
    direction = rng.standard_normal(flatten(point).size)
    whole = hessian_of(network, problem.data, point)
    assert hessian_product(problem, point, direction) == pytest.approx(whole @ direction, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_spectra_are_those_of_the_dense_hessian(seed: int) -> None:
    problem, point = undecayed_point(np.random.default_rng(seed))
    hessian = hessian_of(problem.network, problem.data, point)
    unit = max(float(np.abs(hessian).max()), 1e-3)
    found = hessian_spectrum(problem, list(point.weights))
    assert np.abs(found.values - np.linalg.eigvalsh(hessian)).max() <= 1e-12 * unit + found.error_bound
    assert found.error_bound <= 1e-11 * unit
    edge = 0
    for weight, values in zip(point.weights, layer_spectra(problem, list(point.weights)), strict=True):
        block = hessian[edge : edge + weight.size, edge : edge + weight.size]
        assert np.abs(values - np.linalg.eigvalsh(block)).max() <= 1e-12 * unit
        edge += weight.size


def test_aligned_minimum_has_small_hessian_blocks() -> None:
    rng = np.random.default_rng(1)
    shape = Shape(8, (9, 7), 6)
    problem = Problem(network_of(shape, [0.02, 0.03, 0.04]), white_moments(rng, shape))
    parameters = solve(problem).solution.minimum.parameters
    assert parameters is not None
    weights = [weight.dense() for weight in parameters.weights]
    found = hessian_spectrum(problem, weights)
    assert found.largest_block <= 2 * len(weights)
    whole = np.linalg.eigvalsh(hessian_of(problem.network, problem.data, DenseParameters.without_biases(weights)))
    assert np.abs(found.values - whole).max() <= 1e-11 * whole.max()


@pytest.mark.parametrize(
    ("weights", "location"),
    [
        ([np.eye(2)] * 2, ("weights",)),
        ([np.eye(2), np.ones((3, 2)), np.eye(2)], ("weights", 1)),
        ([np.eye(2), np.eye(2), np.full((2, 2), np.nan)], ("weights", 2)),
    ],
)
def test_weights_that_do_not_fit_are_named(weights: list[np.ndarray], location: tuple[str | int, ...]) -> None:
    with pytest.raises(InputError) as caught:
        diagnose(CROSSED, DenseParameters.without_biases(weights))
    assert caught.value.fields[0].location == location


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_an_offset_of_the_targets_makes_no_point_the_minimum(offset: float) -> None:
    """With a bias the mean of the targets is free: how near two losses are has nothing to do with it."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 3))
    x -= x.mean(axis=0)
    y = 1e-3 * rng.standard_normal((40, 2)) + x @ rng.standard_normal((3, 2))
    y += offset - y.mean(axis=0)
    network = network_of(Shape(3, (3,), 2), [0.0, 0.0], bias=Bias.OUTPUT)
    problem = Problem(network, moments_of(x, y), Samples(x, y))
    assert closed_gap(problem, 0.0) == pytest.approx(1e-14 * float(np.sum(np.var(y, axis=0))), rel=1e-9)
    assert closed_gap(replace(problem, samples=None), 0.0) == pytest.approx(closed_gap(problem, 0.0), rel=1e-3)
    unbiased = replace(problem, network=network_of(Shape(3, (3,), 2), [0.0, 0.0]))
    assert closed_gap(unbiased, 0.0) == pytest.approx(1e-14 * problem.data.yy)
