"""Weights of a network with noisy hidden layers whose units all carry the same load.

See ``docs/theory/dropout.md``.
"""

from dataclasses import replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters, UniformColumn, columns_of
from service.core.ground.problems import Problem
from service.core.several_outputs.noise.water_filling import noisy_layers
from service.core.several_outputs.squared_error.quadratic import Quadratic
from service.core.several_outputs.weights.equalised import equal_loads
from service.core.several_outputs.weights.layers import Frame, aligned_layers


def noisy_parameters(
    problem: Problem,
    quadratic: Quadratic,
    left: FloatArray,
    shrunk: FloatArray,
    inner: FloatArray,
    shift: float = 1.0,
) -> Parameters:
    """Layers of the map ``left diag(shrunk) inner^T`` with equal loads in noisy layers.

    Parameters
    ----------
    problem : Problem
        With at least one noisy hidden layer; with several, ``shrunk`` has at most one entry.
    quadratic : Quadratic
    left : (k, r) array
        Orthonormal columns.
    shrunk : (r,) array
        Singular values in white coordinates.
    inner : (d, r) array
        Right singular vectors in white coordinates, expressed for the inputs as they are.
    shift : float
        Layers with decay are divided by it and others grow, which changes no prediction; for weights on the way to
        an infimum that is not attained.
    """
    network, decays = problem.network, problem.network.weight_decays
    noisy = noisy_layers(network)
    frames: dict[int, Frame] = {}
    for index in noisy:
        width = network.hidden_widths[index]
        if shrunk.size == 1:
            frames[index] = UniformColumn(float(width**-0.5), width)
        else:
            frames[index] = equal_loads(shrunk, width).T
    # half of every singular value on either side of the first noisy layer, as the loads need
    below = noisy[0] + 1
    above = network.n_layers - below
    shares = [shrunk ** (0.5 / below)] * below + [shrunk ** (0.5 / above)] * above
    if np.all(decays > 0.0):
        balance = float((decays[0] / quadratic.mean_square / decays[1]) ** 0.25)
        shares = [shares[0] / balance, shares[1] * balance]
    shares = [share * factor for share, factor in zip(shares, shift_factors(decays, shift), strict=True)]
    end_map = (left * shrunk) @ inner.T
    parameters = aligned_layers(network, left, shares, inner, quadratic.offset(end_map), frames)
    return _with_centred_units(problem, quadratic, parameters)


def shift_factors(decays: FloatArray, shift: float) -> FloatArray:
    """Factors (L,) of the layers with product 1 that divide decayed layers by ``shift``."""
    free = int(np.count_nonzero(decays == 0.0))
    if shift == 1.0 or free == 0:
        return np.ones(decays.size)
    growth = shift ** ((decays.size - free) / free)
    return np.where(decays > 0.0, 1.0 / shift, growth)


def _with_centred_units(problem: Problem, quadratic: Quadratic, parameters: Parameters) -> Parameters:
    """Where every layer has a bias: the first takes the mean off, so that noise acts on the variance alone."""
    if quadratic.x_mean is None or quadratic.y_mean is None or not problem.network.has_bias(0):
        return parameters
    weight = parameters.weights[0]
    shift = -weight.values * (columns_of(weight.right).T @ quadratic.x_mean)
    first = FactoredMatrix(weight.left, shift, np.ones((1, weight.values.size)))
    last = FactoredMatrix(quadratic.y_mean.reshape(-1, 1), np.ones(1), np.ones((1, 1)))
    return replace(parameters, biases=(first, *parameters.biases[1:-1], last))
