"""The exact Hessian of a linear network without hidden noise and biases, assembled from Kronecker products.

See ``docs/theory/hessian.md``.
"""

from collections.abc import Sequence

import numpy as np

from service.core.arrays import FloatArray
from service.core.problems import Moments, Network


def _chain(weights: Sequence[FloatArray], first: int, last: int) -> FloatArray:
    """``W_{last-1} .. W_first``, the identity on the layer's inputs if empty (0-based)."""
    size = weights[first].shape[1] if first < len(weights) else weights[-1].shape[0]
    product = np.eye(size)
    for weight in weights[first:last]:
        product = weight @ product
    return product


def kronecker_blocks(network: Network, moments: Moments, weights: Sequence[FloatArray]) -> list[list[FloatArray]]:
    """Blocks ``H[m][l]`` (l <= m) of the Hessian with respect to the weights, without hidden noise and biases.

    Parameters
    ----------
    network : Network
    moments : Moments
    weights : sequence of (width, inputs) arrays

    Returns
    -------
    list of lists of (size_m, size_l) arrays
        Weights in row-major order.  O(P^2) for P weights.
    """
    decays = network.weight_decays
    second = _second_moment(moments, network.input_noise_variance)
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


def kronecker_hessian(network: Network, moments: Moments, weights: Sequence[FloatArray]) -> FloatArray:
    """The blocks of `kronecker_blocks` as one symmetric (P, P) matrix."""
    blocks = kronecker_blocks(network, moments, weights)
    edges = np.concatenate(([0], np.cumsum([weight.size for weight in weights])))
    hessian = np.empty((int(edges[-1]), int(edges[-1])))
    for upper, row in enumerate(blocks):
        for lower, block in enumerate(row):
            rows = slice(int(edges[upper]), int(edges[upper + 1]))
            columns = slice(int(edges[lower]), int(edges[lower + 1]))
            hessian[rows, columns] = block
            hessian[columns, rows] = block.T
    return hessian
