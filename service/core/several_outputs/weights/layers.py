"""Weights of a linear network in factored form from the singular value decomposition of its product."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from scipy.linalg import lapack

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.graded import far_apart, graded_svd
from service.core.ground.parameters import FactoredMatrix, Parameters, UniformColumn
from service.core.ground.problems import Network

DEPENDENT = 1e-8
"""Diagonal of a triangular factor, relative to its largest entry, below which its columns count as dependent."""

Frame: TypeAlias = FloatArray | UniformColumn


def lanes(width: int, count: int) -> FloatArray:
    """First ``count`` unit vectors of a layer as columns, shape (width, count)."""
    return np.eye(width, count)


def aligned_layers(
    network: Network,
    left: FloatArray,
    layer_values: Sequence[FloatArray],
    right: FloatArray,
    offset: FloatArray,
    frames: Mapping[int, Frame] | None = None,
) -> Parameters:
    """Layers ``W_L = left D_L F^T, W_l = F D_l F^T, W_1 = F D_1 right^T`` with one lane a singular value.

    Parameters
    ----------
    network : Network
    left : (k, r) array
    layer_values : n_layers arrays (r,)
        Singular values of each layer.
    right : (d, r) array
    offset : (k,) array
        Goes into the output bias, where there is one; other biases are zero.
    frames : mapping of int to (width, r) array or UniformColumn
        Orthonormal hidden frames F by hidden layer, counted from 0; others carry lane i in unit i.
    """
    chosen = frames or {}
    count = left.shape[1]
    hidden = [chosen.get(index, lanes(width, count)) for index, width in enumerate(network.hidden_widths)]
    sides: list[Frame] = [right, *hidden, left]
    weights = tuple(
        FactoredMatrix(sides[index + 1], np.asarray(values, dtype=float), sides[index])
        for index, values in enumerate(layer_values)
    )
    return Parameters(weights, biases_of(network, offset))


def biases_of(network: Network, offset: FloatArray) -> tuple[FactoredMatrix | None, ...]:
    """Zero biases, the output's set to ``offset`` (k,); ``None`` where a layer has none."""
    biases: list[FactoredMatrix | None] = []
    for index, layer in enumerate(network.layers):
        if not network.has_bias(index):
            biases.append(None)
            continue
        is_output = index == network.n_layers - 1
        column = offset.reshape(-1, 1) if is_output else np.zeros((layer.width, 1))
        biases.append(FactoredMatrix(column, np.ones(1), np.ones((1, 1))))
    return tuple(biases)


def factored_map(left: FloatArray, values: FloatArray, right: FloatArray) -> FloatArray:
    """Dense ``left diag(values) right^T``, shape (k, d), from (k, r), (r,) and (d, r)."""
    product: FloatArray = (left * values) @ right.T
    return product


def product_svd(left: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Thin singular value decomposition of ``left right^T`` through two small QR factorisations.

    Parameters
    ----------
    left : (k, r) array
    right : (d, r) array

    Returns
    -------
    (k, m), (m,), (d, m) arrays
        With ``m = min(k, d, r)``.  O((k + d) r^2).

    Notes
    -----
    Rows of ``right`` belong to inputs.  Where their units lie far apart, the map has every column to its own size.
    """
    left_frame, left_small = np.linalg.qr(left)
    if far_apart(np.linalg.norm(right, axis=1)):
        inner, values, outer = graded_svd(left_small @ right.T)
        return left_frame @ inner, values, outer
    right_frame, right_small = _by_rows(right)
    inner_left, values, inner_right = np.linalg.svd(left_small @ right_small.T, full_matrices=False)
    return left_frame @ inner_left, values, right_frame @ inner_right.T


def _by_rows(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """QR factors of columns (d, r), each row of the first right to its own size where r columns are independent.

    Rows belong to inputs, whose units may lie far apart: reflections would mix the sizes of all rows.
    """
    frame, small = np.linalg.qr(columns)
    diagonal = np.abs(np.diagonal(small))
    if small.shape[0] != small.shape[1] or not diagonal.size or diagonal.min() <= DEPENDENT * diagonal.max():
        return frame, small
    return lapack.dtrtrs(small, columns.T, trans=1)[0].T, small
