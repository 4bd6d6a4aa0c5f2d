"""The tangent kernel of a linear network at given weights: its eigenvalues from small matrices.

``K = sum_l A_l A_l^T x (R^T B_l^T B_l R)`` over outputs and features R of the inputs: its size depends on neither
parameters nor samples.  Twice its eigenvalues are those of the Gauss-Newton matrix that are not zero.  See
``docs/theory/flatness.md``.
"""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters

DENSE: Final = 500
"""Outputs times features up to which the kernel is formed."""
MOST: Final = 20_000
"""Eigenvalues that are computed at most."""
MOST_FEATURES: Final = 1_000
COMMUTE: Final = 1e-12
ZERO: Final = 1e-13
"""Eigenvalues below this share of the largest count as zero."""


def kernel_spectrum(problem: Problem, point: DenseParameters) -> FloatArray | str:
    """Eigenvalues of the mean tangent kernel that are not zero, descending, or why they were not computed.

    Parameters
    ----------
    problem : Problem
        Linear activations, no noise on hidden layers, no skips; noise on the inputs counts as inputs.
    point : DenseParameters

    Returns
    -------
    (e,) array or str

    Notes
    -----
    O(k m^3) for k outputs and m features where the matrices of the outputs have common eigenvectors, as they have at
    aligned weights; O((k m)^3) up to ``k m = 500`` elsewhere.
    """
    if np.any(problem.network.noise_variances):
        return "noise on hidden layers: the tangent kernel is random"
    features = _features(problem)
    count = features.shape[1]
    outer, inner = _parts(problem, point, features)
    outputs = len(outer[0])
    if outputs * count > MOST or count > MOST_FEATURES:
        return f"more than {MOST} eigenvalues, or {MOST_FEATURES} directions of the inputs"
    frame = _common_frame(outer)
    if frame is not None:
        shares = [np.einsum("ai,ab,bi->i", frame, matrix, frame, optimize=True) for matrix in outer]
        blocks = [
            sum((share[index] * matrix for share, matrix in zip(shares, inner, strict=True)), np.zeros((count, count)))
            for index in range(outputs)
        ]
        values = np.concatenate([np.linalg.eigvalsh(block) for block in blocks])
    elif outputs * count <= DENSE:
        whole = sum(
            (np.kron(left, right) for left, right in zip(outer, inner, strict=True)),
            np.zeros((outputs * count, outputs * count)),
        )
        values = np.linalg.eigvalsh(whole)
    else:
        return f"more than {DENSE} outputs times inputs at weights that are not aligned"
    values = np.sort(values)[::-1]
    return np.asarray(values[values > ZERO * max(float(values.max(initial=0.0)), 1e-300)], dtype=np.float64)


def _features(problem: Problem) -> FloatArray:
    """``R`` (d, m) or, with a bias, (d + 1, m): ``R R^T`` is the second moment of the inputs and of a constant one."""
    moments, network = problem.data, problem.network
    second = moments.xx
    if network.input_noise_variance:
        second = second + network.input_noise_variance * np.diag(moments.xx.diagonal())
    if not network.bias_layers or moments.x_mean is None:
        return _root(second)
    # means are taken off first, so that nothing of the deviations is lost to large ones
    central = moments.central.xx + (second - moments.xx)
    below = _root(central)
    top = np.column_stack((below, moments.x_mean))
    bottom = np.zeros(top.shape[1])
    bottom[-1] = 1.0
    return np.vstack((top, bottom))


def _root(second: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(second)
    kept = values > 1e-15 * len(values) * max(float(values[-1]), 0.0)
    root: FloatArray = vectors[:, kept] * np.sqrt(values[kept])
    return root


def _parts(problem: Problem, point: DenseParameters, features: FloatArray) -> tuple[list[FloatArray], list[FloatArray]]:
    """``A_l A_l^T`` (k, k) and the Gram matrices of what enters each trained layer (m, m)."""
    network, inputs = problem.network, problem.data.inputs
    entering, constant = features[:inputs], features[inputs:]
    ones = constant.T @ constant if len(constant) else None
    inner: list[FloatArray] = []
    for layer, weight, bias in zip(network.layers, point.weights, point.biases, strict=True):
        gram = entering.T @ entering if layer.frozen_weights is None else np.zeros((features.shape[1],) * 2)
        inner.append(gram if bias is None or ones is None else gram + ones)
        entering = weight @ entering
        if bias is not None and len(constant):
            entering = entering + np.outer(bias, constant[0])
    product = np.eye(network.outputs)
    outer = [product]
    for weight in reversed(point.weights[1:]):
        product = product @ weight
        outer.append(product @ product.T)
    return outer[::-1], inner


def _common_frame(matrices: list[FloatArray]) -> FloatArray | None:
    """Orthonormal common eigenvectors (k, k) of symmetric matrices, or None."""
    sizes = [max(float(np.linalg.norm(matrix)), 1e-300) for matrix in matrices]
    mixed = sum(
        (
            (0.5 + 0.37 * index) * matrix / size
            for index, (matrix, size) in enumerate(zip(matrices, sizes, strict=True))
        ),
        np.zeros_like(matrices[0]),
    )
    frame: FloatArray = np.linalg.eigh(mixed)[1]
    for matrix, size in zip(matrices, sizes, strict=True):
        turned = frame.T @ matrix @ frame
        turned[np.diag_indices_from(turned)] = 0.0
        if float(np.linalg.norm(turned)) > COMMUTE * size * len(turned):
            return None
    return frame
