"""Whether weights are at rest does not depend on how layers share a product."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.bounds.linear_checks import certificate
from service.core.dispatch import solve
from service.core.ground.data.conditioned import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix
from service.core.ground.problems import Layer, Network, Problem
from service.core.ground.results import Check, Minima
from service.vocabulary import Bias


def answered(decays: FloatArray, seed: int, bias: Bias = Bias.NONE) -> tuple[Problem, Minima]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((30, 3))
    y = x @ rng.standard_normal((3, 2)) + 0.1 * rng.standard_normal((30, 2)) + 1.0
    # white inputs about zero, so that every depth and decay has a closed form
    x = np.linalg.qr(x - x.mean(axis=0))[0] * np.sqrt(30.0)
    layers = tuple(Layer(width, weight_decay=float(decay)) for width, decay in zip((3, 3, 2), decays, strict=True))
    problem = Problem(Network(layers, bias=bias), moments_of(x, y))
    return problem, solve(problem)


def gradient_check(problem: Problem, found: Minima, factors: tuple[float, ...]) -> Check:
    """That of the weights with each layer multiplied."""
    parameters = found.solution.minimum.parameters
    assert parameters is not None
    weights = tuple(
        FactoredMatrix(weight.left, weight.values * factor, weight.right)
        for weight, factor in zip(parameters.weights, factors, strict=True)
    )
    moved = replace(found.solution.minimum, parameters=replace(parameters, weights=weights))
    told = certificate(problem, replace(found.solution, minimum=moved), lambda _: 0.0, "none")
    return next(check for check in told.checks if check.name == "gradient_norm")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT])
@pytest.mark.parametrize("ratio", [1.0, 1e6, 1e-6, 1e12])
def test_layers_of_very_unequal_decay_are_at_rest(ratio: float, bias: Bias, seed: int) -> None:
    problem, found = answered(np.array([1e-3 * ratio, 1e-3 / ratio, 1e-3]), seed, bias)
    assert not found.solution.minimum.trivial
    assert gradient_check(problem, found, (1.0, 1.0, 1.0)).passed
    assert found.certificate.holds


@pytest.mark.parametrize("ratio", [1.0, 1e6, 1e-6])
@pytest.mark.parametrize("moved", range(3))
def test_a_layer_that_is_off_by_a_millionth_is_seen_whatever_its_norm(moved: int, ratio: float) -> None:
    problem, found = answered(np.array([1e-3 * ratio, 1e-3 / ratio, 1e-3]), 0)
    factors = [1.0, 1.0, 1.0]
    factors[moved] = 1.0 + 1e-6
    # decays of 1e-3 cost some thousandth of the loss of zero: a millionth more of a layer is above 1e-8 of that
    assert not gradient_check(problem, found, (factors[0], factors[1], factors[2])).passed


def test_undecayed_layers_share_a_product_as_they_like() -> None:
    problem, found = answered(np.zeros(3), 1)
    assert gradient_check(problem, found, (1e8, 1e-8, 1.0)).passed
    assert gradient_check(problem, found, (1e-8, 1.0, 1e8)).passed
    assert not gradient_check(problem, found, (1.0 + 1e-6, 1.0, 1.0)).passed
