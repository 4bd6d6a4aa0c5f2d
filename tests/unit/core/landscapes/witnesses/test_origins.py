"""Witnesses about the origin: offsets that fit the mean error best, whatever the decay of the bias."""

import numpy as np
import pytest

from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.landscapes.witnesses.objective import evaluated
from service.core.landscapes.witnesses.origins import decayed_origin
from service.vocabulary import Activation, Bias


def decayed(outputs: int, activation: Activation, bias_decay: float, noise: float = 0.0) -> Problem:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(20, 3)) + 0.5
    y = 3.0 * x @ rng.normal(size=(3, outputs)) + 2.0
    hidden = Layer(4, activation, weight_decay=0.01, noise_variance=noise)
    network = Network((hidden, hidden, Layer(outputs, weight_decay=0.01)), 0.0, Bias.OUTPUT, (0.0, 0.0, bias_decay))
    return Problem(network, moments_of(x, y), Samples(x, y))


@pytest.mark.parametrize("bias_decay", [0.0, 0.01, 0.7, 5.0])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize(
    ("activation", "noise"), [(Activation.RELU, 0.0), (Activation.LINEAR, 0.0), (Activation.LINEAR, 0.2)]
)
def test_the_offset_leaves_no_gradient(bias_decay: float, outputs: int, activation: Activation, noise: float) -> None:
    problem = decayed(outputs, activation, bias_decay, noise)
    samples = problem.samples
    assert samples is not None
    found = decayed_origin(problem)
    assert found is not None
    gradient = evaluated(problem, samples, found.point).gradient
    scale = float(np.abs(samples.y).max())
    for part in (*gradient.weights, gradient.biases[-1]):
        assert part is not None
        assert np.abs(part).max() <= 1e-12 * scale
    # far from the mean of the targets under a large decay, and never beyond it
    offset, mean = found.point.biases[-1], samples.y.mean(axis=0)
    assert offset is not None
    assert offset == pytest.approx(mean / (1.0 + bias_decay), rel=1e-12)
    assert found.better is not None
    better = evaluated(problem, samples, found.better)
    assert better.loss < evaluated(problem, samples, found.point).loss
