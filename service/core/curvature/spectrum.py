"""Exact Hessian spectra of linear networks from their Kronecker structure, for each layer and as a whole.

The Hessian of one layer is a Kronecker product, so that its eigenvalues are products.  In frames that diagonalise the
layers of an aligned stationary point the whole Hessian falls into blocks of a few entries; at other points the blocks
are larger and the method is as exact.  See ``docs/theory/hessian.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from service.core.curvature.hessian import is_plain
from service.core.curvature.kronecker import kronecker_hessian
from service.core.curvature.sparse_hessian import KroneckerProduct, kronecker_products
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.problems import Moments, Network, Problem
from service.errors import LimitExceeded

LARGEST = 5000
DENSE_SHARE = 0.25
"""Share of entries that rise above rounding beyond which one dense matrix is cheaper than many blocks."""


@dataclass(frozen=True, slots=True)
class HessianSpectrum:
    """Eigenvalues of the whole Hessian.

    Attributes
    ----------
    values : (P,) array
        Ascending.
    error_bound : float
        No eigenvalue is off by more, rounding in the small eigenproblems aside (Weyl).
    blocks : int
        Number of independent blocks.
    largest_block : int
    """

    values: FloatArray
    error_bound: float
    blocks: int
    largest_block: int


def layer_spectra(problem: Problem, weights: Sequence[FloatArray]) -> tuple[FloatArray, ...]:
    """Eigenvalues of the Hessian of each layer alone, ascending, with multiplicity.

    Parameters
    ----------
    problem : Problem
        Without hidden noise; biases, where there are, are held fixed.
    weights : sequence of (width, inputs) arrays
        Stationary or not.

    Notes
    -----
    ``2 (A^T A) x (B S B^T) + 2 g I``: products of the eigenvalues of two small matrices.  O(sum d_l^3).
    """
    moments, count = problem.data, len(weights)
    second = moments.xx + problem.network.input_noise_variance * np.diag(moments.xx.diagonal())
    inner: list[FloatArray] = [second]
    for weight in weights[:-1]:
        inner.append(weight @ inner[-1] @ weight.T)
    outer: list[FloatArray] = [np.eye(weights[-1].shape[0])]
    for weight in reversed(weights[1:]):
        outer.append(weight.T @ outer[-1] @ weight)
    outer.reverse()
    spectra: list[FloatArray] = []
    for index in range(count):
        products = np.multiply.outer(np.linalg.eigvalsh(outer[index]), np.linalg.eigvalsh(inner[index]))
        spectra.append(np.sort(2.0 * products.ravel() + 2.0 * problem.network.layers[index].weight_decay))
    return tuple(spectra)


def hessian_spectrum(problem: Problem, weights: Sequence[FloatArray]) -> HessianSpectrum:
    """All eigenvalues of the Hessian with respect to all weights.

    Parameters
    ----------
    problem : Problem
        Without hidden noise and biases.
    weights : sequence of (width, inputs) arrays
        Any point; at aligned stationary points the blocks have at most ``2 n_layers`` entries.

    Raises
    ------
    ValueError
        If the network has hidden noise or biases.
    LimitExceeded
        If it has more than 5,000 weights.

    Notes
    -----
    In rotated frames the factors of the Kronecker products are sparse at aligned points: O(P) entries there, at most
    O(P^2), then O(block^3) a block.
    """
    if not is_plain(problem):
        raise ValueError("the Kronecker form needs a network without hidden noise and biases")
    if sum(weight.size for weight in weights) > LARGEST:
        raise LimitExceeded(("weights",), "hessian_spectrum", LARGEST, "weights")
    frames = aligned_frames(problem, weights)
    rotated = [frames[index + 1].T @ weight @ frames[index] for index, weight in enumerate(weights)]
    moments = problem.data
    second = moments.xx + problem.network.input_noise_variance * np.diag(moments.xx.diagonal())
    turned = Moments(frames[0].T @ second @ frames[0], frames[0].T @ moments.xy @ frames[-1], moments.yy)
    # the input noise is in the second moment already
    products = kronecker_products(turned, rotated)
    diagonal = 2.0 * np.repeat(problem.network.weight_decays, [weight.size for weight in weights])
    if sum(product.count for product in products) > DENSE_SHARE * diagonal.size**2:
        hessian = kronecker_hessian(_without_input_noise(problem), turned, rotated)
        return HessianSpectrum(np.asarray(np.linalg.eigvalsh(hessian), dtype=np.float64), 0.0, 1, diagonal.size)
    return _by_blocks(products, diagonal)


def _without_input_noise(problem: Problem) -> Network:
    return replace(problem.network, input_noise_variance=0.0)


def aligned_frames(problem: Problem, weights: Sequence[FloatArray]) -> list[FloatArray]:
    """Orthonormal frames (width, width) of inputs, hidden layers and outputs in which aligned layers are diagonal.

    Notes
    -----
    At an aligned point the map and ``E[y x^T]`` have common singular vectors; a generic mixture of the two separates
    those that tie in one of them.  Hidden frames follow the images of the input frame.
    """
    product = weights[0]
    for weight in weights[1:]:
        product = weight @ product
    correlation = problem.data.xy.T
    mixed = correlation / max(float(np.linalg.norm(correlation)), 1e-300)
    mixed = mixed + 0.3719 * product / max(float(np.linalg.norm(product)), 1e-300)
    left, _, right = np.linalg.svd(mixed)
    frames = [right.T]
    for weight in weights[:-1]:
        image = weight @ frames[-1]
        order = np.argsort(-np.linalg.norm(image, axis=0), kind="stable")
        frames.append(np.linalg.qr(image[:, order], mode="complete")[0])
    frames.append(left)
    return frames


def _by_blocks(products: Sequence[KroneckerProduct], diagonal: FloatArray) -> HessianSpectrum:
    """Eigenvalues block by block; the norm of what was left out bounds the error."""
    size = diagonal.size
    entries = [product.entries() for product in products]
    rows, columns, numbers = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    graph = coo_matrix((np.ones(rows.size), (rows, columns)), shape=(size, size))
    count, labels = connected_components(graph, directed=False)
    sizes = np.bincount(labels, minlength=count)
    # blocks of one size stand together in one buffer, row by row
    by_size = np.argsort(sizes, kind="stable")
    starts = np.empty(count, dtype=np.intp)
    starts[by_size] = np.concatenate(([0], np.cumsum(sizes[by_size] ** 2)[:-1]))
    order = np.argsort(labels, kind="stable")
    place = np.empty(size, dtype=np.intp)
    place[order] = np.arange(size) - np.repeat(np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)

    def spot(row: IntArray, column: IntArray) -> IntArray:
        found: IntArray = starts[labels[row]] + place[row] * sizes[labels[row]] + place[column]
        return found

    everyone = np.arange(size)
    spots = np.concatenate((spot(rows, columns), spot(everyone, everyone)))
    buffer = np.bincount(spots, np.concatenate((numbers, diagonal)), int(np.sum(sizes**2)))
    values: list[FloatArray] = []
    begin = 0
    for length, number in zip(*np.unique(sizes, return_counts=True), strict=True):
        end = begin + int(number) * int(length) ** 2
        values.append(np.linalg.eigvalsh(buffer[begin:end].reshape(number, length, length)).ravel())
        begin = end
    dropped = sum(product.dropped for product in products)
    return HessianSpectrum(np.sort(np.concatenate(values)), dropped, int(count), int(sizes.max(initial=0)))
