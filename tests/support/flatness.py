"""Random linear networks whose minima are looked at for flatness."""

from dataclasses import replace

import numpy as np

from service.core.flatness.flattest import Flattest, flattest, flattest_norms, flattest_weights
from service.core.flatness.tangents import tangents_of
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.losses.dense import DenseParameters
from service.vocabulary import Bias


def instance(
    layers: int,
    outputs: int,
    seed: int,
    *,
    bias: Bias = Bias.NONE,
    white: bool = False,
    decay: float = 0.0,
    width: int = 4,
    inputs: int = 4,
    noise: float = 0.0,
) -> Problem:
    """Samples of skewed, shifted inputs; or of white ones, centred where there is a bias."""
    rng, count = np.random.default_rng(seed), 40
    x = rng.standard_normal((count, inputs)) * np.exp(0.5 * rng.standard_normal(inputs)) + rng.standard_normal(inputs)
    if white:
        x = x - x.mean(axis=0) if bias is not Bias.NONE else x
        x = 1.3 * np.sqrt(count) * np.linalg.qr(x)[0]
    y = x @ rng.standard_normal((inputs, outputs)) + 0.5 * rng.standard_normal((count, outputs)) + 1.0
    hidden = (Layer(width, weight_decay=decay, noise_variance=noise),) * (layers - 1)
    network = Network((*hidden, Layer(outputs, weight_decay=decay)), bias=bias, bias_weight_decays=(0.0,) * layers)
    return Problem(network, moments_of(x, y), Samples(x, y))


def at_flattest(problem: Problem) -> tuple[Flattest, Problem, DenseParameters]:
    """The flattest minimum, and its weights in a network whose hidden layers are as wide as the map needs."""
    tangents = tangents_of(problem)
    frame = tangents.singular
    weights = flattest_weights(tangents, frame, flattest_norms(tangents, frame)[0])
    hidden = tuple(replace(layer, width=frame.values.size) for layer in problem.network.layers[:-1])
    narrow = replace(problem.network, layers=(*hidden, problem.network.layers[-1]))
    return flattest(tangents), replace(problem, network=narrow), DenseParameters(tuple(weights), offsets(problem))


def offsets(problem: Problem) -> tuple[FloatArray | None, ...]:
    """The best output bias beside the least-squares map, where there is one."""
    last: FloatArray | None = None
    if problem.network.has_bias(problem.network.n_layers - 1):
        samples = problem.samples
        assert samples is not None
        last = samples.y.mean(axis=0) - tangents_of(problem).least_squares @ samples.x.mean(axis=0)
    return (*(None,) * (problem.network.n_layers - 1), last)


def another_minimum(problem: Problem, seed: int) -> DenseParameters:
    """Weights of a network of full width with the least-squares map, by random invertible factors between layers."""
    rng, map_ = np.random.default_rng(seed), tangents_of(problem).least_squares
    layers, width = problem.network.n_layers, problem.network.hidden_widths[0]
    factors = [np.eye(width) + 0.4 * rng.standard_normal((width, width)) for _ in range(layers - 1)]
    scale = np.exp(0.3 * rng.standard_normal())
    # the map goes through the first rows of the hidden layers
    left, values, right = np.linalg.svd(map_, full_matrices=False)
    share = values ** (1.0 / layers)
    first = np.zeros((width, map_.shape[1]))
    first[: share.size] = scale * share[:, None] * right
    middle = np.zeros((width, width))
    middle[: share.size, : share.size] = np.diag(share)
    last = np.zeros((map_.shape[0], width))
    last[:, : share.size] = left * share / scale
    chain = [first, *[middle] * (layers - 2), last]
    moved = []
    for index, weight in enumerate(chain):
        before = np.linalg.inv(factors[index - 1]) if index else np.eye(map_.shape[1])
        after = factors[index] if index < layers - 1 else np.eye(map_.shape[0])
        moved.append(after @ weight @ before)
    return DenseParameters(tuple(moved), offsets(problem))
