"""The exact Hessian of a linear network: assembled from Kronecker products, or applied without being formed.

Without hidden noise and biases every block is a Kronecker product plus a term in the residual; in general a complex
step of the gradient gives exact products.  See ``docs/theory/hessian.md``.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from service.core.arrays import FloatArray
from service.core.losses import DenseParameters, flatten, gradient_of, hessian_of, unflatten
from service.core.problems import Moments, Problem

DENSE_LIMIT = 1200
"""Parameters up to which the whole Hessian is formed."""

STEP = 1e-150


def _chain(weights: Sequence[FloatArray], first: int, last: int) -> FloatArray:
    """``W_{last-1} .. W_first``, the identity on the layer's inputs if empty (0-based)."""
    size = weights[first].shape[1] if first < len(weights) else weights[-1].shape[0]
    product = np.eye(size)
    for weight in weights[first:last]:
        product = weight @ product
    return product


def kronecker_blocks(problem: Problem, weights: Sequence[FloatArray]) -> list[list[FloatArray]]:
    """Blocks ``H[m][l]`` (l <= m) of the Hessian with respect to the weights, without hidden noise and biases.

    Parameters
    ----------
    problem : Problem
    weights : sequence of (width, inputs) arrays

    Returns
    -------
    list of lists of (size_m, size_l) arrays
        Weights in row-major order.  O(P^2) for P weights.
    """
    moments, decays = problem.data, problem.network.weight_decays
    second = _second_moment(moments, problem.network.input_noise_variance)
    count = len(weights)
    above = [_chain(weights, index + 1, count) for index in range(count)]
    below = [_chain(weights, 0, index) for index in range(count)]
    residual = _chain(weights, 0, count) @ second - moments.xy.T
    blocks: list[list[FloatArray]] = []
    for upper in range(count):
        row: list[FloatArray] = []
        for lower in range(upper + 1):
            outer = above[upper].T @ above[lower]
            inner = below[upper] @ second @ below[lower].T
            block = 2.0 * np.einsum("ac,be->abce", outer, inner)
            if lower < upper:
                pull = above[upper].T @ residual @ below[lower].T
                between = _chain(weights, lower + 1, upper)
                block += 2.0 * np.einsum("ae,bc->abce", pull, between)
            flat = block.reshape(weights[upper].size, weights[lower].size)
            if lower == upper:
                flat[np.diag_indices_from(flat)] += 2.0 * decays[upper]
            row.append(flat)
        blocks.append(row)
    return blocks


def _second_moment(moments: Moments, variance: float) -> FloatArray:
    return moments.xx + variance * np.diag(moments.xx.diagonal()) if variance else moments.xx


def kronecker_hessian(problem: Problem, weights: Sequence[FloatArray]) -> FloatArray:
    """The blocks of `kronecker_blocks` as one symmetric (P, P) matrix."""
    blocks = kronecker_blocks(problem, weights)
    edges = np.concatenate(([0], np.cumsum([weight.size for weight in weights])))
    hessian = np.empty((int(edges[-1]), int(edges[-1])))
    for upper, row in enumerate(blocks):
        for lower, block in enumerate(row):
            rows = slice(int(edges[upper]), int(edges[upper + 1]))
            columns = slice(int(edges[lower]), int(edges[lower + 1]))
            hessian[rows, columns] = block
            hessian[columns, rows] = block.T
    return hessian


def is_plain(problem: Problem) -> bool:
    """Whether the Kronecker form applies: no hidden noise and no biases."""
    return not problem.network.bias_layers and not np.any(problem.network.noise_variances)


def dense_hessian(problem: Problem, parameters: DenseParameters) -> FloatArray:
    """The exact Hessian in the order of `service.core.losses.flatten`."""
    if is_plain(problem):
        return kronecker_hessian(problem, list(parameters.weights))
    return hessian_of(problem.network, problem.data, parameters)


def hessian_product(problem: Problem, parameters: DenseParameters, direction: FloatArray) -> FloatArray:
    """Hessian times a flat direction, by a complex step of the gradient; exact to rounding."""
    scale = float(np.max(np.abs(direction), initial=0.0))
    if scale == 0.0:
        return np.zeros_like(direction)
    moved = flatten(parameters) + 1j * (STEP / scale) * direction
    gradient = gradient_of(problem.network, problem.data, unflatten(moved, parameters))
    product: FloatArray = flatten(gradient).imag * (scale / STEP)
    return product


def least_eigenpair(problem: Problem, parameters: DenseParameters) -> tuple[float, FloatArray] | None:
    """Least eigenvalue of the Hessian and its vector by Lanczos, ``None`` if that does not converge."""
    size = flatten(parameters).size
    operator = LinearOperator(
        (size, size), matvec=lambda vector: hessian_product(problem, parameters, np.ravel(vector)), dtype=float
    )
    start = np.cos(np.arange(1.0, size + 1.0))
    try:
        values, vectors = eigsh(operator, k=1, which="SA", v0=start, tol=1e-9, maxiter=3000)
    except ArpackNoConvergence:
        return None
    return float(values[0]), np.asarray(vectors[:, 0])


def largest_eigenvalue(problem: Problem, parameters: DenseParameters) -> float:
    """Size of the Hessian by a few power steps, the unit in which its eigenvalues count as zero."""
    vector = np.cos(np.arange(1.0, flatten(parameters).size + 1.0))
    size = 0.0
    for _ in range(20):
        vector = vector / np.linalg.norm(vector)
        vector = hessian_product(problem, parameters, vector)
        size = float(np.linalg.norm(vector))
        if size == 0.0:
            break
    return size
