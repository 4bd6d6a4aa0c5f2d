"""Activations and losses of many points at once: stacks of a layer's outputs, (points, width, samples).

Samples are last, so that each product with the weights of a point has long contiguous rows.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer
from service.vocabulary import Activation, Loss

Reals: TypeAlias = npt.NDArray[np.floating[Any]]
"""In single or double precision."""


def activate(layer: Layer, values: Reals) -> None:
    """Apply the activation of a layer in place; as `service.core.losses.nonlinear.apply`."""
    kind = layer.activation
    if kind is Activation.RELU:
        # numpy's maximum with a scalar takes twice the time of one with an array
        np.maximum(values, np.zeros_like(values[0]), out=values)
    elif kind is Activation.LEAKY_RELU:
        slope = layer.slope or 0.0
        (np.maximum if slope <= 1.0 else np.minimum)(values, slope * values, out=values)
    elif kind is Activation.TANH:
        np.tanh(values, out=values)
    elif kind is Activation.SIGMOID:
        np.negative(values, out=values)
        np.exp(values, out=values)
        values += 1.0
        np.divide(1.0, values, out=values)
    elif kind is Activation.SOFTPLUS:
        positive = np.maximum(values, np.zeros_like(values[0]))
        np.abs(values, out=values)
        np.negative(values, out=values)
        np.exp(values, out=values)
        np.log1p(values, out=values)
        values += positive
    elif kind is Activation.QUADRATIC:
        np.multiply(values, values, out=values)


def total_losses(loss: Loss, outputs: Reals, y: FloatArray) -> FloatArray:
    """Loss summed over the samples in double precision, shape (points,); as `service.core.losses.nonlinear.data_loss`.

    Parameters
    ----------
    loss : Loss
    outputs : (points, k, n) array
    y : (k, n) array

    Raises
    ------
    ValueError
        For `weighted_squared`, whose weights are not known here.
    """
    if loss is Loss.SQUARED:
        errors = outputs - y
        squares: FloatArray = np.einsum("pkn,pkn->p", errors, errors)
        return squares
    if loss is Loss.LOGISTIC:
        return np.asarray(np.logaddexp(0.0, -y * outputs).sum(axis=(1, 2)))
    if loss is Loss.EXPONENTIAL:
        return np.asarray(np.exp(-y * outputs).sum(axis=(1, 2)))
    if loss is Loss.CROSS_ENTROPY:
        gaps = outputs.max(axis=1, keepdims=True) - outputs
        shares = np.exp(-gaps)
        # without the largest share, which is one, the sum of the others keeps its digits
        np.put_along_axis(shares, gaps.argmin(axis=1, keepdims=True), 0.0, axis=1)
        return np.asarray((gaps * y + np.log1p(shares.sum(axis=1, keepdims=True)) * y).sum(axis=(1, 2)))
    raise ValueError(f"the loss {loss} needs weights, which are not known here")
