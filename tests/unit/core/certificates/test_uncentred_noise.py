"""The bound under noise and an output bias on dependent inputs: it closes, says how far it holds, and is no loss's."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, cast

import numpy as np
import pytest

from service.core.bounds.linear_checks import certificate
from service.core.bounds.norm_below import LowerBound
from service.core.bounds.quadratic_below import Below
from service.core.certificates import uncentred_noise
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.ground.results import Minima
from service.core.several_outputs.noise.uncentred import noise_coordinates
from service.vocabulary import Bias
from tests.support.outputs_instances import Shape, network_of

Inputs = Callable[[np.random.Generator], FloatArray]


def _numbers(rng: np.random.Generator) -> FloatArray:
    return rng.standard_normal((40, 3)) + 2.0


def _codes(rng: np.random.Generator) -> FloatArray:
    return np.eye(4)[rng.integers(0, 4, 40)]


def _beside(inputs: Inputs, more: Callable[[FloatArray], FloatArray]) -> Inputs:
    def drawn(rng: np.random.Generator) -> FloatArray:
        x = inputs(rng)
        return np.column_stack([x, more(x)])

    return drawn


INDEPENDENT: dict[str, Inputs] = {
    "numbers": _numbers,
    "one-hot": _codes,
    "a constant": _beside(_numbers, lambda x: np.ones(len(x))),
    "a large constant": _beside(_numbers, lambda x: np.full(len(x), 300.0)),
    "one-hot and numbers": _beside(_codes, lambda x: np.cos(np.arange(float(len(x))))),
}
"""Second moments about zero of full rank: noise bounds every map, though a bias hides some of them from the error."""
DEPENDENT: dict[str, Inputs] = {
    "a copy": _beside(_numbers, lambda x: x[:, 0]),
    "a sum": _beside(_numbers, lambda x: x[:, 0] + x[:, 1]),
    "one-hot and a constant": _beside(_codes, lambda x: np.ones(len(x))),
    "more inputs than rows": lambda rng: rng.standard_normal((5, 8)) + 1.0,
}
"""Some maps are free of cost."""


def problem_of(inputs: Inputs, seed: int = 0, rate: float = 0.8, input_noise: float = 0.0, outputs: int = 2) -> Problem:
    rng = np.random.default_rng(seed)
    x = inputs(rng)
    y = x @ rng.standard_normal((x.shape[1], outputs)) + 0.4 * rng.standard_normal((len(x), outputs)) + 1.0
    network = network_of(Shape(x.shape[1], (8,), outputs), [0.0, 0.0], [rate], input_noise, Bias.OUTPUT)
    return Problem(network, moments_of(x, y), Samples(x, y))


@cache
def solved(name: str) -> tuple[Problem, Minima]:
    problem = problem_of((INDEPENDENT | DEPENDENT)[name])
    return problem, solve(problem)


def loss(problem: Problem, end_to_end_map: FloatArray) -> float:
    """The least loss of a map, from samples: biases at their best, equal noise on all hidden units."""
    samples, coordinates = cast("Samples", problem.samples), noise_coordinates(problem)
    x, y = samples.x, samples.y
    misfit = y - x @ end_to_end_map.T
    noise = problem.network.input_noise_variance * np.mean(x * x, axis=0)
    rows = np.vstack([x / np.sqrt(len(x)), np.diag(np.sqrt(noise))])
    nuclear = float(np.sum(np.linalg.svd(rows @ end_to_end_map.T, compute_uv=False)))
    error = float(np.sum(np.var(misfit, axis=0))) + float(np.sum(end_to_end_map**2 * noise))
    return error + coordinates.mu * nuclear**2


def altered(name: str, change: Callable[[FloatArray], FloatArray]) -> LowerBound:
    """The bound where another map is claimed, which may only make it worse."""
    problem, answer = solved(name)
    found: list[LowerBound] = []

    def noted(below: Below) -> LowerBound:
        claimed = replace(below.claimed, end_to_end_map=change(below.claimed.end_to_end_map))
        found.append(uncentred_noise._bound(replace(below, claimed=claimed)))
        return found[-1]

    certificate(problem, answer.solution, noted, "", quick=False)
    return found[-1]


def under(
    name: str, slack: float | None = None, leak: float | None = None, share: float = 1.0
) -> tuple[float, LowerBound]:
    """Nuclear norm of the claimed map times the noise, and the bound where less is certain of the second moments."""
    problem, answer = solved(name)
    found: list[tuple[float, LowerBound]] = []

    def noted(below: Below) -> LowerBound:
        floor, coordinates = uncentred_noise._floor(below.problem), noise_coordinates(below.problem)
        assert floor is not None and below.expansion is not None  # noqa: PT018 - both narrow types
        inside = coordinates.of_map(below.claimed.end_to_end_map)
        steepest = coordinates.mu * float(np.sum(np.linalg.svd(inside, compute_uv=False)))
        changed = replace(
            floor,
            share=share * floor.share,
            slack=floor.slack if slack is None else slack,
            leak=floor.leak if leak is None else leak,
        )
        found.append((steepest, uncentred_noise._dual_bound(below, below.expansion, changed)))
        return found[-1][1]

    certificate(problem, answer.solution, noted, "", quick=False)
    return found[-1]


def scaled(name: str, factor: float) -> LowerBound:
    return altered(name, lambda best: factor * best)


@pytest.mark.parametrize("name", INDEPENDENT)
@pytest.mark.parametrize("input_noise", [0.0, 0.3])
def test_inputs_of_full_rank_are_certified_for_all_maps(name: str, input_noise: float) -> None:
    answer = solve(problem_of(INDEPENDENT[name], input_noise=input_noise))
    assert answer.solution.solver == "uncentred_noise"
    assert answer.certificate.relative_gap < 1e-10
    assert answer.certificate.norm_limit is None
    assert uncentred_noise.TANGENT_DUAL in answer.certificate.method


@pytest.mark.parametrize("name", DEPENDENT)
@pytest.mark.parametrize("outputs", [2, 5])
def test_dependent_inputs_are_certified_up_to_a_norm(name: str, outputs: int) -> None:
    answer = solve(problem_of(DEPENDENT[name], outputs=outputs))
    norm = float(np.linalg.norm(answer.solution.minimum.end_to_end_map))
    assert answer.certificate.relative_gap < 1e-9
    assert answer.certificate.norm_limit is not None
    assert 999.0 * norm < answer.certificate.norm_limit < 1.001e6 * norm


@pytest.mark.parametrize("name", DEPENDENT)
def test_dependent_inputs_with_noise_on_them_are_not_dependent(name: str) -> None:
    answer = solve(problem_of(DEPENDENT[name], input_noise=0.2))
    assert answer.certificate.relative_gap < 1e-10
    assert answer.certificate.norm_limit is None


@pytest.mark.parametrize("name", [*INDEPENDENT, *DEPENDENT])
def test_no_map_is_below_the_bound(name: str) -> None:
    (problem, found), rng = solved(name), np.random.default_rng(1)
    best, certified = found.solution.minimum.end_to_end_map, found.certificate
    limit = certified.norm_limit or 1e6
    values, vectors = np.linalg.eigh(problem.data.xx)
    assert loss(problem, best) == pytest.approx(found.solution.minimum.loss, rel=1e-9)
    for size in (1e-6, 1e-2, 1.0):
        assert certified.lower_bound <= loss(problem, best + size * rng.standard_normal(best.shape)) * (1.0 + 1e-12)
    for share in (1e-3, 0.5, 0.99):
        # the direction in which a map costs least
        far = share * limit * np.outer(rng.standard_normal(len(best)), vectors[:, int(np.argmin(values))])
        far *= share * limit / max(float(np.linalg.norm(far)), 1e-300)
        assert certified.lower_bound <= loss(problem, best + far) + 1e-9 * problem.data.yy


@pytest.mark.parametrize("name", [*INDEPENDENT, *DEPENDENT])
@pytest.mark.parametrize("factor", [0.0, 0.3, 0.9, 1.5, 1e3])
def test_a_claim_that_is_no_minimum_has_a_bound_that_holds(name: str, factor: float) -> None:
    least = solved(name)[1].certificate.upper_bound
    assert scaled(name, factor).value <= least
    assert altered(name, lambda best: best[::-1]).value <= least


@pytest.mark.parametrize("name", [*INDEPENDENT, *DEPENDENT])
def test_the_bound_is_that_of_the_tangent_at_the_claimed_map(name: str) -> None:
    """A map that is off by a share costs the bound its square, not more: its tangent touches near the minimum."""
    found = solved(name)[1]
    lost = [found.certificate.upper_bound - scaled(name, 1.0 + share).value for share in (1e-3, 1e-2)]
    assert 0.0 < lost[0] < 1e-3 * found.certificate.upper_bound
    assert lost[0] < lost[1] < 1e-1 * found.certificate.upper_bound


@pytest.mark.parametrize("name", [*INDEPENDENT, *DEPENDENT])
def test_second_moments_hold_by_a_share_that_leaves_room_for_rounding_alone(name: str) -> None:
    problem = solved(name)[0]
    floor = cast("Any", uncentred_noise._floor(problem))
    xx = problem.data.xx
    values = np.linalg.eigvalsh(xx)
    assert 1e-14 < 1.0 - floor.share < 1e-9
    if name in INDEPENDENT:
        assert floor.least == pytest.approx(values[0], rel=1e-9)
        assert floor.least < values[0] * (1.0 + 1e-12)
        assert (floor.weak, floor.slack, floor.leak) == (0, 0.0, 0.0)
    else:
        rank = int(np.linalg.matrix_rank(xx, hermitian=True))
        assert (floor.least, floor.weak) == (0.0, len(xx) - rank)
        assert 0.0 < floor.slack < 1e-12 * float(np.sqrt(values[-1]))
        assert 0.0 < floor.leak < 1e-11


@pytest.mark.parametrize("name", DEPENDENT)
@pytest.mark.parametrize("slack", [1e-9, 1e-7])
def test_what_weak_directions_may_hold_is_taken_off_up_to_the_limit(name: str, slack: float) -> None:
    answer = solved(name)[1]
    norm, weak = float(np.linalg.norm(answer.solution.minimum.end_to_end_map)), min(under_weak(name), 2)
    steepest, bound = under(name, slack=slack)
    assert bound.norm_limit == pytest.approx(1e3 * norm)
    expected = 2.0 * 1e3 * norm * steepest * slack * np.sqrt(weak)
    lost = answer.certificate.upper_bound - bound.value
    assert expected < lost < 1.05 * expected + 1e-9 * answer.certificate.upper_bound


def under_weak(name: str) -> int:
    floor = uncentred_noise._floor(solved(name)[0])
    assert floor is not None
    return floor.weak


@pytest.mark.parametrize("name", DEPENDENT)
def test_what_leaks_into_weak_directions_is_taken_off_up_to_the_limit(name: str) -> None:
    answer = solved(name)[1]
    norm = float(np.linalg.norm(answer.solution.minimum.end_to_end_map))
    lost = [answer.certificate.upper_bound - under(name, leak=leak)[1].value for leak in (1e-8, 1e-7)]
    assert 0.0 < lost[0] < lost[1]
    assert lost[1] == pytest.approx(10.0 * lost[0], rel=1e-2)
    assert lost[0] > 1e-8 * norm


@pytest.mark.parametrize("name", [*INDEPENDENT, *DEPENDENT])
def test_second_moments_that_may_be_smaller_make_less_of_the_noise(name: str) -> None:
    upper = solved(name)[1].certificate.upper_bound
    lost = [upper - under(name, share=share)[1].value for share in (1.0, 0.99, 0.9)]
    assert lost[0] < lost[1] < lost[2]
    steepest, _ = under(name)
    mu = noise_coordinates(solved(name)[0]).mu
    # to first order twice the share of what the noise costs
    assert lost[1] == pytest.approx(0.02 * steepest**2 / mu, rel=0.1)


@pytest.mark.parametrize("name", INDEPENDENT)
@pytest.mark.parametrize("most", [1e-3, 1.0, 50.0])
def test_noise_alone_bounds_the_norm_of_maps_where_inputs_are_independent(name: str, most: float) -> None:
    problem = solved(name)[0]
    floor, mu = uncentred_noise._floor(problem), noise_coordinates(problem).mu
    assert floor is not None
    values, vectors = np.linalg.eigh(problem.data.xx)
    # the map of this norm that costs least: one output along the least direction
    longest = uncentred_noise._longest(most, mu, floor) * vectors[:, :1].T
    noise = mu * float(np.sum(np.linalg.svd(longest @ vectors * np.sqrt(values), compute_uv=False))) ** 2
    assert most < noise < 1.03 * most


@pytest.mark.parametrize("name", DEPENDENT)
def test_least_squares_hold_up_to_their_own_limit(name: str) -> None:
    """The zero map says nothing of the noise, so that the bound is that of the error alone."""
    found = scaled(name, 0.0)
    assert found.norm_limit is not None
    assert found.norm_limit > 0.0


def test_moments_of_dependent_inputs_are_certified_where_they_are_exact() -> None:
    """From moments the weak directions are as small as twice the working precision shows."""
    rng = np.random.default_rng(2)
    x = rng.integers(-4, 9, (32, 3)).astype(float)
    x = np.column_stack([x, x[:, 0] + x[:, 1]])
    y = x[:, :2] + rng.integers(-2, 3, (32, 2)).astype(float)
    network = network_of(Shape(4, (8,), 2), [0.0, 0.0], [0.8], 0.0, Bias.OUTPUT)
    found = solve(Problem(network, moments_of(x, y))).certificate
    assert found.relative_gap < 1e-9
    assert found.norm_limit is not None


@pytest.mark.parametrize("name", [*INDEPENDENT, *DEPENDENT])
def test_dual_points_are_in_the_ball_and_pull_at_nothing_that_the_error_does_not_see(name: str) -> None:
    problem, answer = solved(name)
    radius = 0.7
    found: list[float] = []

    def noted(below: Below) -> float:
        coordinates, expansion = noise_coordinates(below.problem), below.expansion
        assert expansion is not None
        inside = coordinates.of_map(below.claimed.end_to_end_map)
        # a slope that pulls everywhere, as no slope of the error does
        steep = replace(expansion, slope=np.random.default_rng(0).standard_normal(expansion.slope.shape))
        for dual in uncentred_noise._duals(coordinates, steep, inside, radius):
            white = (dual @ expansion.basis.T @ coordinates.basis) / coordinates.scales
            found.append(float(np.linalg.svd(white, compute_uv=False)[0]))
            assert np.abs(dual[:, ~expansion.known]).max(initial=0.0) < 1e-12 * np.abs(dual).max()
        return 0.0

    certificate(problem, answer.solution, noted, "", quick=False)
    assert max(found) <= radius
    assert max(found) > 0.1 * radius


def test_inputs_that_are_zero_leave_the_variance_of_the_targets() -> None:
    y = np.random.default_rng(0).standard_normal((20, 2)) + 1.0
    x = np.zeros((20, 3))
    problem = Problem(
        network_of(Shape(3, (8,), 2), [0.0, 0.0], [0.8], 0.0, Bias.OUTPUT), moments_of(x, y), Samples(x, y)
    )
    found = solve(problem).certificate
    assert found.lower_bound == pytest.approx(float(np.sum(np.var(y, axis=0))), rel=1e-12)
    assert found.relative_gap < 1e-9


def test_inputs_in_units_far_apart_keep_the_bound_of_least_squares_at_least() -> None:
    problem = problem_of(_beside(_numbers, lambda x: 1e9 * x[:, 0] + x[:, 1]))
    found = solve(problem).certificate
    assert 0.0 < found.lower_bound <= found.upper_bound


def test_targets_that_do_not_vary_leave_nothing() -> None:
    rng = np.random.default_rng(0)
    x = _codes(rng)
    y = np.tile([1.0, -2.0], (len(x), 1))
    problem = Problem(
        network_of(Shape(4, (8,), 2), [0.0, 0.0], [0.8], 0.0, Bias.OUTPUT), moments_of(x, y), Samples(x, y)
    )
    answer = solve(problem)
    assert answer.solution.minimum.trivial
    assert answer.certificate.upper_bound < 1e-12
