"""Errors on samples left out against one solution for each sample, over biases, noise, depth and conventions."""

import numpy as np
import pytest

from service.core.asked.selection.columns import WholeColumns, held_out_error, whole_columns
from service.core.asked.selection.folds import split_of_samples, trained_on
from service.core.asked.selection.leave_one_out import JUMP, LEVERAGE, TRUSTED
from service.core.asked.sweeps.axes import Axis
from service.core.ground.data.conditioned import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.vocabulary import Bias, SweepParameter

BIASES = (Bias.NONE, Bias.OUTPUT, Bias.ALL)


def problem_of(
    n: int,
    d: int,
    hidden: int,
    bias: Bias,
    *,
    noise: float = 0.0,
    input_noise: float = 0.0,
    outputs: int = 1,
    offset: float = 0.7,
    seed: int = 0,
    decay: float = 0.05,
) -> Problem:
    """A problem with a weak linear signal on data that are not centred."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * np.linspace(0.5, 2.0, d) + offset
    y = 0.4 * x @ rng.normal(size=(d, outputs)) + rng.normal(size=(n, outputs)) + offset
    layers = [Layer(4, weight_decay=decay, noise_variance=noise) for _ in range(hidden)]
    network = Network((*layers, Layer(outputs, weight_decay=decay)), input_noise_variance=input_noise, bias=bias)
    return Problem(network, moments_of(x, y), Samples(x, y))


def solved_one_by_one(problem: Problem, axis: Axis, *, summed: bool = False) -> FloatArray:
    """Mean squared error on each sample by the minimum without it."""
    samples = problem.samples
    assert samples is not None
    n = len(samples.x)
    total = np.zeros(axis.values.size)
    for index in range(n):
        split = split_of_samples(samples.x, samples.y, np.array([index]))
        total += held_out_error(*trained_on(problem, axis, split, summed=summed))
    return total / n


def relative(found: WholeColumns, exact: FloatArray) -> FloatArray:
    assert found.left_out is not None
    return np.abs(found.left_out - exact) / exact


@pytest.mark.parametrize("summed", [False, True])
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("outputs", [1, 3])
def test_without_hidden_layers_it_is_exact(outputs: int, bias: Bias, summed: bool) -> None:
    problem = problem_of(25, 4, 0, bias, outputs=outputs)
    axis = Axis(SweepParameter.DECAY_SCALE, np.geomspace(1e-4, 100.0, 5))
    found = whole_columns(problem, axis, summed=summed)
    assert found.quadratic
    assert relative(found, solved_one_by_one(problem, axis, summed=summed)).max() < 1e-10


@pytest.mark.parametrize("summed", [False, True])
@pytest.mark.parametrize("noise", [0.0, 0.6])
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("hidden", [1, 2, 3])
def test_hidden_layers_are_met_where_a_step_is_trusted(hidden: int, bias: Bias, noise: float, summed: bool) -> None:
    problem = problem_of(60, 4, hidden, bias, noise=noise, seed=hidden)
    axis = Axis(SweepParameter.DECAY_SCALE, np.geomspace(1e-2, 3.0, 12))
    found = whole_columns(problem, axis, summed=summed)
    trusted = found.doubt == TRUSTED
    assert not found.quadratic
    assert trusted.sum() >= 6
    errors = relative(found, solved_one_by_one(problem, axis, summed=summed))[trusted]
    assert errors.max() < 1e-2
    # where little decays the step is as good as the curvature that it is made of
    assert errors.min() < 2e-5


def test_noise_and_widths_are_followed() -> None:
    problem = problem_of(40, 3, 2, Bias.OUTPUT, noise=0.5, decay=0.02)
    for parameter, values in (
        (SweepParameter.NOISE_VARIANCE, [0.0, 0.3, 2.0]),
        (SweepParameter.WIDTH, [1.0, 3.0, 30.0]),
    ):
        axis = Axis(parameter, np.array(values))
        found = whole_columns(problem, axis, summed=False)
        trusted = found.doubt == TRUSTED
        assert trusted.any()
        assert relative(found, solved_one_by_one(problem, axis))[trusted].max() < 1e-2


@pytest.mark.parametrize("summed", [False, True])
@pytest.mark.parametrize("bias", BIASES)
def test_noise_on_inputs_is_followed(bias: Bias, summed: bool) -> None:
    for hidden, noise, allowed in ((0, 0.0, 1e-10), (1, 0.0, 3e-3), (2, 0.4, 3e-3)):
        problem = problem_of(60, 4, hidden, bias, input_noise=0.2, noise=noise)
        axis = Axis(SweepParameter.DECAY_SCALE, np.geomspace(1e-2, 1.0, 4))
        found = whole_columns(problem, axis, summed=summed)
        assert found.quadratic == (hidden == 0)
        trusted = found.doubt == TRUSTED
        assert trusted.sum() >= 3
        assert relative(found, solved_one_by_one(problem, axis, summed=summed))[trusted].max() < allowed


def test_next_to_a_jump_nothing_is_said() -> None:
    problem = problem_of(40, 3, 2, Bias.NONE, offset=0.0)
    axis = Axis(SweepParameter.DECAY_SCALE, np.geomspace(0.1, 100.0, 400))
    found = whole_columns(problem, axis, summed=False)
    jump = int(np.argmax(found.trivial))
    assert 0 < jump < 399
    assert found.doubt[jump] == JUMP
    assert found.doubt[jump - 1] == JUMP
    assert found.doubt[-1] == TRUSTED
    samples = problem.samples
    assert samples is not None
    assert found.left_out is not None
    assert found.left_out[-1] == pytest.approx(float(np.mean(samples.y**2)), rel=1e-12)


def test_a_sample_that_alone_decides_a_direction_is_told() -> None:
    x = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
    y = np.array([[1.0], [2.1], [2.9], [1.0]])
    problem = Problem(Network((Layer(1),)), moments_of(x, y), Samples(x, y))
    found = whole_columns(problem, Axis(SweepParameter.WEIGHT_DECAY, np.array([0.0, 0.1])), summed=False)
    assert found.doubt.tolist() == [LEVERAGE, TRUSTED]


@pytest.mark.parametrize("bias", [Bias.HIDDEN])
def test_biases_that_centre_only_centred_data_have_no_step(bias: Bias) -> None:
    problem = problem_of(12, 2, 1, Bias.NONE, offset=0.0)
    samples = problem.samples
    assert samples is not None
    x, y = samples.x - samples.x.mean(axis=0), samples.y - samples.y.mean(axis=0)
    network = Network(problem.network.layers, bias=bias)
    found = whole_columns(
        Problem(network, moments_of(x, y), Samples(x, y)), Axis(SweepParameter.DECAY_SCALE, np.ones(1)), summed=False
    )
    assert found.left_out is None
    assert "centred" in found.left_out_reason
