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

from service.core.arrays import FloatArray
from service.core.landscapes.hessian import is_plain
from service.core.linear.kronecker import kronecker_hessian
from service.core.problems import Moments, Network, Problem
from service.errors import LimitExceeded

NEGLIGIBLE = 1e-14
LARGEST = 5000


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
    O(P^2) to assemble in rotated frames, then O(block^3) a block.
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
    hessian = kronecker_hessian(_without_input_noise(problem), turned, rotated)
    return _by_blocks(hessian)


def _without_input_noise(problem: Problem) -> Network:
    return replace(problem.network, input_noise_variance=0.0)


def aligned_frames(problem: Problem, weights: Sequence[FloatArray]) -> list[FloatArray]:
    """Orthonormal frames of inputs, hidden layers and outputs in which aligned layers are diagonal.

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


def _by_blocks(hessian: FloatArray) -> HessianSpectrum:
    """Eigenvalues block by block, entries below rounding dropped and accounted for."""
    size = hessian.shape[0]
    scale = float(np.max(np.abs(hessian), initial=0.0))
    kept = np.abs(hessian) > NEGLIGIBLE * scale * np.sqrt(size)
    dropped = float(np.linalg.norm(hessian[~kept]))
    rows, columns = np.nonzero(kept)
    graph = coo_matrix((np.ones(rows.size), (rows, columns)), shape=(size, size))
    count, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels, minlength=count)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    values: list[FloatArray] = []
    for length in np.unique(sizes):
        members = np.array([order[start : start + length] for start in starts[sizes == length]])
        blocks = hessian[members[:, :, None], members[:, None, :]]
        values.append(np.linalg.eigvalsh(blocks).ravel())
    return HessianSpectrum(np.sort(np.concatenate(values)), dropped, int(count), int(sizes.max(initial=0)))
