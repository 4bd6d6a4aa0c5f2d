"""The Hessian of any linear network under noise as one matrix, from complex steps of the gradient."""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Moments, Network
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of


def hessian_of(network: Network, moments: Moments, parameters: DenseParameters) -> FloatArray:
    """Dense Hessian, one complex step of the gradient a column; exact to rounding.

    Returns
    -------
    (P, P) array
        In the order of `flatten`.  O(P) gradients: for a few hundred parameters at most.
    """
    point = flatten(parameters)
    step = 1e-150
    columns = np.empty((point.size, point.size))
    for index in range(point.size):
        moved = point.astype(complex)
        moved[index] += 1j * step
        gradient = gradient_of(network, moments, unflatten(moved, parameters))
        columns[:, index] = flatten(gradient).imag / step
    symmetric: FloatArray = 0.5 * (columns + columns.T)
    return symmetric
