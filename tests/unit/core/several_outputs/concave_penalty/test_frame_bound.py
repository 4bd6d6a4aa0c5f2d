"""The frame bound and the search that it leads: by hand, against maps that are reached, and how often it closes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.dispatch import solve
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.several_outputs.concave_penalty.fixed_rank import Point, newton
from service.core.several_outputs.concave_penalty.frame import frame_bound, multiplier
from service.core.several_outputs.concave_penalty.guided import guided
from service.core.several_outputs.concave_penalty.penalised import Penalised
from service.core.several_outputs.concave_penalty.rank_branches import branched_bound
from service.core.several_outputs.concave_penalty.reweighted import settle
from service.core.several_outputs.squared_error.quadratic import quadratic_of_moments
from service.vocabulary import Status


def objective_of(seed: int, most: int = 5) -> Penalised:
    """A random problem: sizes up to ``most``, badly conditioned inputs, a cap on the rank, perhaps a nuclear norm."""
    rng = np.random.default_rng(seed)
    outputs, inputs = (int(size) for size in rng.integers(1, most + 1, 2))
    axes = np.linalg.qr(rng.normal(size=(inputs, inputs)))[0]
    second = (axes * np.geomspace(1.0, 10.0 ** -rng.uniform(0.0, 2.5), inputs)) @ axes.T
    true = rng.normal(size=(inputs, outputs))
    cross = second @ true
    quadratic = quadratic_of_moments(Moments(0.5 * (second + second.T), cross, 1.1 * float(np.sum(true * cross))))
    cap = int(rng.integers(1, min(outputs, inputs) + 1))
    linear = float(rng.uniform(0.0, 0.2)) if rng.integers(2) else 0.0
    return Penalised(quadratic, float(10.0 ** rng.uniform(-2.5, 0.0)), 2.0 / int(rng.integers(2, 6)), cap, linear)


def random_map(objective: Penalised, rng: np.random.Generator) -> FloatArray:
    shape = objective.quadratic.target.shape
    size = rng.exponential() * float(np.linalg.norm(objective.quadratic.target / objective.quadratic.scales))
    factors = rng.normal(size=(shape[0], objective.cap)) @ rng.normal(size=(objective.cap, shape[1]))
    return size * factors / float(np.linalg.norm(factors))


@pytest.mark.parametrize(("cap", "least", "diagonal"), [(2, 2.5, (2.25, 0.25)), (1, 2.75, (2.25, 2.25))])
def test_two_lanes_by_hand(cap: int, least: float, diagonal: tuple[float, float]) -> None:
    # ||V - diag(2, 1)||^2 + ||V||_*: lanes shrink by a half and gain their squares; beyond the cap one pays in full
    quadratic = quadratic_of_moments(Moments(np.eye(2), np.diag([2.0, 1.0]), 5.0))
    objective = Penalised(quadratic, 1.0, 1.0, cap)
    minimum = np.diag([1.5, 0.5]) if cap == 2 else np.diag([1.5, 0.0])
    assert objective.value(minimum) == pytest.approx(least)
    np.testing.assert_allclose(multiplier(objective, minimum), np.diag(diagonal), atol=1e-14)
    bound = frame_bound(objective, minimum, 1e-9)
    assert bound.violated is None
    assert bound.value == pytest.approx(least, abs=2e-9)


def test_a_missing_lane_is_named() -> None:
    quadratic = quadratic_of_moments(Moments(np.eye(2), np.diag([2.0, 1.0]), 5.0))
    objective = Penalised(quadratic, 1.0, 1.0, 2)
    lane = frame_bound(objective, np.diag([1.5, 0.0]), 1e-9).violated
    assert lane is not None
    assert abs(lane.direction[1]) == pytest.approx(1.0)
    assert lane.norm == pytest.approx(0.5, rel=0.2)
    assert lane.reached <= 0.25 + 1e-12 <= lane.excess + 1e-9


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**31))
def test_no_map_goes_below_the_bound_of_any_map(seed: int) -> None:
    objective, rng = objective_of(seed), np.random.default_rng(seed + 1)
    reached = [settle(objective, random_map(objective, rng)) for _ in range(4)]
    maps = [*reached, *(random_map(objective, rng) for _ in range(20)), np.zeros_like(objective.quadratic.target)]
    least = min(objective.value(end_map) for end_map in maps)
    rounding = 1e-12 * objective.quadratic.total
    for end_map in (*reached, random_map(objective, rng)):
        assert frame_bound(objective, end_map, 1e-3 * objective.quadratic.total).value <= least + rounding
        assert branched_bound(objective, end_map, 1e-10 * objective.quadratic.total, np.inf) <= least + rounding
    best, proved = guided(objective, objective.quadratic.target / objective.quadratic.scales)
    if proved:
        assert objective.value(best) <= least + 2e-10 * objective.quadratic.total


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31))
def test_newton_ends_where_the_objective_is_stationary(seed: int) -> None:
    objective = objective_of(seed)
    best = settle(objective, objective.quadratic.target / objective.quadratic.scales)
    left, values, right = np.linalg.svd(best, full_matrices=False)
    kept = values > 1e-10 * max(float(values[0]), 1e-300)
    if not np.any(kept):
        return
    point = newton(objective, Point(left[:, kept], values[kept], right[kept].T))
    left, values, right = point
    slopes = objective.gradient(point.dense()) + (left * (objective.weights(values) * values)) @ right.T
    scale = max(objective.quadratic.correlation_norm, float(np.max(objective.weights(values) * values)))
    assert float(np.linalg.norm(left.T @ slopes)) <= 1e-8 * scale
    assert float(np.linalg.norm(slopes @ right)) <= 1e-8 * scale


def test_nearly_all_gaps_close() -> None:
    closed = 0
    for seed in range(60):
        objective = objective_of(seed, 8)
        best, _ = guided(objective, objective.quadratic.target / objective.quadratic.scales)
        value = objective.value(best)
        gap = value - branched_bound(objective, best, 1e-10 * value, value)
        closed += gap <= 1e-9 * value
        assert gap <= 0.05 * value
    assert closed >= 58


def test_ranks_apart_close_what_all_ranks_at_once_leave_open() -> None:
    # maps of rank one and two cost nearly the same here
    quadratic = quadratic_of_moments(Moments(np.diag([1.0, 0.04]), np.array([[1.0, 0.6], [-0.1, -0.3]]), 4.2))
    objective = Penalised(quadratic, 0.57, 2.0 / 3.0, 2)
    best, proved = guided(objective, quadratic.target / quadratic.scales)
    value = objective.value(best)
    assert not proved
    assert frame_bound(objective, best, 1e-10).value < value - 1e-3
    assert branched_bound(objective, best, 1e-10, value) == pytest.approx(value, abs=1e-9)


def test_an_open_gap_is_told() -> None:
    cross = np.array([[-0.6, -0.2, -0.5], [0.1, -0.1, -0.2], [0.0, 0.1, 0.1]])
    moments = Moments(np.diag([1.0, 0.1, 0.01]), cross, 3.6)
    minima = solve(Problem(Network((Layer(3, weight_decay=0.18),) * 3), moments))
    assert minima.solution.solver == "deep_bounded"
    assert minima.status is Status.BOUNDED
    assert 1e-4 < minima.certificate.relative_gap < 0.05
