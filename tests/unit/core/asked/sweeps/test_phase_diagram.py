"""Phase diagrams: blocks against separate solves, boundaries against bisection that uses no threshold code."""

from dataclasses import fields

import numpy as np
import pytest

from service.core.asked.sweeps.axes import Axis, positions, varied, with_depth
from service.core.asked.sweeps.boundaries import trace
from service.core.asked.sweeps.columns import ORIGIN_CLASSES
from service.core.asked.sweeps.phase_diagram import block, phase_diagram, size_of
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.one_output.common_variance import common_variance
from service.vocabulary import Bias, SweepParameter

P = SweepParameter
RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 5)) + 0.3
Y = X @ RNG.normal(size=(5, 1)) + 0.1 * RNG.normal(size=(40, 1))


def problem_of(depth: int, bias: Bias = Bias.NONE) -> Problem:
    hidden = tuple(Layer(4 + i, weight_decay=0.01 * (i + 1), noise_variance=0.3) for i in range(depth))
    network = Network((*hidden, Layer(1, weight_decay=0.02)), bias=bias, bias_weight_decays=(0.0,) * (depth + 1))
    return Problem(network, moments_of(X, Y), evaluation=moments_of(X[:9], Y[:9]))


def two_jumps() -> Problem:
    moments = Moments(np.diag([1.0, 1e-5]), np.array([[1.0], [0.5e-5**0.5]]), 2.0)
    return Problem(Network((Layer(3, weight_decay=1e-3),) * 2 + (Layer(1, weight_decay=1e-3),)), moments)


GRIDS = {
    "decay and noise": [Axis(P.DECAY_SCALE, np.geomspace(1e-3, 100, 13)), Axis(P.NOISE_VARIANCE, np.linspace(0, 3, 7))],
    "one decay and width": [Axis(P.WEIGHT_DECAY, np.linspace(0, 1, 11), 0), Axis(P.WIDTH, np.arange(1.0, 6.0))],
    "depth and all decays": [Axis(P.DEPTH, np.arange(5.0)), Axis(P.WEIGHT_DECAY, np.geomspace(1e-3, 1, 9))],
}


@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT, Bias.ALL])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("name", GRIDS)
def test_points_are_those_of_separate_solves_whatever_the_blocks(name: str, depth: int, bias: Bias) -> None:
    problem, axes = problem_of(depth, bias), GRIDS[name]
    size = size_of(axes)
    whole = block(problem, axes, 0, size)
    for cut in (9, size // 2):
        parts = [block(problem, axes, start, min(start + cut, size)) for start in range(0, size, cut)]
        for column in fields(whole):
            joined = np.concatenate([getattr(part, column.name) for part in parts])
            assert np.array_equal(joined, getattr(whole, column.name), equal_nan=True), column.name
    points = positions(axes, 0, size)
    for index in np.random.default_rng(1).integers(0, size, 6).tolist():
        solution = solve(varied(problem, points, index)).solution
        minimum = solution.minimum
        assert whole.loss[index] == pytest.approx(minimum.loss, rel=1e-10)
        assert whole.trivial[index] == minimum.trivial
        assert whole.evaluation_fit is not None
        assert whole.evaluation_fit[index] == pytest.approx(minimum.evaluation_fit, rel=1e-7)
        assert ORIGIN_CLASSES[whole.origin[index]] == solution.origin.point_class


def bisected(problem: Problem, axis: Axis, low: float, high: float) -> float:
    """Where `trivial` of separate solves changes along an axis; logarithmic."""

    def trivial(value: float) -> bool:
        changed = varied(problem, [Axis(axis.parameter, np.array([value]), axis.layer)], 0)
        return solve(changed).solution.minimum.trivial

    at_low: bool = trivial(low)
    assert at_low != trivial(high)
    while high / low - 1.0 > 2e-10:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if trivial(middle) == at_low else (low, middle)
    return float((low * high) ** 0.5)


TRACED = {
    "all decays": Axis(P.DECAY_SCALE, np.ones(1)),
    "decay of the first layer": Axis(P.WEIGHT_DECAY, np.ones(1), 0),
    "noise": Axis(P.NOISE_VARIANCE, np.ones(1)),
}


@pytest.mark.parametrize("name", TRACED)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_boundary_is_where_separate_solves_turn_trivial(name: str, depth: int) -> None:
    if name == "noise" and depth == 1:
        boundary = trace(problem_of(1), [TRACED[name]], 0)
        assert not boundary.transitions
        assert "one hidden layer" in boundary.reasons["transitions"]
        return
    problem, axis = problem_of(depth), TRACED[name]
    collapse = trace(problem, [axis], 0).transitions[-1]
    assert collapse.order[0] == (2 if depth == 1 else 1)
    wanted = bisected(problem, axis, 1e-6 * collapse.critical[0], 1e6 * collapse.critical[0])
    assert collapse.critical[0] == pytest.approx(wanted, rel=1e-9)
    before = varied(problem, [Axis(axis.parameter, collapse.critical * (1.0 - 1e-7), axis.layer)], 0)
    norm = np.linalg.norm(solve(before).solution.minimum.end_to_end_map)
    assert collapse.norm_before[0] == pytest.approx(norm, rel=1e-3, abs=1e-4)


def test_width_boundary_separates_widths() -> None:
    problem = problem_of(2)
    scaled = varied(
        problem, [Axis(P.DECAY_SCALE, trace(problem, [TRACED["all decays"]], 0).transitions[0].critical)], 0
    )
    boundary = trace(scaled, [Axis(P.WIDTH, np.ones(1)), Axis(P.NOISE_VARIANCE, np.array([0.3, 1.0]))], 0)
    for critical, noise in zip(boundary.transitions[-1].critical.tolist(), (0.3, 1.0), strict=True):
        found = [
            solve(varied(scaled, [Axis(P.WIDTH, np.array([w])), Axis(P.NOISE_VARIANCE, np.array([noise]))], 0))
            for w in (np.floor(critical), np.ceil(critical))
        ]
        assert [one.solution.minimum.trivial for one in found] == [True, False]


def test_each_value_of_the_other_axis_has_its_own_critical_value() -> None:
    problem = problem_of(2)
    axes = [Axis(P.DECAY_SCALE, np.ones(1)), Axis(P.NOISE_VARIANCE, np.array([0.0, 0.7, 2.5]))]
    collapse = trace(problem, axes, 0).transitions[-1]
    for index, critical in enumerate(collapse.critical.tolist()):
        noisy = varied(problem, axes[1:], index)
        assert critical == pytest.approx(bisected(noisy, axes[0], 1e-3, 1e5), rel=1e-9)
    back = trace(problem, [Axis(P.NOISE_VARIANCE, np.ones(1)), Axis(P.DECAY_SCALE, collapse.critical)], 0)
    assert back.transitions[-1].critical[1:] == pytest.approx(axes[1].values[1:], rel=1e-8)
    depths = trace(problem, [axes[0], Axis(P.DEPTH, np.array([1.0, 2.0, 3.0]))], 0)
    assert depths.transitions[-1].order.tolist() == [2, 1, 1]
    uneven = with_depth(problem.network, 3)
    assert [layer.width for layer in uneven.layers] == [4, 5, 5, 1]


def test_between_two_first_order_jumps_the_middle_one_is_where_another_root_wins() -> None:
    problem = two_jumps()
    first, last = trace(problem, [TRACED["all decays"]], 0).transitions
    assert first.order[0] == last.order[0] == 1
    assert first.critical[0] < last.critical[0]
    assert last.critical[0] == pytest.approx(bisected(problem, TRACED["all decays"], 1e-6, 1e6), rel=1e-9)

    def has_jumped(scale: float) -> bool:
        at = varied(problem, [Axis(P.DECAY_SCALE, np.array([scale]))], 0)
        norm = float(np.linalg.norm(solve(at).solution.minimum.end_to_end_map))
        return bool(norm < 0.5 * (first.norm_before[0] + first.norm_after[0]))

    low, high = 0.1 * first.critical[0], 0.5 * (first.critical[0] + last.critical[0])
    assert not has_jumped(low)
    assert has_jumped(high)
    while high / low - 1.0 > 2e-10:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if has_jumped(middle) else (middle, high)
    assert first.critical[0] == pytest.approx(low, rel=1e-9)


def test_metastable_region_ends_where_the_last_other_minimum_vanishes() -> None:
    problem = problem_of(2)
    end = trace(problem, [TRACED["all decays"]], 0).metastable[0]
    diagram = phase_diagram(problem, [Axis(P.DECAY_SCALE, end * np.array([1.0 - 1e-6, 1.0 + 1e-6]))])
    assert diagram.points.minima.tolist() == [2, 1]
    assert diagram.points.trivial.all()


def test_a_bias_that_does_not_centre_the_noise_is_traced_along_the_decay_only() -> None:
    problem = problem_of(2, Bias.OUTPUT)
    axes = [Axis(P.DECAY_SCALE, np.ones(1)), Axis(P.NOISE_VARIANCE, np.array([0.1, 1.0]))]
    for index, critical in enumerate(trace(problem, axes, 0).transitions[-1].critical.tolist()):
        assert critical == pytest.approx(bisected(varied(problem, axes[1:], index), axes[0], 1e-3, 1e5), rel=1e-9)
    assert "sampled only" in trace(problem, axes, 1).reasons["transitions"]


def test_common_variance_inverts_its_equation() -> None:
    rates = np.array([[1e-8, 1.0, 3.0], [0.0, 0.2, 0.2], [5.0, 5.0, 5.0]])
    wanted = np.array([1e-9, 2.0, 400.0])
    value = np.exp(common_variance(wanted, rates))
    assert np.log1p(value[:, None] * rates).sum(axis=1) == pytest.approx(wanted, rel=1e-12)
