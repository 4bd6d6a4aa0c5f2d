"""Global minima of linear networks without decay: the flattest, and others with the same map."""

import numpy as np

from service.core.flatness.flattest import SharpnessBounds
from service.core.ground.data.conditioned import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.losses.dense import DenseParameters
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.vocabulary import Bias


def random_problem(
    rng: np.random.Generator,
    *,
    inputs: int,
    widths: tuple[int, ...],
    white: bool = False,
    bias: Bias = Bias.NONE,
    decay: float = 0.0,
) -> Problem:
    """Random samples of a random map with errors, inputs of unlike sizes unless they are white."""
    samples = 4 * (inputs + widths[-1]) + 10
    x = rng.normal(size=(samples, inputs)) * np.exp(rng.normal(scale=0.5, size=inputs))
    if bias is not Bias.NONE:
        x = x + rng.normal(size=inputs)
    if white:
        x = np.linalg.qr(x)[0] * np.sqrt(samples) * rng.uniform(0.5, 2.0)
    y = x @ rng.normal(size=(inputs, widths[-1])) + rng.normal(size=(samples, widths[-1]))
    network = Network(tuple(Layer(width, weight_decay=decay) for width in widths), bias=bias)
    return Problem(network, moments_of(x, y), Samples(x, y))


def flattest_weights(problem: Problem, bounds: SharpnessBounds) -> DenseParameters:
    """Weights that reach the bound: a first layer of its own scale, aligned layers of one singular value above it."""
    quadratic, layers = quadratic_of(problem), problem.network.n_layers
    best = quadratic.expand((quadratic.target / quadratic.scales).T).T
    scale = 0.0 if bounds.scale is None else bounds.scale
    each = np.exp(scale / (layers - 1))
    left, singular, right = np.linalg.svd(best, full_matrices=False)
    used = min(len(singular), *problem.network.hidden_widths)
    first = np.zeros((problem.network.layers[0].width, best.shape[1]))
    first[:used] = singular[:used, None] * right[:used] / np.exp(scale)
    weights = [first]
    for layer in problem.network.layers[1:-1]:
        middle = np.zeros((layer.width, len(weights[-1])))
        middle[range(used), range(used)] = each
        weights.append(middle)
    last = np.zeros((problem.network.outputs, len(weights[-1])))
    last[:, :used] = each * left[:, :used]
    biases: list[FloatArray | None] = [None] * layers
    if problem.network.has_bias(layers - 1):
        biases[-1] = quadratic.offset(best)
    return DenseParameters((*weights, last), tuple(biases))


def transformed(point: DenseParameters, rng: np.random.Generator, size: float) -> DenseParameters:
    """The same map by other weights: random invertible changes of the hidden coordinates, about as far as ``size``."""
    weights = [np.array(weight, dtype=np.float64) for weight in point.weights]
    for index in range(len(weights) - 1):
        width = len(weights[index])
        change = np.eye(width) + size * rng.normal(size=(width, width)) / np.sqrt(width)
        change = change * np.exp(size * rng.normal())
        weights[index] = change @ weights[index]
        weights[index + 1] = np.linalg.solve(change.T, weights[index + 1].T).T
    return DenseParameters(tuple(weights), point.biases)
