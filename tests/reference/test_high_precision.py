"""Certificates against 60-digit arithmetic, on inputs of condition up to 1e12."""

import mpmath as mp  # type: ignore[import-untyped]  # it has no stubs
import numpy as np
import pytest

from service.core.dispatch import choose, solve
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.one_output.norm_bound import norm_bound
from service.core.one_output.reduced import reduced_of
from tests.support.exact_numbers import of_floats
from tests.support.high_precision import DIGITS, Exact, exact_minimum
from tests.support.instances import haar

COUNT = 50


def exact_minimum_of(problem: Problem) -> Exact:
    network, data = problem.network, problem.data
    noise = zip(network.noise_variances, network.hidden_widths, strict=True)
    return exact_minimum(of_floats(data.xx, data.xy, data.yy), list(network.weight_decays), noise)


def ill_conditioned(seed: int) -> Problem:
    """Full-rank inputs whose condition number grows with the seed up to some 1e12; the target sees every direction."""
    rng = np.random.default_rng(seed)
    size, depth = int(rng.integers(2, 5)), int(rng.integers(0, 5))
    values = 10.0 ** np.linspace(-12.0 * (seed + 1) / COUNT, 0.0, size)
    basis = haar(rng, size)
    xx = (basis * values) @ basis.T
    xx = 0.5 * (xx + xx.T)
    xy = xx @ (basis @ (rng.normal(size=(size, 1)) * values[:, None] ** -rng.uniform(0.0, 0.7)))
    with mp.workdps(DIGITS):
        column = mp.matrix(xy.tolist())
        explained = float((column.T * mp.lu_solve(mp.matrix(xx.tolist()), column))[0])
    layers = [
        Layer(int(rng.integers(1, 5)), weight_decay=_decay(rng), noise_variance=float(rng.choice([0.0, 0.7])))
        for _ in range(depth)
    ]
    yy = explained * (1.0 + 10.0 ** rng.uniform(-6.0, 0.0))
    return Problem(Network((*layers, Layer(1, weight_decay=_decay(rng)))), Moments(xx, xy, yy))


def _decay(rng: np.random.Generator) -> float:
    return float(10.0 ** rng.uniform(-4.0, 0.0))


@pytest.mark.parametrize("seed", range(COUNT))
def test_the_true_minimum_lies_between_the_bounds(seed: int) -> None:
    problem = ill_conditioned(seed)
    exact = exact_minimum_of(problem)
    solver, certifier, _ = choose(problem)
    solution = solver.solve(problem)
    certificate = certifier(problem, solution)
    with mp.workdps(DIGITS):
        assert certificate.lower_bound <= exact.loss
        assert certificate.upper_bound + certificate.rounding_allowance >= exact.loss
        error = float(abs(solve(problem).solution.minimum.loss - exact.loss))
        assert error <= certificate.rounding_allowance + 1e-12 * problem.data.yy
    if problem.network.n_hidden > 1:
        assert exact.roots % 2 == 0
        branches = [point for point in solution.stationary_points if point.kind == "branch"]
        assert len(branches) == exact.roots


def test_the_conditions_reach_twelve_decades() -> None:
    conditions = [ill_conditioned(seed).data.spectrum.condition_number for seed in range(COUNT)]
    assert max(conditions) > 1e11
    assert min(conditions) < 10.0


def test_rounding_that_keeps_a_gap_open_does_not_keep_the_subdivision_going() -> None:
    nodes = []
    for seed in range(COUNT):
        problem = ill_conditioned(seed)
        loss = choose(problem)[0].solve(problem).minimum.loss
        nodes.append(norm_bound(reduced_of(problem), 1e-10 * loss, loss).nodes)
    assert max(nodes) < 400
