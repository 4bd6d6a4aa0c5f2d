"""Ranks of decayed matrices at stationary points, against networks that are trained until they rest."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.losses.dense import unflatten
from service.core.pictures.objective import objective_of, shape_of
from service.core.ranks.rule import apply
from service.core.ranks.rules.at_rest import RULE
from service.core.ranks.setting import Setting
from service.core.ranks.training import Training
from service.vocabulary import Activation, Bias, Dynamics, Loss

INPUTS, SAMPLES = 6, 30
TANH = Activation.TANH


def problem(
    widths: tuple[int, ...],
    *,
    bias: Bias = Bias.NONE,
    bias_decay: float = 0.0,
    bent: tuple[int, ...] = (),
    loss: Loss = Loss.SQUARED,
    decay: float = 0.02,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Problem:
    """A network with decay on all weights and tanh behind the layers ``bent``, on targets that need all directions."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, INPUTS)) + 0.7
    y = np.tanh(x @ rng.normal(size=(INPUTS, widths[-1]))) * 2.0 + rng.normal(size=widths[-1])
    if loss is not Loss.SQUARED:
        y = np.where(y > np.median(y, axis=0), 1.0, -1.0)
    layers = tuple(
        Layer(width, TANH if number in bent else Activation.LINEAR, weight_decay=decay * (1.0 + 0.3 * number))
        for number, width in enumerate(widths, start=1)
    )
    network = Network(layers, bias=bias, bias_weight_decays=(bias_decay,) * len(widths))
    return Problem(network, moments_of(x, y), Samples(x, y), loss)


def at_rest(posed: Problem, seed: int) -> tuple[tuple[FloatArray, ...], float]:
    """Weights after training from a random start, and what is left of the gradient."""
    objective, like = objective_of(posed), shape_of(posed)
    size = sum(weight.size for weight in like.weights) + sum(row.size for row in like.biases if row is not None)
    theta = 0.7 * np.random.default_rng(seed).normal(size=size)
    for _ in range(4):
        found = minimize(objective.slope, theta, jac=True, method="L-BFGS-B", options={"maxiter": 4000, "ftol": 0.0})
        theta = found.x
    return unflatten(theta, like).weights, float(np.linalg.norm(objective.slope(theta)[1]))


CASES = {
    "6-8-8-2": (problem((8, 8, 2)), [2, 2, 2]),
    "narrow": (problem((8, 2, 8, 4)), [2, 2, 2, 2]),
    "one output": (problem((8, 8, 1)), [1, 1, 1]),
    "few samples": (problem((8, 8, 7), samples=4), [4, 4, 4]),
    "one output, all biases, decayed": (problem((8, 8, 1), bias=Bias.ALL, bias_decay=0.02), [1, 1, 1]),
    "all biases, decayed": (problem((8, 1, 8, 4), bias=Bias.ALL, bias_decay=0.02), [1, 1, 1, 2]),
    "all biases, free": (problem((8, 1, 8, 4), bias=Bias.ALL), [1, 1, 1, 1]),
    "hidden biases, decayed": (problem((8, 1, 8, 4), bias=Bias.HIDDEN, bias_decay=0.02), [1, 1, 1, 2]),
    "output bias, decayed": (problem((8, 1, 8, 4), bias=Bias.OUTPUT, bias_decay=0.02), [1, 1, 1, 1]),
    "bent first": (problem((8, 7, 3), bent=(1,)), [6, 3, 3]),
    "bent last": (problem((2, 8, 3), bent=(2,)), [2, 2, 3]),
    "logistic": (problem((8, 8, 2), loss=Loss.LOGISTIC), [2, 2, 2]),
}


@pytest.mark.parametrize("name", CASES)
def test_matrices_at_rest_have_no_higher_rank(name: str) -> None:
    posed, expected = CASES[name]
    found = apply(RULE, Setting(posed, INPUTS, Training(dynamics=Dynamics.GRADIENT_FLOW)))
    assert found.applies is (None if name == "all biases, free" else True)
    assert [found.claims[layer].bound for layer in range(1, len(expected) + 1)] == expected
    for seed in range(3):
        weights, gradient = at_rest(posed, seed)
        assert gradient < 1e-4
        for weight, rank, layer in zip(weights, expected, posed.network.layers, strict=True):
            # W_l differs from a matrix of that rank by the gradient over 2 g_l
            rest = np.linalg.svd(weight, compute_uv=False)[rank:]
            assert rest.max(initial=0.0) <= gradient / (2.0 * layer.weight_decay) + 1e-12


def test_an_offset_that_decays_is_seen_as_one_rank_more() -> None:
    posed, expected = CASES["all biases, decayed"]
    weights, _ = at_rest(posed, 0)
    assert expected[3] == 2
    assert np.linalg.svd(weights[3], compute_uv=False)[1] > 1e-2


def test_noise_adds_a_little_to_the_rank() -> None:
    posed = problem((6, 6, 2), decay=0.01, seed=1)
    *hidden, last = posed.network.layers
    noisy = (*(replace(layer, noise_variance=0.3) for layer in hidden), last)
    posed = replace(posed, network=replace(posed.network, layers=noisy))
    weights, gradient = at_rest(posed, 1)
    third = np.linalg.svd(weights[0], compute_uv=False)[2]
    assert 0.02 > third > 4.0 * gradient / (2.0 * hidden[0].weight_decay)
    assert apply(RULE, Setting(posed, INPUTS)).applies is False


def test_only_decayed_and_trained_matrices_are_bounded() -> None:
    posed = problem((8, 8, 2))
    first, second, last = posed.network.layers
    layers = (replace(first, weight_decay=0.0), replace(second, frozen_weights=np.eye(8)), last)
    found = apply(RULE, Setting(replace(posed, network=replace(posed.network, layers=layers)), INPUTS))
    assert found.applies is None
    assert set(found.claims) == {3}
