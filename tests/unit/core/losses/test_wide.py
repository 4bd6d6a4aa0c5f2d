"""Wide noisy layers without an array of a width times a width: equal to the plain recursion, and possible at 10^6."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Network, Problem
from service.core.losses import expected, wide
from service.core.losses.dense import DenseParameters
from service.vocabulary import Bias, Status

RNG = np.random.default_rng(3)
X = RNG.standard_normal((30, 3)) + 0.5
Y = X @ RNG.standard_normal((3, 2)) + RNG.standard_normal((30, 2))
MOMENTS = moments_of(X, Y)


@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT, Bias.ALL])
@pytest.mark.parametrize("widths", [(5,), (7, 2), (2, 7), (4, 5, 6)])
def test_equal_to_the_plain_recursion(bias: Bias, widths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(len(widths))
    layers = (*(Layer(width, weight_decay=0.1, noise_variance=0.3) for width in widths), Layer(2, weight_decay=0.2))
    network = Network(layers, 0.2, bias, (0.1,) * len(layers))
    sizes = (3, *widths, 2)
    weights = tuple(rng.standard_normal(shape) for shape in zip(sizes[1:], sizes[:-1], strict=True))
    biases = tuple(rng.standard_normal(layer.width) if network.has_bias(i) else None for i, layer in enumerate(layers))
    parameters = DenseParameters(weights, biases)

    def both() -> tuple[DenseParameters, float]:
        gradient = expected.gradient_of(network, MOMENTS, parameters)
        return gradient, expected.noise_variance(network, MOMENTS, parameters)

    gradient, variance = both()
    monkeypatch.setattr(wide, "WIDE", 1)
    factored, same = both()
    assert same == pytest.approx(variance, rel=1e-12)
    for ours, theirs in zip((*factored.weights, *factored.biases), (*gradient.weights, *gradient.biases), strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert ours == pytest.approx(theirs, rel=1e-10, abs=1e-10 * float(np.abs(theirs).max()))


def test_a_noisy_layer_of_many_units_costs_no_square_of_its_width() -> None:
    centred = moments_of(X - X.mean(axis=0), Y - Y.mean(axis=0))
    network = Network((Layer(100_000, noise_variance=0.5), Layer(2)), bias_weight_decays=(0.0, 0.0))
    answer = solve(Problem(network, centred))
    assert answer.status is Status.EXACT
    narrow = replace(network, layers=(Layer(100, noise_variance=0.0005), Layer(2)))
    assert answer.solution.minimum.loss == pytest.approx(
        solve(Problem(narrow, centred)).solution.minimum.loss, rel=1e-9
    )
