"""A learning rate from a bound on the curvature, so that a default neither diverges nor stalls."""

from collections.abc import Sequence

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem


def curvature_bound(
    problem: Problem, weights: Sequence[FloatArray], errors: FloatArray, batch_size: int = 0
) -> FloatArray:
    """Upper bound on the largest Hessian eigenvalue at given weights.

    Parameters
    ----------
    problem : Problem
        A linear network with data.
    weights : sequence of (runs, width, inputs) arrays
    errors : (runs,) array
        Data term of the loss.
    batch_size : int
        Of sampled gradients, whose curvature is larger; 0 for the exact one.

    Returns
    -------
    (runs,) array

    Notes
    -----
    With ``P(i, j)`` the product of the layers from i up to but not j, and s the largest second moment of a
    direction of the inputs: ``2 s sum_l |P(l+1, L)|^2 |P(0, l)|^2 + 2 sqrt(s E) (L-1) max_{l<m} |P(m+1, L)|
    |P(l+1, m)| |P(0, l)| + 2 max g``: the Gauss-Newton part, what the residual adds, and the decay.  Noise
    multiplies the first part by ``prod (1 + variance)`` and the second by its root; a bias adds one constant
    input.
    """
    network = problem.network
    layers = network.n_layers
    noise = float(np.prod(1.0 + network.noise_variances)) * (1.0 + network.input_noise_variance)
    spread = noise * (_largest_square(problem, batch_size) + (1.0 if network.bias_layers else 0.0))
    norms = _product_norms(weights)
    squares = [(norms[index + 1, layers] * norms[0, index]) ** 2 for index in range(layers)]
    bound = 2.0 * spread * np.sum(squares, axis=0)
    pairs = [
        norms[last + 1, layers] * norms[first + 1, last] * norms[0, first]
        for last in range(layers)
        for first in range(last)
    ]
    if pairs:
        bound = bound + 2.0 * np.sqrt(spread * errors) * (layers - 1) * np.max(pairs, axis=0)
    total: FloatArray = bound + 2.0 * float(network.weight_decays.max())
    return total


def _largest_square(problem: Problem, batch_size: int) -> float:
    largest = float(np.linalg.eigvalsh(problem.data.xx)[-1])
    if not batch_size or problem.samples is None:
        return largest
    longest = float(np.max(np.sum(problem.samples.x**2, axis=1)))
    return largest + longest / batch_size


def _product_norms(weights: Sequence[FloatArray]) -> dict[tuple[int, int], FloatArray]:
    """Spectral norm of every product of consecutive layers, each of shape (runs,)."""
    layers, runs = len(weights), len(weights[0])
    norms = {(index, index): np.ones(runs) for index in range(layers + 1)}
    for first in range(layers):
        product = weights[first]
        norms[first, first + 1] = _spectral(product)
        for last in range(first + 1, layers):
            product = weights[last] @ product
            norms[first, last + 1] = _spectral(product)
    return norms


def _spectral(matrices: FloatArray) -> FloatArray:
    norms: FloatArray = np.linalg.norm(matrices, ord=2, axis=(1, 2))
    return norms
