"""A network with equal entries in a hidden layer as a network of one neuron there, and idle neurons left out.

The layer ``n u r'`` with ``u = (1, .., 1)/sqrt(d)`` and noise of variance s acts on the output and on the
noise exactly like one neuron with noise ``s/d``, and the embedding keeps norms; since the objective does not
change when neurons are permuted, its gradient at such a point has equal entries too.  So loss and gradient
norm of a network of any width are those of the narrow one.  A neuron whose weights on both sides are zero adds
nothing to either.  Proof: ``docs/theory/second-moments.md``.
"""

from dataclasses import replace

import numpy as np

from service.core.ground.parameters import FactoredMatrix, Parameters, UniformColumn, columns_of
from service.core.ground.problems import Network
from service.core.losses.dense import DenseParameters

WIDEST_DENSE = 64


def dense_or_narrow(network: Network, parameters: Parameters) -> tuple[Network, DenseParameters]:
    """An equal network that is small enough to evaluate densely.

    Parameters
    ----------
    network : Network
    parameters : Parameters
        Dense, or with uniform columns at the hidden layers wider than `WIDEST_DENSE`.

    Returns
    -------
    Network, DenseParameters
        The network itself where it is small, else with wide uniform layers merged into one neuron and without the
        idle neurons of other wide layers.
    """
    network, parameters = _without_idle(network, parameters)
    merged = [
        width > WIDEST_DENSE and isinstance(weight.left, UniformColumn)
        for width, weight in zip(network.hidden_widths, parameters.weights, strict=False)
    ]
    layers = [
        replace(layer, width=1, noise_variance=layer.noise_variance / layer.width) if merge else layer
        for layer, merge in zip(network.layers, [*merged, False], strict=True)
    ]
    weights = []
    biases = []
    for index, (weight, bias) in enumerate(zip(parameters.weights, parameters.biases, strict=True)):
        narrow_left = index < network.n_hidden and merged[index]
        narrow_right = index > 0 and merged[index - 1]
        weights.append(_narrowed(weight, narrow_left, narrow_right).dense())
        biases.append(None if bias is None else _narrowed(bias, narrow_left, False).dense()[:, 0])
    if any(merged):
        network = replace(network, layers=tuple(layers))
    return network, DenseParameters(tuple(weights), tuple(biases))


def _without_idle(network: Network, parameters: Parameters) -> tuple[Network, Parameters]:
    """Leave out neurons of wide layers that nothing enters and nothing leaves; loss and gradient norm stay."""
    layers, weights, biases = list(network.layers), list(parameters.weights), list(parameters.biases)
    for index, width in enumerate(network.hidden_widths):
        into, out, bias = weights[index].left, weights[index + 1].right, biases[index]
        if width <= WIDEST_DENSE or isinstance(into, UniformColumn) or isinstance(out, UniformColumn):
            continue
        busy = np.any(into, axis=1) | np.any(out, axis=1)
        if bias is not None:
            busy |= bias.dense()[:, 0] != 0.0
        busy[0] = True
        if np.all(busy):
            continue
        layers[index] = replace(layers[index], width=int(np.count_nonzero(busy)))
        weights[index] = replace(weights[index], left=into[busy])
        weights[index + 1] = replace(weights[index + 1], right=out[busy])
        if bias is not None:
            biases[index] = replace(bias, left=columns_of(bias.left)[busy])
    if all(layer is old for layer, old in zip(layers, network.layers, strict=True)):
        return network, parameters
    return replace(network, layers=tuple(layers)), Parameters(tuple(weights), tuple(biases))


def _narrowed(matrix: FactoredMatrix, left: bool, right: bool) -> FactoredMatrix:
    return FactoredMatrix(
        _merged(matrix.left) if left else matrix.left,
        matrix.values,
        _merged(matrix.right) if right else matrix.right,
    )


def _merged(column: object) -> UniformColumn:
    """The column's coordinate along the unit vector of equal entries."""
    if not isinstance(column, UniformColumn):
        raise TypeError("a layer can be merged only if both its sides have equal entries")
    return UniformColumn(column.value * float(np.sqrt(column.length)), 1)
