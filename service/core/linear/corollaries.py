"""Changes of the objective that stay within least squares: ridge on the product, weights of outputs, input dropout.

Each is exact because it only changes the moments.  See ``docs/theory/reduced-rank.md``.
"""

from dataclasses import replace

import numpy as np

from service.core.arrays import FloatArray
from service.core.linear.quadratic import Quadratic
from service.core.problems import Moments


def with_ridge(quadratic: Quadratic, ridge: float) -> Quadratic:
    """The squared error plus ``ridge ||W||_F^2``, again as a squared error in changed coordinates.

    Notes
    -----
    Directions in which the inputs do not vary stay out: any part of W there only costs.
    """
    if ridge == 0.0:
        return quadratic
    scales = np.sqrt(quadratic.scales**2 + ridge)
    target = quadratic.correlation / scales
    residual = max(quadratic.total - float(np.sum(target * target)), 0.0)
    return replace(quadratic, scales=scales, target=target, residual=residual)


def ridge_on_product(moments: Moments, ridge: float) -> Moments:
    """Moments under which the plain squared error equals the given one plus ``ridge ||W_L .. W_1||_F^2``.

    Gaussian noise of variance v added to every input is ``ridge = v``.
    """
    return replace(moments, xx=moments.xx + ridge * np.eye(moments.inputs))


def weighted_outputs(moments: Moments, weight: FloatArray, yy: float) -> tuple[Moments, FloatArray]:
    """Moments for the error ``E (f - y)^T G (f - y)`` and the matrix that maps the last layer back.

    Parameters
    ----------
    moments : Moments
    weight : (k, k) array
        ``G``, symmetric and positive semidefinite.
    yy : float
        ``E[y^T G y]``, which the other moments do not determine.

    Returns
    -------
    Moments
        Of the inputs and ``root^T y`` with ``root root^T = G``.
    (k, m) array
        Left factor by which the last layer of a solution is multiplied.
    """
    values, vectors = np.linalg.eigh(weight)
    kept = values > values.size * np.finfo(float).eps * max(float(values[-1]), 0.0)
    root = vectors[:, kept] * np.sqrt(values[kept])
    y_mean = None if moments.y_mean is None else moments.y_mean @ root
    changed = replace(moments, xy=moments.xy @ root, yy=yy, y_mean=y_mean)
    return changed, vectors[:, kept] / np.sqrt(values[kept])
