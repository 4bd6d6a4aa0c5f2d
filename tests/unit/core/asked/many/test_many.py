"""Problems solved together get the answers that they get alone, and a stack certifies itself."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.asked.many import independent as many
from service.core.asked.many.independent import ManyMinima, solve_many
from service.core.asked.many.stack import Stack, fits_a_stack, stack_of
from service.core.asked.many.stacked_bound import stacked_bound
from service.core.asked.many.stacked_loss import balanced_losses
from service.core.asked.many.stacked_minima import best_maps
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.ground.results import Minima
from service.core.losses.dense import DenseParameters
from service.core.one_output.weights import balanced_parameters
from service.errors import NotCovered
from service.vocabulary import Loss, Status
from tests.support.instances import dense, random_problem, value
from tests.support.one_output_cases import FOUR_ROOTS, SIX_ROOTS, network


def plain_problem(rng: np.random.Generator, depth: int, inputs: int) -> Problem:
    """Unequal decays, widths, noises and scales; strong enough decay to be trivial now and then."""
    x = rng.normal(size=(3 * inputs, inputs)) * 10.0 ** rng.uniform(-2.0, 0.5, inputs)
    if rng.random() < 0.2:
        x[:, -1] = x[:, 0]
    y = x @ rng.normal(size=(inputs, 1)) + rng.normal(size=(len(x), 1))
    decays = 10.0 ** rng.uniform(-4.0, 0.3, depth + 1)
    noises = rng.choice([0.0, 0.1, 2.0], depth)
    hidden = (
        Layer(int(rng.integers(1, 9)), weight_decay=float(decay), noise_variance=float(noise))
        for decay, noise in zip(decays[:-1], noises, strict=True)
    )
    layers = (*hidden, Layer(1, weight_decay=float(decays[-1])))
    held_out = moments_of(rng.normal(size=(9, inputs)), rng.normal(size=(9, 1)))
    return Problem(Network(layers), moments_of(x, y), evaluation=held_out if rng.random() < 0.5 else None)


def assert_alike(found: ManyMinima, index: int, single: Minima, yy: float, *, independent: bool = True) -> None:
    minimum, certificate = single.solution.minimum, single.certificate
    unit = max(abs(certificate.upper_bound), 1e-6 * yy)
    assert found.status[index] == single.status
    for name, expected in (("loss", minimum.loss), ("lower_bound", certificate.lower_bound)):
        assert getattr(found, name)[index] == pytest.approx(expected, abs=2e-9 * unit), name
    assert found.noise[index] == found.prediction_variance[index]
    # where inputs are collinear, tiny decays at great depth may leave a gap that float64 cannot close
    assert found.relative_gap[index] <= 1e-9 or not independent
    assert (found.trivial[index], found.rank[index]) == (minimum.trivial, minimum.rank)
    # the loss is stationary in the map: a gap of 1e-9 fixes its length to some 1e-4 at worst
    assert found.norm[index] == pytest.approx(float(minimum.singular_values[0]), rel=1e-4, abs=1e-12)
    if minimum.evaluation_fit is None:
        assert np.isnan(found.evaluation_fit[index])
    else:
        assert found.evaluation_fit[index] == pytest.approx(minimum.evaluation_fit, rel=1e-3)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), depth=st.integers(1, 6), inputs=st.integers(1, 7))
def test_together_is_as_good_as_alone(seed: int, depth: int, inputs: int) -> None:
    rng = np.random.default_rng(seed)
    problems = [plain_problem(rng, depth, inputs) for _ in range(5)]
    found = solve_many(problems)
    for index, problem in enumerate(problems):
        independent = problem.data.spectrum.rank == problem.data.inputs
        assert_alike(found, index, solve(replace(problem)), problem.data.yy, independent=independent)


def test_problems_of_every_kind_come_back_in_order() -> None:
    problems = [random_problem(seed, outputs=1) for seed in range(120)]
    problems += [Problem(network(2, decay=decay), data) for data, decay in (FOUR_ROOTS, SIX_ROOTS) * 4]
    alone: list[int] = []

    def one(index: int, problem: Problem) -> Minima:
        alone.append(index)
        return solve(problem)

    found = solve_many(problems, one)
    stacked = sorted(set(range(len(problems))) - set(alone))
    assert len(stacked) >= 10
    assert all(fits_a_stack(problems[index]) for index in stacked)
    for index, problem in enumerate(problems):
        expected = solve(replace(problem))
        unit = max(abs(expected.certificate.upper_bound), 1e-6 * problem.data.yy)
        assert found.loss[index] == pytest.approx(expected.solution.minimum.loss, abs=2e-9 * unit)
        assert found.status[index] == expected.status
        assert found.trivial[index] == expected.solution.minimum.trivial


def one_input(decay: float) -> Problem:
    """x = 1 with E[xy] = 0.9 and yy = 1: min over w of (1 - 1.8 w + w^2) + 2 g |w| is read off."""
    return Problem(network(1, decay=decay), Moments(np.eye(1), np.full((1, 1), 0.9), 1.0))


def test_one_hidden_layer_is_soft_thresholding() -> None:
    decays = [0.1, 0.4, 0.91, 1.3]
    found = solve_many([one_input(decay) for decay in decays])
    kept = np.maximum(0.0, 0.9 - np.array(decays))
    np.testing.assert_allclose(found.norm, kept, atol=1e-12)
    np.testing.assert_allclose(found.loss, 1.0 - kept**2, rtol=1e-12)
    np.testing.assert_allclose(found.parameter_norm, np.sqrt(2.0 * kept), atol=1e-12)
    assert found.trivial.tolist() == [False, False, True, True]
    assert set(found.status.tolist()) == {Status.EXACT}


def test_wrong_maps_leave_the_gap_open_and_are_solved_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    problems = [plain_problem(rng, 2, 4) for _ in range(6)]
    expected = solve_many(problems)
    alone: list[int] = []

    def one(index: int, problem: Problem) -> Minima:
        alone.append(index)
        return solve(problem)

    def shorter(stack: Stack) -> FloatArray:
        return 0.999 * best_maps(stack)

    monkeypatch.setattr(many, "best_maps", shorter)
    found = solve_many(problems, one)
    assert alone == np.flatnonzero(~expected.trivial).tolist()
    assert alone
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-9)


def test_no_weights_go_below_the_bound_of_a_stack() -> None:
    rng = np.random.default_rng(11)
    problems = [problem for problem in (plain_problem(rng, 3, 3) for _ in range(20)) if fits_a_stack(problem)]
    stack = stack_of(problems)
    tolerance = 1e-9 * stack.variance
    # a bound may not rely on what is claimed: neither the hint nor a target that nobody reaches
    without = stacked_bound(stack, tolerance, stack.variance, np.zeros(stack.size))
    misled = stacked_bound(stack, tolerance, stack.variance, 10.0 ** rng.uniform(-3.0, 1.0, stack.size))
    for _ in range(200):
        maps = rng.normal(size=stack.xy.shape) * 10.0 ** rng.uniform(-2.0, 1.0)
        losses = balanced_losses(stack, maps).loss
        assert (losses >= without).all()
        assert (losses >= misled).all()
    best = np.array([solve(problem).solution.minimum.loss for problem in problems])
    for bound in (without, misled):
        assert (bound <= best).all()
        np.testing.assert_allclose(bound, best, rtol=1e-8)


def test_losses_of_a_stack_are_those_of_dense_weights() -> None:
    rng = np.random.default_rng(5)
    problems = [plain_problem(rng, 2, 3) for _ in range(5)]
    stack = stack_of(problems)
    maps = rng.normal(size=stack.xy.shape)
    losses = balanced_losses(stack, maps)
    for index, problem in enumerate(problems):
        weights = balanced(problem, maps[index])
        assert losses.loss[index] == pytest.approx(value(problem, weights), rel=1e-12)
        total = np.sqrt(sum(float(np.sum(weight**2)) for weight in weights.weights))
        assert losses.parameter_norm[index] == pytest.approx(total, rel=1e-12)


def balanced(problem: Problem, row: FloatArray) -> DenseParameters:
    return dense(balanced_parameters(problem.network, problem.data, row))


def test_the_first_problem_that_is_refused_is_named() -> None:
    fine = one_input(0.1)
    refused = replace(fine, loss=Loss.EXPONENTIAL)
    with pytest.raises(NotCovered):
        solve_many([fine, refused])
