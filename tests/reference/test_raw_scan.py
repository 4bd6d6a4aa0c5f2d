"""Answers on data of every kind of hardness against exact arithmetic; the whole scan is in the evidence."""

from itertools import count, islice

import numpy as np
import pytest

from tests.support.exact_numbers import joint_is_semidefinite
from tests.support.exact_truth import objective
from tests.support.raw_data import Factored, Rows, Summary
from tests.support.raw_problems import RawProblem
from tests.support.raw_runs import run
from tests.support.raw_scan import ALL_KINDS, HADAMARD, scan_problem

COUNT = 210
"""Every kind with every depth fourteen times, tens of thousands of samples twice."""


@pytest.mark.parametrize("seed", range(COUNT))
def test_bounds_hold_and_close_where_they_must(seed: int) -> None:
    assert not run(scan_problem(seed)).failures


def test_the_scan_reaches_what_it_is_meant_to_reach() -> None:
    problems = [scan_problem(seed) for seed in range(COUNT)]
    for kind in ALL_KINDS:
        own = [each for each in problems if each.kind == kind]
        assert {each.decayed for each in own} == {True, False}
        if kind != "aligned":
            assert {len(each.hidden) for each in own} == {0, 1, 2}
            assert {each.bias for each in own} == {True, False}
            assert {type(each.data) for each in own} == {Rows, Summary, Factored}
    assert any(each.noise for each in problems)
    assert any(min(each.hidden, default=9) < each.exact.outputs for each in problems)
    conditions = [each.condition for each in problems]
    assert min(conditions) == 1.0
    assert sum(1e9 < condition < 1e13 for condition in conditions) > 5
    assert max(len(each.data.x) for each in problems if isinstance(each.data, Rows)) > 10_000


@pytest.mark.parametrize("seed", range(8))
def test_no_weights_go_below_the_truth_of_aligned_inputs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = aligned(seed)
    assert problem.truth is not None
    assert problem.unturned is not None
    plain, rate = problem.unturned.exact(), problem.decays[0]
    own = [(float(plain.xx[j][j]), float(plain.xy[j][j])) for j in range(4)]
    root = np.diag([np.sqrt(max(b - rate, 0.0) / c) for c, b in own])
    if problem.data is not problem.unturned:
        left, right = HADAMARD[::-1].T / 2.0, HADAMARD / 2.0
        first, second = root @ right, left @ root
    else:
        first = second = root
    padding = np.zeros((problem.hidden[0] - 4, 4))
    weights = [np.vstack([first, padding]), np.hstack([second, padding.T])]
    reached = float(objective(problem.exact, weights, problem.decays))
    assert reached == pytest.approx(float(problem.truth), rel=1e-6, abs=1e-10 * float(problem.variance))
    for _ in range(20):
        near = [weight + rng.normal(size=weight.shape) * 10.0 ** rng.uniform(-8.0, 1.0) for weight in weights]
        assert objective(problem.exact, near, problem.decays) >= problem.truth


def aligned(seed: int) -> RawProblem:
    """Two decayed layers with several outputs."""
    problems = (scan_problem(len(ALL_KINDS) * index + ALL_KINDS.index("aligned")) for index in count())
    return next(islice((each for each in problems if each.decayed and each.hidden), seed, None))


@pytest.mark.parametrize("seed", range(12))
def test_moments_that_rounding_made_indefinite_are_answered(seed: int) -> None:
    problem = indefinite(seed)
    assert not joint_is_semidefinite(problem.free)
    found = run(problem)
    assert found.answer is not None, found.error
    assert found.answer["global_minimum"]["loss"] >= 0.0
    assert found.answer["certificate"]["relative_gap"] >= 0.0


def indefinite(seed: int) -> RawProblem:
    """Moments of near-duplicates that no data have, one unit in the last place beyond those that some have."""
    rng = np.random.default_rng(seed)
    while True:
        x = rng.normal(size=(20, 3))
        x[:, 1:] = x[:, :1] + 1e-9 * x[:, 1:]
        y = x @ np.ones((3, 1))
        moments = Summary(x.T @ x / 20, x.T @ y / 20, float(np.sum(y * y)) / 20)
        problem = RawProblem("rounded", "rounded", moments, decays=((0.0,), (1e-6,))[seed % 2])
        if not joint_is_semidefinite(problem.exact):
            return problem
