"""Stationary maps of the reduced problem against dense scans, and instances with four and six of them."""

from itertools import pairwise

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Moments, Problem
from service.core.one_output.reduced import reduce
from service.core.one_output.sphere import loss_on_spheres
from service.vocabulary import PointClass, PointKind
from tests.support.one_output_cases import (
    FOUR_ROOTS,
    SIX_ROOTS,
    branches_of,
    diagonal,
    network,
    problem,
    random_spectrum,
    with_decays_times,
)


def log_phi(t: FloatArray, values: FloatArray, target: FloatArray, depth: int) -> FloatArray:
    """``log(rho^p sum a^2/(c + rho)^2)`` from its definition."""
    exponents = 2.0 * np.log(np.abs(target)) - 2.0 * np.logaddexp(np.log(values), t[:, None])
    top = exponents.max(axis=1)
    height: FloatArray = (depth + 1) / depth * t + top + np.log(np.exp(exponents - top[:, None]).sum(axis=1))
    return height


def scanned(values: FloatArray, target: FloatArray, depth: int, log_kappa: float) -> tuple[int, int]:
    """Numbers of rising and of falling crossings on a dense grid that covers all roots."""
    power = (depth + 1) / depth
    low = log_kappa - np.log(np.sum(target**2 / values**2)) / power - 1.0
    high = np.log(values.max()) + 3.0
    if depth > 1:
        high = max(high, (np.log(np.sum(target**2)) - power * log_kappa) / (2.0 - power) + 1.0)
    t = np.linspace(low, high + 40.0 * (depth == 1), 40_001)
    above = log_phi(t, values, target, depth) >= power * log_kappa
    return int(np.sum(above[1:] & ~above[:-1])), int(np.sum(~above[1:] & above[:-1]))


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 7])
def test_every_root_of_a_dense_scan_is_found_and_no_other(depth: int) -> None:
    rng = np.random.default_rng(depth)
    counts = set()
    for _ in range(40):
        values, target = random_spectrum(rng)
        near = np.linspace(np.log(values.min()) - 2.0, 5.0, 400)
        top = float(log_phi(near, values, target, depth).max()) * depth / (depth + 1)
        log_kappa = top + rng.uniform(-2.0, 0.5)
        found = branches_of(
            Problem(network(depth, float(np.exp(log_kappa))), diagonal(values, target)),
        )
        rising = sum(branch.is_minimum for branch in found)
        assert (rising, len(found) - rising) == scanned(values, target, depth, log_kappa)
        assert all(first.log_norm > second.log_norm for first, second in pairwise(found))
        counts.add(len(found))
    assert counts >= ({0, 1} if depth == 1 else {0, 2})


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_near_tangency_roots_come_in_pairs(depth: int) -> None:
    rng = np.random.default_rng(depth + 10)
    for _ in range(15):
        base = Problem(network(depth, 1e-3), diagonal(*random_spectrum(rng)))
        last = solve(base).solution.thresholds.metastable_up_to_decay_scale
        assert last is not None
        for distance in (1e-3, 1e-6, 1e-9):
            inside, outside = (branches_of(with_decays_times(base, last * (1.0 + s * distance))) for s in (-1.0, 1.0))
            assert [branch.is_minimum for branch in inside[-2:]] == [True, False]
            assert outside == ()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_points_are_stationary_on_the_sphere_and_have_their_class(depth: int) -> None:
    rng = np.random.default_rng(depth + 20)
    for _ in range(20):
        values, target = random_spectrum(rng, 3.0)
        base = Problem(network(depth, 10.0 ** rng.uniform(-3, -0.5), noise=0.5), diagonal(values, target))
        reduced = reduce(base.network, base.data)
        for branch in branches_of(base):
            norm = np.exp(branch.log_norm)
            at = loss_on_spheres(reduced, norm * np.array([1.0 - 1e-4, 1.0, 1.0 + 1e-4]))
            assert at[1] == pytest.approx(reduced.variance - branch.gain, rel=1e-9)
            assert abs(at[2] - at[0]) < 1e-6 * base.data.yy
            bend = at[0] + at[2] - 2.0 * at[1]
            if abs(bend) > 1e-13 * base.data.yy:
                assert (bend > 0.0) == branch.is_minimum


@pytest.mark.parametrize(("case", "roots"), [(FOUR_ROOTS, 4), (SIX_ROOTS, 6)])
def test_instances_with_many_roots(case: tuple[Moments, float], roots: int) -> None:
    moments, decay = case
    answer = solve(Problem(network(2, decay), moments))
    assert answer.certificate.holds
    points = [point for point in answer.solution.stationary_points if point.kind is PointKind.BRANCH]
    assert len(points) == roots
    values, target = np.diagonal(moments.xx), moments.xy[:, 0]
    assert scanned(values, target, 2, float(np.log(decay))) == (roots // 2, roots // 2)
    minima = [point for point in points if point.point_class is not PointClass.STRICT_SADDLE]
    assert len(minima) == roots // 2
    assert min(point.loss for point in points) == answer.solution.minimum.loss


def test_the_largest_norm_can_lose() -> None:
    moments, decay = FOUR_ROOTS
    answer = solve(Problem(network(2, decay), moments))
    points = [point for point in answer.solution.stationary_points if point.kind is PointKind.BRANCH]
    longest = max(points, key=lambda point: point.norm)
    best = min(points, key=lambda point: point.loss)
    assert longest.point_class is PointClass.LOCAL_MINIMUM
    assert best.point_class is PointClass.GLOBAL_MINIMUM
    assert best.loss < longest.loss
    assert best.norm < 0.02 * longest.norm
    assert answer.solution.minimum.singular_values[0] == pytest.approx(best.norm, rel=1e-9)


def test_only_two_roots_for_well_conditioned_inputs() -> None:
    rng = np.random.default_rng(3)
    # no more than one pair below condition (2 + sqrt 3)^2, whatever the depth
    bound = (2.0 + np.sqrt(3.0)) ** 2
    counts = set()
    for _ in range(200):
        size, depth = int(rng.integers(2, 6)), int(rng.integers(2, 9))
        values = np.exp(rng.uniform(0.0, np.log(bound), size))
        moments = diagonal(values, np.sqrt(rng.random(size) + 1e-3))
        counts.add(len(branches_of(Problem(network(depth, 10.0 ** rng.uniform(-2.0, 0.0)), moments))))
    assert counts == {0, 2}


def test_no_target_leaves_only_the_origin() -> None:
    moments = Moments(np.eye(2), np.zeros((2, 1)), 1.0)
    for depth in range(5):
        answer = solve(problem(depth, moments))
        assert answer.solution.minimum.trivial
        assert answer.solution.minimum.loss == 1.0
        assert [point.kind for point in answer.solution.stationary_points] == [PointKind.ORIGIN]
        assert answer.certificate.holds
