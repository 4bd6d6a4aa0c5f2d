"""Weights of a one-output network that reach a given end-to-end map at the least cost.

Rank-one layers, aligned and balanced, with equal entries in every hidden layer: equal entries are forced
up to signs where a layer has noise, and one choice among all unit vectors where it has none.
Proof: ``docs/theory/scalar-output.md``.
"""

from math import exp, log

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import length_of
from service.core.ground.parameters import FactoredMatrix, Parameters, UniformColumn
from service.core.ground.problems import Moments, Network
from service.vocabulary import Bias


def layer_norms(network: Network, log_norm: float) -> list[float]:
    """Frobenius norms of the layers: ``n_l^2 = G ||w||^q / g_l``, or equal ones where nothing decays."""
    share = log_norm / network.n_layers
    decays = [layer.weight_decay for layer in network.layers]
    if not any(decays):
        return [exp(share)] * network.n_layers
    log_decays = [log(decay) for decay in decays]
    mean = sum(log_decays) / len(log_decays)
    spread = [mean - log_decay for log_decay in log_decays]
    # the mean of many large logarithms is off by enough to show in the product of as many norms
    share -= 0.5 * sum(spread) / len(spread)
    return [exp(share + 0.5 * part) for part in spread]


def balanced_parameters(network: Network, moments: Moments, end_to_end_map: FloatArray) -> Parameters:
    """Factored weights (and biases) whose product is ``end_to_end_map`` (d,).

    Notes
    -----
    O(d + depth) numbers, whatever the widths.
    """
    norm = length_of(end_to_end_map)
    norms = layer_norms(network, log(norm)) if norm > 0.0 else [0.0] * network.n_layers
    return _rank_one(network, moments, end_to_end_map, norms)


def _rank_one(network: Network, moments: Moments, end_to_end_map: FloatArray, norms: list[float]) -> Parameters:
    """Aligned rank-one layers of the given norms, with biases at their best."""
    norm = length_of(end_to_end_map)
    direction = end_to_end_map / norm if norm > 0.0 else np.full(moments.inputs, moments.inputs**-0.5)
    columns = [UniformColumn(width**-0.5, width) for width in network.hidden_widths]
    lefts: list[FloatArray | UniformColumn] = [*columns, np.ones((1, 1))]
    rights: list[FloatArray | UniformColumn] = [direction[:, None], *columns]
    weights = tuple(
        FactoredMatrix(left, np.array([size]), right) for left, size, right in zip(lefts, norms, rights, strict=True)
    )
    return Parameters(weights, _biases(network, moments, end_to_end_map, weights))


def approaching_parameters(network: Network, moments: Moments, end_to_end_map: FloatArray) -> Parameters:
    """Weights with this map (d,) whose total decay is negligible where some layer has none, else least.

    The undecayed layers grow and the decayed ones shrink until the decay is below 1e-17 of the variance of
    the target, or a norm would leave the range of double precision.
    """
    decays = network.weight_decays
    decayed = decays > 0.0
    count, free = int(np.count_nonzero(decayed)), int(np.count_nonzero(~decayed))
    if free == 0:
        return balanced_parameters(network, moments, end_to_end_map)
    log_norm = np.log(max(length_of(end_to_end_map), 1e-300))
    log_share = np.log(1e-17 * max(moments.yy, 1e-300) / max(count, 1))
    log_norms = np.zeros(network.n_layers)
    log_norms[decayed] = np.maximum(0.5 * (log_share - np.log(decays[decayed])), -100.0)
    log_norms[~decayed] = (log_norm - log_norms[decayed].sum()) / free
    return _rank_one(network, moments, end_to_end_map, np.exp(np.minimum(log_norms, 150.0)).tolist())


def _biases(
    network: Network, moments: Moments, end_to_end_map: FloatArray, weights: tuple[FactoredMatrix, ...]
) -> tuple[FactoredMatrix | None, ...]:
    """Biases at their best: the first centres what the noise multiplies, the last the prediction."""
    if not network.bias_layers:
        return (None,) * network.n_layers
    biases: list[FactoredMatrix | None] = []
    one = np.ones((1, 1))
    x_mean = np.zeros(moments.inputs) if moments.x_mean is None else moments.x_mean
    y_mean = 0.0 if moments.y_mean is None else float(moments.y_mean[0])
    predicted = float(end_to_end_map @ x_mean)
    hidden = network.bias is Bias.ALL and network.n_hidden > 0
    for index, weight in enumerate(weights):
        if not network.has_bias(index):
            biases.append(None)
            continue
        size = 0.0
        if index == network.n_layers - 1:
            # with a centring first bias nothing but the target's mean is left to add
            size = y_mean if hidden else y_mean - predicted
        elif index == 0 and hidden:
            right = weight.right
            along = right.value * x_mean.sum() if isinstance(right, UniformColumn) else float(right[:, 0] @ x_mean)
            size = -float(weight.values[0]) * along
        biases.append(FactoredMatrix(weight.left, np.array([size]), one))
    return tuple(biases)


def output_offset(network: Network, moments: Moments, end_to_end_map: FloatArray) -> FloatArray:
    """Mean prediction at x = 0, shape (1,)."""
    if network.bias is Bias.NONE or network.bias is Bias.HIDDEN:
        return np.zeros(1)
    x_mean = np.zeros(moments.inputs) if moments.x_mean is None else moments.x_mean
    y_mean = np.zeros(1) if moments.y_mean is None else moments.y_mean
    offset: FloatArray = y_mean - end_to_end_map @ x_mean
    return offset
