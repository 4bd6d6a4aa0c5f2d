"""A learning rate from a bound on the curvature, so that a default neither diverges nor sleeps."""

from collections.abc import Sequence

import numpy as np

from service.core.arrays import FloatArray
from service.core.problems import Problem


def curvature_bound(problem: Problem, layer_norms: FloatArray, errors: FloatArray, batch_size: int = 0) -> FloatArray:
    """Upper bound on the largest Hessian eigenvalue where layers have at most the given norms.

    Parameters
    ----------
    problem : Problem
        A linear network with data.
    layer_norms : (runs, layers) array
        Spectral norms.
    errors : (runs,) array
        Data term of the loss.
    batch_size : int
        Of sampled gradients, whose curvature is larger; 0 for the exact one.

    Returns
    -------
    (runs,) array

    Notes
    -----
    ``2 s sum_l prod_{k != l} n_k^2 + 2 sqrt(s E) (L-1) max_{l != m} prod_{k != l,m} n_k + 2 max g`` with s the
    largest second moment of a direction of the inputs times ``prod (1 + variance)`` of all noise: the
    Gauss-Newton part, what the residual adds, and the decay.  A bound for weights without biases; a bias
    adds one input that is constant, which is counted in.
    """
    network = problem.network
    noise = float(np.prod(1.0 + network.noise_variances)) * (1.0 + network.input_noise_variance)
    size = _largest_square(problem, batch_size) + (1.0 if network.bias_layers else 0.0)
    spread = size * noise
    layers = network.n_layers
    others = [np.prod(np.delete(layer_norms, index, axis=1), axis=1) for index in range(layers)]
    bound = 2.0 * spread * np.sum(np.square(others), axis=0)
    pairs = [
        np.prod(np.delete(layer_norms, [first, second], axis=1), axis=1)
        for first in range(layers)
        for second in range(first)
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


def spectral_norms(weights: Sequence[FloatArray]) -> FloatArray:
    """Largest singular value of every layer of every run, shape (runs, layers)."""
    return np.stack([np.linalg.norm(weight, ord=2, axis=(1, 2)) for weight in weights], axis=1)
