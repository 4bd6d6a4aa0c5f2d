"""Races: batched losses against the plain ones, digits that do not depend on the stack, and proved traps."""

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binomtest

from service.core.curvature.bound import curvature_bound
from service.core.curvature.dense import hessian_of
from service.core.dispatch import solve
from service.core.dynamics.initialisations import generator, start
from service.core.dynamics.races import OUTCOMES, RaceRuns, race, wilson_interval
from service.core.dynamics.sampling import BLOCK, SampledGradient
from service.core.dynamics.target import target_of
from service.core.dynamics.training import TrainingOptions
from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.losses.batched import BatchedLoss, norms_of, single
from service.core.losses.expected import gradient_of, loss_of
from service.vocabulary import Bias, Initialisation, Optimiser, Outcome

RNG = np.random.default_rng(3)
X = RNG.normal(size=(30, 4)) + 0.4
Y = X @ RNG.normal(size=(4, 1)) * 0.5 + 0.1 * RNG.normal(size=(30, 1))


def problem_of(
    depth: int, decay: float = 0.02, noise: float = 0.0, bias: Bias = Bias.NONE, outputs: int = 1
) -> Problem:
    hidden = tuple(Layer(3 + i, weight_decay=decay, noise_variance=noise) for i in range(depth))
    network = Network(
        (*hidden, Layer(outputs, weight_decay=decay)),
        input_noise_variance=0.5 * noise,
        bias=bias,
        bias_weight_decays=(0.0,) * depth + (0.1,),
    )
    y = np.repeat(Y, outputs, axis=1)
    return Problem(network, moments_of(X, y), Samples(X, y))


def raced(problem: Problem, optimiser: Optimiser, scheme: Initialisation, runs: range, **options: object) -> RaceRuns:
    settings = TrainingOptions(**{"steps": 300, "seed": 4, **options})  # type: ignore[arg-type] # options by name
    return race(problem, target_of(problem, solve(problem)), optimiser, scheme, runs, settings)


def names(found: RaceRuns) -> list[Outcome]:
    return [OUTCOMES[code] for code in found.outcome]


@pytest.mark.parametrize("offset", [1e3, 1e9])
def test_a_large_offset_that_the_bias_takes_off_costs_no_digits(offset: float) -> None:
    layers = (Layer(3, noise_variance=0.0), Layer(1))
    x, y = np.round(X * 64.0) / 64.0, np.round(Y * 64.0) / 64.0  # the same deviations after the offset is added
    plain = Problem(Network(layers, bias=Bias.OUTPUT), moments_of(x, y))
    moved = Problem(Network(layers, bias=Bias.OUTPUT), moments_of(x + offset, y + offset))
    first, second = (
        np.round(RNG.normal(size=(2, 3, 4)) * 64.0) / 64.0,
        np.round(RNG.normal(size=(2, 1, 3)) * 64.0) / 64.0,
    )
    bias = np.full((2, 1, 1), 0.25)
    shift = offset - (second @ first).sum(axis=(1, 2), keepdims=True) * offset
    before, slopes = BatchedLoss(plain).gradient([first, second, bias])
    after, moved_slopes = BatchedLoss(moved).gradient([first, second, bias + shift])
    assert after == pytest.approx(before, rel=1e-15 * offset + 1e-12)
    # the bias itself is a double: of its own slope no more is known than of the misfit that it leaves
    assert moved_slopes[2] == pytest.approx(slopes[2], abs=1e-15 * offset * 1e2)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("bias", Bias)
def test_batched_loss_and_gradient_are_the_plain_ones(bias: Bias, outputs: int) -> None:
    problem = problem_of(2, noise=0.3, bias=bias, outputs=outputs)
    loss = BatchedLoss(problem)
    shaped = start(problem.network, 4, Initialisation.KAIMING, 0, range(3))
    stack = [RNG.normal(size=array.shape) for array in shaped]
    error, slopes = loss.gradient(stack)
    gradient = loss.add_decay(stack, slopes)
    for run in range(3):
        dense = single(problem.network, stack, run)
        assert loss.of(stack)[run] == pytest.approx(loss_of(problem.network, problem.data, dense), rel=1e-12)
        assert error[run] + loss.decay(stack)[run] == pytest.approx(loss.of(stack)[run], rel=1e-12)
        plain, batched = gradient_of(problem.network, problem.data, dense), single(problem.network, gradient, run)
        for one, other in zip((*plain.weights, *plain.biases), (*batched.weights, *batched.biases), strict=True):
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("gaussian", [False, True])
def test_sampled_gradients_have_the_exact_one_as_their_mean(gaussian: bool) -> None:
    problem = problem_of(2, noise=0.3, bias=Bias.ALL)
    loss = BatchedLoss(problem)
    stack = [RNG.normal(size=array.shape) for array in start(problem.network, 4, Initialisation.XAVIER, 0, range(1))]
    assert problem.samples is not None
    source = SampledGradient(loss, problem.samples, 500, [generator(0, 9)], (gaussian,) * 3)
    drawn = [source.at(step, stack) for step in range(10 * BLOCK)]
    _, exact = loss.gradient(stack)
    for index, wanted in enumerate(exact):
        sampled = np.stack([one[index] for one in drawn])
        error = sampled.std(axis=0) / len(drawn) ** 0.5
        assert np.all(np.abs(sampled.mean(axis=0) - wanted) < 5.0 * error + 1e-12)


@pytest.mark.parametrize("optimiser", Optimiser)
def test_a_run_has_the_same_digits_whatever_stack_it_is_in(optimiser: Optimiser) -> None:
    problem = problem_of(2, noise=0.2)
    whole = raced(problem, optimiser, Initialisation.ORTHOGONAL, range(5), steps=60)
    parts = [raced(problem, optimiser, Initialisation.ORTHOGONAL, runs, steps=60) for runs in (range(2), range(2, 5))]
    for column in fields(whole):
        joined = np.concatenate([getattr(part, column.name) for part in parts])
        assert np.array_equal(joined, getattr(whole, column.name), equal_nan=True), column.name
    other = raced(problem, optimiser, Initialisation.ORTHOGONAL, range(5), steps=60, seed=5)
    assert not np.array_equal(other.loss, whole.loss)


@pytest.mark.parametrize("optimiser", [Optimiser.GD, Optimiser.ADAM, Optimiser.LBFGS])
def test_large_starts_reach_the_minimum_and_none_goes_below_it(optimiser: Optimiser) -> None:
    found = raced(problem_of(1, noise=0.1), optimiser, Initialisation.ORTHOGONAL, range(4), steps=3000)
    assert names(found) == [Outcome.MINIMUM] * 4
    assert np.all(found.gap > -1e-9)
    assert np.all(found.reached[:, 0] > 0)
    assert np.all(found.curve >= (found.loss / (1.0 + found.gap))[:, None] * (1.0 - 1e-9))


@pytest.mark.parametrize("optimiser", [Optimiser.GD, Optimiser.ADAM, Optimiser.LBFGS])
def test_starts_that_are_proved_trapped_end_at_the_origin(optimiser: Optimiser) -> None:
    problem = problem_of(3, decay=0.05)
    found = raced(problem, optimiser, Initialisation.BALANCED_SMALL, range(4), steps=1500)
    assert not solve(problem).solution.minimum.trivial
    assert found.trapped.all()
    assert names(found) == [Outcome.ORIGIN] * 4
    assert found.least_hessian_eigenvalue == pytest.approx(0.1, rel=0.05)
    assert not raced(problem, optimiser, Initialisation.XAVIER, range(4), steps=2).trapped.any()


def test_decoupled_decay_is_neither_success_nor_failure() -> None:
    found = raced(problem_of(1), Optimiser.ADAMW, Initialisation.XAVIER, range(3), steps=800)
    assert names(found) == [Outcome.DIFFERENT_OBJECTIVE] * 3
    assert np.all(found.gap > 1e-3)
    free = raced(problem_of(1, decay=0.0), Optimiser.ADAMW, Initialisation.XAVIER, range(3), steps=3000)
    assert names(free) == [Outcome.MINIMUM] * 3


def test_a_rate_that_is_too_large_diverges_without_a_warning() -> None:
    found = raced(problem_of(2), Optimiser.GD, Initialisation.XAVIER, range(3), learning_rate=10.0)
    assert names(found) == [Outcome.DIVERGED] * 3
    assert np.isnan(found.curve[:, -1]).all()


def test_too_few_steps_are_unfinished() -> None:
    found = raced(problem_of(2), Optimiser.GD, Initialisation.XAVIER, range(3), steps=5)
    assert names(found) == [Outcome.UNFINISHED] * 3


def test_steps_too_short_to_leave_the_start_are_unfinished_and_samples_cannot_be_made_up() -> None:
    problem = problem_of(1, decay=1e-4)
    found = raced(problem, Optimiser.GD, Initialisation.BALANCED_SMALL, range(2), learning_rate=1e-9, steps=3)
    assert names(found) == [Outcome.UNFINISHED] * 2
    with pytest.raises(ValueError, match="samples"):
        raced(Problem(problem.network, problem.data), Optimiser.SGD, Initialisation.XAVIER, range(1))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_curvature_bound_lies_above_the_hessian(depth: int) -> None:
    problem = problem_of(depth, noise=0.3)
    for scheme in Initialisation:
        stack = start(problem.network, 4, scheme, 2, range(3))
        bound = curvature_bound(problem, stack, BatchedLoss(problem).of(stack, decayed=False))
        for run in range(3):
            hessian = hessian_of(problem.network, problem.data, single(problem.network, stack, run))
            assert np.linalg.eigvalsh(hessian)[-1] <= bound[run]


def test_starts_are_what_their_names_say() -> None:
    network = problem_of(2).network
    balanced = start(network, 4, Initialisation.BALANCED_SMALL, 0, range(2))
    for below, above in pairwise(balanced):
        np.testing.assert_allclose(above.swapaxes(1, 2) @ above, below @ below.swapaxes(1, 2), atol=1e-15)
    assert norms_of(balanced) == pytest.approx(0.1 * 3**0.5)
    for array in start(network, 4, Initialisation.ORTHOGONAL, 0, range(2)):
        assert np.linalg.svd(array, compute_uv=False) == pytest.approx(1.0)
    wide = start(Network((Layer(400), Layer(1))), 100, Initialisation.KAIMING, 0, range(1))
    assert wide[0].std() == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize(("successes", "runs"), [(0, 10), (3, 7), (50, 50), (1, 1000)])
def test_wilson_interval_is_that_of_scipy(successes: int, runs: int) -> None:
    wanted = binomtest(successes, runs).proportion_ci(method="wilson")
    assert wilson_interval(successes, runs) == pytest.approx((wanted.low, wanted.high), abs=1e-12)
