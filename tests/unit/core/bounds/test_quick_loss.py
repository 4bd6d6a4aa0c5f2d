"""Losses from well-scaled moments, those under a bias of the output among them, against rationals."""

from fractions import Fraction

import numpy as np
import pytest

from service.core.bounds.quick import quick_loss
from service.core.ground.data.conditioned import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem
from service.core.losses.chain import ChainLoss, chain_loss, chain_of
from service.core.solvers.scalar_output import solve
from service.vocabulary import Bias


def exact_fit(x: FloatArray, y: FloatArray, found: ChainLoss) -> Fraction:
    """Mean squared error over the samples of a map and an offset, taken as they are."""
    weights, offset = [Fraction(weight) for weight in found.end_to_end_map.tolist()], Fraction(found.offset)
    total = Fraction(0)
    for row, target in zip(x.tolist(), y[:, 0].tolist(), strict=True):
        misfit = sum((w * Fraction(value) for w, value in zip(weights, row, strict=True)), offset) - Fraction(target)
        total += misfit * misfit
    return total / len(x)


def sampled(seed: int, bias: Bias, offset: float) -> tuple[Problem, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    inputs, count = int(rng.integers(1, 5)), int(rng.integers(8, 40))
    x = rng.normal(size=(count, inputs)) + offset * rng.normal(size=inputs)
    y = x @ rng.normal(size=(inputs, 1)) + rng.normal(size=(count, 1)) + offset
    layers = (*(Layer(3, weight_decay=1e-3) for _ in range(seed % 3)), Layer(1, weight_decay=1e-3))
    return Problem(Network(layers, bias=bias), moments_of(x, y)), x, y


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e3])
@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT])
def test_the_error_covers_the_samples_themselves(bias: Bias, offset: float) -> None:
    told = 0
    for seed in range(12):
        problem, x, y = sampled(seed, bias, offset)
        parameters = solve(problem).minimum.parameters
        assert parameters is not None
        chain = chain_of(problem.network, parameters)
        assert chain is not None
        evaluated = chain_loss(problem.network, problem.data, chain)
        found = quick_loss(problem, evaluated)
        if found is None:
            continue
        told += 1
        assert abs(Fraction(found.terms.fit) - exact_fit(x, y, evaluated)) <= Fraction(found.error)
    # without a bias a large mean makes second moments ill-conditioned, and their root tells the loss
    if bias is Bias.OUTPUT or offset <= 1.0:
        assert told >= 6


def test_an_offset_in_which_the_mean_drowns_is_left_to_the_samples() -> None:
    problem, _, _ = sampled(1, Bias.OUTPUT, 1e12)
    parameters = solve(problem).minimum.parameters
    assert parameters is not None
    chain = chain_of(problem.network, parameters)
    assert chain is not None
    assert quick_loss(problem, chain_loss(problem.network, problem.data, chain)) is None


def test_noise_sees_what_a_bias_takes_off_and_is_left_to_the_samples() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2)) + 1.0
    y = x @ np.ones((2, 1)) + rng.normal(size=(30, 1))
    layers = (Layer(3, weight_decay=1e-3, noise_variance=0.2), Layer(1, weight_decay=1e-3))
    problem = Problem(Network(layers, bias=Bias.OUTPUT), moments_of(x, y))
    parameters = solve(problem).minimum.parameters
    assert parameters is not None
    chain = chain_of(problem.network, parameters)
    assert chain is not None
    assert quick_loss(problem, chain_loss(problem.network, problem.data, chain)) is None
