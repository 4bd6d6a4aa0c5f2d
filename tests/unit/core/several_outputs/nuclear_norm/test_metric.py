"""The nuclear-norm problem by way of a metric of the outputs: derivatives, duality, units, and inputs in any units."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.ground.numbers.arrays import FloatArray
from service.core.several_outputs.nuclear_norm import solution as nuclear
from service.core.several_outputs.nuclear_norm.metric import MetricProblem, least
from service.core.several_outputs.nuclear_norm.solution import minimise
from service.core.several_outputs.squared_error.quadratic import Quadratic


def drawn(rng: np.random.Generator, outputs: int, inputs: int, decades: float) -> Quadratic:
    """Inputs whose scales span ``decades`` powers of ten, a target that all of them carry."""
    scales = np.sort(10.0 ** -rng.uniform(0.0, decades, inputs))[::-1]
    target = rng.standard_normal((outputs, inputs))
    total = float(np.sum(target**2)) + 0.1
    return Quadratic(None, scales, target, 0.1, total, None, None, 1e-14)


def objective(quadratic: Quadratic, mu: float, end_map: FloatArray) -> float:
    return quadratic.fit(end_map) + 2.0 * mu * float(np.sum(np.linalg.svd(end_map, compute_uv=False)))


@pytest.mark.parametrize("seed", range(4))
def test_derivatives_agree_with_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = MetricProblem(drawn(rng, 3, 4, 2.0), 0.3)
    point = problem.at(np.linalg.qr(rng.standard_normal((3, 3)))[0], rng.uniform(0.2, 2.0, 3))
    step = rng.standard_normal(6)
    size = 1e-4
    ahead, behind = problem.moved(point, size * step), problem.moved(point, -size * step)
    slope = (ahead.value - behind.value) / (2.0 * size)
    bend = (ahead.value - 2.0 * point.value + behind.value) / size**2
    assert problem.gradient(point) @ step == pytest.approx(slope, rel=1e-6)
    assert step @ problem.hessian(point) @ step == pytest.approx(bend, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_every_metric_bounds_the_objective_of_its_map_from_above(seed: int) -> None:
    rng = np.random.default_rng(seed)
    quadratic, mu = drawn(rng, 3, 5, 3.0), 0.05
    problem = MetricProblem(quadratic, mu)
    best = least(problem)
    for point in (best, problem.at(np.eye(3), rng.uniform(0.1, 3.0, 3))):
        end_map = problem.outer @ point.frame @ problem.map_of(point) * (problem.target_unit / problem.input_unit)
        bound = quadratic.residual + problem.target_unit**2 * point.value
        assert objective(quadratic, mu, end_map) <= bound * (1.0 + 1e-12)
        equal = objective(quadratic, mu, end_map) == pytest.approx(bound, rel=1e-12)
        assert equal is (point is best)


@pytest.mark.parametrize("decades", [0.0, 3.0, 6.0, 9.0])
@pytest.mark.parametrize("share", [1e-6, 1e-3, 0.1, 0.9])
def test_the_gap_closes_on_inputs_in_any_units(decades: float, share: float) -> None:
    rng = np.random.default_rng(int(decades))
    for outputs, inputs in ((2, 6), (5, 3), (4, 4)):
        quadratic = drawn(rng, outputs, inputs, decades)
        mu = share * quadratic.correlation_norm
        found = minimise(quadratic, mu)
        value = objective(quadratic, mu, (found.left * found.values) @ found.right.T)
        assert abs(found.gap) <= 1e-11 * quadratic.total
        # nothing near is lower, in steps that each input sees alike
        for _ in range(20):
            step = 1e-3 * rng.standard_normal((outputs, inputs)) / quadratic.scales
            for size in (1.0, 1e-3, 1e-6):
                moved = (found.left * found.values) @ found.right.T + size * step
                assert objective(quadratic, mu, moved) >= value - 1e-13 * quadratic.total


def test_both_ways_reach_the_same_minimum() -> None:
    rng = np.random.default_rng(7)
    for share in (1e-3, 0.03, 0.3, 0.8):
        quadratic = drawn(rng, 4, 6, 1.0)
        mu = share * quadratic.correlation_norm
        first, second = nuclear._first_order(quadratic, mu, 1e-13 * quadratic.total), nuclear._by_metric(quadratic, mu)
        assert first.values.size == second.values.size
        assert first.values == pytest.approx(second.values, rel=1e-6)
        assert objective(quadratic, mu, (first.left * first.values) @ first.right.T) == pytest.approx(
            objective(quadratic, mu, (second.left * second.values) @ second.right.T), rel=1e-12
        )


def test_units_that_are_powers_of_two_change_the_units_of_the_answer_only() -> None:
    rng = np.random.default_rng(3)
    quadratic = drawn(rng, 3, 4, 4.0)
    mu = 0.01 * quadratic.correlation_norm
    found = minimise(quadratic, mu)
    for inputs, targets in ((2.0**40, 1.0), (1.0, 2.0**-40), (2.0**-60, 2.0**30)):
        scaled = replace(
            quadratic,
            scales=quadratic.scales * inputs,
            target=quadratic.target * targets,
            residual=quadratic.residual * targets**2,
            total=quadratic.total * targets**2,
        )
        other = minimise(scaled, mu * inputs * targets)
        assert np.array_equal(other.values * (inputs / targets), found.values)
        assert np.array_equal(other.right, found.right)


def test_a_lane_that_is_off_is_turned_on_again() -> None:
    rng = np.random.default_rng(5)
    quadratic = drawn(rng, 3, 4, 1.0)
    mu = 0.05 * quadratic.correlation_norm
    problem = MetricProblem(quadratic, mu)
    best = least(problem)
    off = problem.at(best.frame, np.zeros(3))
    assert least(problem, off).value == pytest.approx(best.value, rel=1e-12)


def test_scales_whose_squares_are_denormal_have_a_minimum_with_a_gap() -> None:
    scales, target = np.array([1.0, 3e-162]), np.diag([2.0, 1e150])
    with np.errstate(all="ignore"):
        found = minimise(Quadratic(None, scales, target, 0.0, float(np.sum(target**2)), None, None, 1e-14), 0.05)
    assert np.isfinite(found.gap)
    assert np.isfinite(found.values).all()
