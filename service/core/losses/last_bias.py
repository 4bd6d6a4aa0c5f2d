"""The last bias at its best for the weights as they are rounded.

Far from zero an input multiplies the rounding of its weight by its mean.  The bias takes off what the weights make of
the means, so that one that is computed from the returned weights, in about twice the working precision, leaves its own
rounding only.
"""

from dataclasses import replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.twofold import Twofold, added, exactly, negated, product
from service.core.ground.parameters import FactoredMatrix, Parameters
from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum
from service.core.losses.dense import DenseParameters
from service.core.losses.exact_map import map_of_factors, map_of_matrices, offset_of_factors, offset_of_matrices
from service.core.losses.narrow import dense_or_narrow
from service.vocabulary import Loss

FELT = 2.0**16
"""What the weights make of the means, in deviations of the targets, below which its rounding is not felt: its square
is then 1e-22 of the variance."""


def with_last_bias(problem: Problem, minimum: GlobalMinimum) -> GlobalMinimum:
    """The minimum with a last bias that is the best for the weights to be returned.

    Weights are returned as factors or as matrices, which differ by the rounding of entries; the bias lies between the
    best of either.

    Notes
    -----
    Left as it is where the last layer has no bias or a decayed one, under losses that moments do not tell, and where
    the means are near zero.  O(k d).
    """
    network, data, parameters = problem.network, problem.data, minimum.parameters
    last = network.n_layers - 1
    if parameters is None or not network.has_bias(last) or data.x_mean is None or data.y_mean is None:
        return minimum
    if problem.loss is not Loss.SQUARED:
        return minimum
    if network.bias_weight_decays and network.bias_weight_decays[last]:
        return minimum
    reach = np.abs(minimum.end_to_end_map) @ np.abs(data.x_mean)
    if reach.max(initial=0.0) <= FELT * np.sqrt(max(data.central.yy, 0.0)):
        return minimum
    constant = _with_bias(parameters, np.zeros(data.outputs))
    _, dense = dense_or_narrow(network, constant)
    written = left_over(map_of_matrices(dense), offset_of_matrices(dense), data.x_mean, data.y_mean)
    factored = left_over(map_of_factors(constant), offset_of_factors(constant), data.x_mean, data.y_mean)
    # halved first, so that two large ones do not overflow
    best = added(Twofold(0.5 * written.high, 0.5 * written.low), Twofold(0.5 * factored.high, 0.5 * factored.low))
    chosen = best.rounded()[:, 0]
    dense = DenseParameters(dense.weights, (*dense.biases[:-1], chosen))
    offset = offset_of_matrices(dense).rounded()[:, 0]
    return replace(minimum, parameters=_with_bias(parameters, chosen), output_offset=offset)


def _with_bias(parameters: Parameters, bias: FloatArray) -> Parameters:
    """The same weights with another last bias (k,)."""
    written = FactoredMatrix(bias[:, None], np.ones(1), np.ones((1, 1)))
    return replace(parameters, biases=(*parameters.biases[:-1], written))


def left_over(whole: Twofold, offset: Twofold, x_mean: FloatArray, y_mean: FloatArray) -> Twofold:
    """``y_mean - W x_mean - offset``, shape (k, 1)."""
    mean = x_mean[:, None]
    scale = powers_of_two(np.abs(x_mean))
    moved = product(whole.high * scale, mean / scale[:, None])
    moved = Twofold(moved.high, moved.low + whole.low @ mean)
    return added(exactly(y_mean[:, None]), negated(added(moved, offset)))
