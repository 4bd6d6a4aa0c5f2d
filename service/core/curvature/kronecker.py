"""The exact Hessian of a linear network without hidden noise and biases, assembled from Kronecker products.

See ``docs/theory/hessian.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Moments, Network


def _chain(weights: Sequence[FloatArray], first: int, last: int) -> FloatArray:
    """``W_{last-1} .. W_first``, the identity on the layer's inputs if empty (0-based)."""
    size = weights[first].shape[1] if first < len(weights) else weights[-1].shape[0]
    product = np.eye(size)
    for weight in weights[first:last]:
        product = weight @ product
    return product


@dataclass(frozen=True, slots=True)
class KroneckerBlock:
    """One block ``H[upper][lower]`` of the Hessian, without the decay on its diagonal.

    Attributes
    ----------
    upper, lower : int
        Layers, ``lower <= upper``.
    outer, inner : (rows_upper, rows_lower) and (columns_upper, columns_lower) arrays
        Entry (ab, ce) holds ``outer[a, c] inner[b, e]``.
    pull, between : (rows_upper, columns_lower) and (columns_upper, rows_lower) arrays, or None
        It also holds ``pull[a, e] between[b, c]``; absent on the diagonal.
    """

    upper: int
    lower: int
    outer: FloatArray
    inner: FloatArray
    pull: FloatArray | None
    between: FloatArray | None

    def dense(self) -> FloatArray:
        """All entries (P_upper, P_lower), weights in row-major order."""
        block = np.einsum("ac,be->abce", self.outer, self.inner)
        if self.pull is not None and self.between is not None:
            block += np.einsum("ae,bc->abce", self.pull, self.between)
        flat: FloatArray = block.reshape(self.outer.shape[0] * self.inner.shape[0], -1)
        return flat


def kronecker_blocks(moments: Moments, weights: Sequence[FloatArray], input_noise: float) -> list[KroneckerBlock]:
    """Blocks of the Hessian with respect to the weights, without hidden noise and biases, factored.

    Parameters
    ----------
    moments : Moments
    weights : sequence of (width, inputs) arrays
    input_noise : float
        Variance of noise on the inputs.

    Returns
    -------
    list of KroneckerBlock
        Lower triangle, row by row.
    """
    second = _second_moment(moments, input_noise)
    count = len(weights)
    above = [_chain(weights, index + 1, count) for index in range(count)]
    below = [_chain(weights, 0, index) for index in range(count)]
    residual = _chain(weights, 0, count) @ second - moments.xy.T
    blocks: list[KroneckerBlock] = []
    for upper in range(count):
        for lower in range(upper + 1):
            outer = 2.0 * above[upper].T @ above[lower]
            inner = below[upper] @ second @ below[lower].T
            pull = between = None
            if lower < upper:
                pull = 2.0 * above[upper].T @ residual @ below[lower].T
                between = _chain(weights, lower + 1, upper)
            blocks.append(KroneckerBlock(upper, lower, outer, inner, pull, between))
    return blocks


def _second_moment(moments: Moments, variance: float) -> FloatArray:
    return moments.xx + variance * np.diag(moments.xx.diagonal()) if variance else moments.xx


def kronecker_hessian(network: Network, moments: Moments, weights: Sequence[FloatArray]) -> FloatArray:
    """The whole Hessian as one symmetric (P, P) matrix, weights in row-major order.  O(P^2) for P weights."""
    edges = np.concatenate(([0], np.cumsum([weight.size for weight in weights]))).tolist()
    hessian = np.empty((edges[-1], edges[-1]))
    for block in kronecker_blocks(moments, weights, network.input_noise_variance):
        rows = slice(edges[block.upper], edges[block.upper + 1])
        columns = slice(edges[block.lower], edges[block.lower + 1])
        dense = block.dense()
        hessian[rows, columns] = dense
        hessian[columns, rows] = dense.T
    decays = np.repeat(network.weight_decays, [weight.size for weight in weights])
    hessian[np.diag_indices_from(hessian)] += 2.0 * decays
    return hessian
