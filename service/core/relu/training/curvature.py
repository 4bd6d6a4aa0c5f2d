"""The curvature of a loss of predictions, by the parameters that these depend on."""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray


def gauss_newton(jacobian: FloatArray, curvature: FloatArray) -> FloatArray:
    """``J' diag(c) J`` (p, p) of derivatives J (n, p) of the predictions and a convex loss's curvatures c >= 0 (n,).

    O(n p^2): the product of an array with its own transpose takes half the time of one with another.
    """
    weighted = jacobian * np.sqrt(curvature)[:, None]
    product: FloatArray = weighted.T @ weighted
    return product
