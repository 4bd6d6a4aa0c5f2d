"""A sweep on one table equals as many single solutions, for every parameter."""

from dataclasses import fields, replace

import numpy as np
import pytest

from service.core.asked.sweeps.axes import Axis
from service.core.asked.sweeps.one_by_one import one_by_one
from service.core.asked.sweeps.points import sweep_of
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem, Samples
from service.vocabulary import Bias, SweepParameter
from tests.support.one_output_cases import FOUR_ROOTS, SIX_ROOTS, network

ACCURACY = 1e-11
SQUARED = ("loss", "fit", "noise", "decay", "prediction_variance", "evaluation_fit")


def random_problem(seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    inputs, depth, n = int(rng.integers(1, 8)), seed % 5, int(rng.integers(2, 30))
    x = rng.normal(size=(n, inputs)) * 10.0 ** rng.uniform(-1.5, 0.0, inputs) + rng.normal(size=inputs)
    y = x @ rng.normal(size=(inputs, 1)) + rng.normal(size=(n, 1))
    held_out = moments_of(rng.normal(size=(20, inputs)) + 1.0, rng.normal(size=(20, 1)))
    hidden = (
        Layer(
            int(rng.integers(1, 5)),
            weight_decay=float(10.0 ** rng.uniform(-3, 0)),
            noise_variance=float(rng.choice([0.0, 0.5])),
        )
        for _ in range(depth)
    )
    layers = (*hidden, Layer(1, weight_decay=0.1))
    bias = Bias(rng.choice(["none", "all", "output"]))
    noise = float(rng.choice([0.0, 0.2]))
    described = Network(layers, input_noise_variance=noise, bias=bias, bias_weight_decays=(0.0,) * (depth + 1))
    return Problem(described, moments_of(x, y), Samples(x, y), evaluation=held_out)


def values_of(parameter: SweepParameter, rng: np.random.Generator) -> FloatArray:
    if parameter is SweepParameter.WIDTH:
        return rng.integers(1, 50, 8).astype(float)
    return np.append(10.0 ** rng.uniform(-3.0, 1.5, 8), 0.0)


def assert_same(base: Problem, parameter: SweepParameter, values: FloatArray) -> None:
    swept, single = sweep_of(base, parameter, values), one_by_one(base, [Axis(parameter, values)])
    for entry in fields(swept):
        found, expected = getattr(swept, entry.name), getattr(single, entry.name)
        if expected is None:
            assert found is None
        elif entry.name in SQUARED:
            scale = base.data.yy if entry.name != "evaluation_fit" else max(base.data.yy, float(np.abs(expected).max()))
            assert np.abs(found - expected).max() <= ACCURACY * scale, entry.name
        elif entry.name in ("norm", "parameter_norm"):
            np.testing.assert_allclose(found, expected, rtol=1e-8, atol=ACCURACY, err_msg=entry.name)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=entry.name)


@pytest.mark.parametrize("parameter", [one for one in SweepParameter if one is not SweepParameter.DEPTH])
@pytest.mark.parametrize("seed", range(25))
def test_sweep_equals_single_solutions(seed: int, parameter: SweepParameter) -> None:
    assert_same(random_problem(seed), parameter, values_of(parameter, np.random.default_rng(seed)))


@pytest.mark.parametrize("case", [FOUR_ROOTS, SIX_ROOTS])
def test_sweep_across_several_jumps(case: tuple[Moments, float]) -> None:
    moments, decay = case
    base = Problem(network(2, decay), moments, evaluation=moments)
    assert_same(base, SweepParameter.DECAY_SCALE, np.geomspace(1e-3, 1e2, 40))
    noisy = Problem(network(2, 1e-3, noise=0.5), moments)
    assert_same(noisy, SweepParameter.NOISE_VARIANCE, np.geomspace(1e-2, 1e5, 40))


def test_widths_up_to_a_million_and_a_single_value() -> None:
    base = replace(random_problem(2), evaluation=None)
    assert_same(base, SweepParameter.WIDTH, np.array([1.0, 1e3, 1e6]))
    assert_same(base, SweepParameter.DECAY_SCALE, np.array([1.0]))


def test_sweep_of_an_uncorrelated_target() -> None:
    base = random_problem(3)
    nothing = replace(base.data, xy=np.zeros_like(base.data.xy), x_mean=None, y_mean=None)
    plain = Problem(network(3, 0.1, noise=0.2), nothing)
    for parameter in SweepParameter:
        assert_same(plain, parameter, np.array([1.0, 2.0]))
