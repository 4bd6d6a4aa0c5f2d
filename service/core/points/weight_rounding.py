"""By how much weights may be off from the numbers that they stand for: their rounding, seen from their layer.

What trains or computes weights adds up numbers of the size of a layer, so that an entry is right to the unit roundoff
times the largest of its layer, not to its own.  Sizes within a layer are compared where they can be: inputs may have
any units, and without decay a neuron may have small weights before it and large ones behind it.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.losses.dense import DenseParameters
from service.core.points.precision import Format

DOUBLE_UNIT = 2.0**-53


def layer_sizes(squares: FloatArray, parameters: DenseParameters) -> DenseParameters:
    """For every weight the size that its layer has at its place, at least its own.

    Parameters
    ----------
    squares : (d,) array
        Mean squares of the inputs, about their means where the network has a bias.
    parameters : DenseParameters

    Notes
    -----
    Entry (i, j) is divided by the scale of neuron i and multiplied by that of its input j; the largest of a layer is
    taken there and brought back.  The scale of an input is one over its root mean square, that of a hidden neuron the
    root of its largest weight before over its largest behind, and 1 of an output.  Rescaling inputs or, without decay,
    neurons scales the result along.
    """
    weights = [np.abs(weight) for weight in parameters.weights]
    scales = [_input_scales(squares), *_neuron_scales(weights), np.ones(weights[-1].shape[0])]
    sizes: list[FloatArray] = []
    for index, weight in enumerate(weights):
        ratio = scales[index + 1][:, None] / scales[index][None, :]
        largest = float(np.max(weight / ratio, initial=0.0))
        sizes.append(np.maximum(weight, largest * ratio))
    return DenseParameters(tuple(sizes), tuple(_bias_sizes(parameters.biases, scales)))


def _bias_sizes(biases: Sequence[FloatArray | None], scales: Sequence[FloatArray]) -> list[FloatArray | None]:
    sizes: list[FloatArray | None] = []
    for bias, scale in zip(biases, scales[1:], strict=True):
        if bias is None:
            sizes.append(None)
            continue
        own = np.abs(bias)
        sizes.append(np.maximum(own, float(np.max(own / scale, initial=0.0)) * scale))
    return sizes


def _input_scales(squares: FloatArray) -> FloatArray:
    roots = np.sqrt(np.maximum(squares, 0.0))
    scales: FloatArray = np.where(roots > 0.0, 1.0 / np.where(roots > 0.0, roots, 1.0), 1.0)
    return scales


def _neuron_scales(weights: Sequence[FloatArray]) -> list[FloatArray]:
    """Of the neurons of every hidden layer; a neuron that is cut off on a side has the mean of its layer."""
    found: list[FloatArray] = []
    for before, behind in pairwise(weights):
        arriving, leaving = before.max(axis=1), behind.max(axis=0)
        alive = (arriving > 0.0) & (leaving > 0.0)
        logs = np.zeros(arriving.size)
        logs[alive] = 0.5 * (np.log(arriving[alive]) - np.log(leaving[alive]))
        logs[~alive] = float(np.mean(logs[alive])) if alive.any() else 0.0
        found.append(np.exp(logs))
    return found


def rounding_of(sizes: DenseParameters, parameters: DenseParameters, stored: Format | None) -> DenseParameters:
    """By how much every weight and bias may be off where the parameters are stored in a format; double for ``None``.

    Notes
    -----
    The unit roundoff of the format times `layer_sizes`, and at least half the distance to the next number.
    """
    if stored is None:
        return DenseParameters(
            tuple(DOUBLE_UNIT * size for size in sizes.weights),
            tuple(None if size is None else DOUBLE_UNIT * size for size in sizes.biases),
        )
    return DenseParameters(
        tuple(_moves(size, own, stored) for size, own in zip(sizes.weights, parameters.weights, strict=True)),
        tuple(
            None if size is None or own is None else _moves(size, own, stored)
            for size, own in zip(sizes.biases, parameters.biases, strict=True)
        ),
    )


def _moves(size: FloatArray, own: FloatArray, stored: Format) -> FloatArray:
    moves: FloatArray = np.maximum(stored.unit * size, 0.5 * stored.spacing(own))
    return moves
