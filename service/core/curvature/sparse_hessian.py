"""The Hessian of a linear network as a sum of Kronecker products of sparse matrices.

In frames in which the layers of an aligned point are diagonal the factors have some entries a row, so that the Hessian
of P weights has O(P) of them.  See ``docs/theory/hessian.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.curvature.kronecker import KroneckerBlock, kronecker_blocks
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.problems import Moments

NEGLIGIBLE = 1e-14


@dataclass(frozen=True, slots=True)
class SplitFactor:
    """Entries of a matrix that rise above rounding, and the sums of squares of those and of the others."""

    rows: IntArray
    columns: IntArray
    values: FloatArray
    kept: float
    lost: float


@dataclass(frozen=True, slots=True)
class KroneckerProduct:
    """A term ``first[a, c] second[b, e]`` of the block (ab, ce) of the Hessian; crossed, ``first[a, e] second[b, c]``.

    Attributes
    ----------
    first, second : SplitFactor
    crossed : bool
    below_diagonal : bool
        Whether the term stands on the other side of the diagonal as well.
    row_edge, column_edge : int
        Where the block begins.
    row_inputs, column_inputs : int
        Inputs of the two layers.
    """

    first: SplitFactor
    second: SplitFactor
    crossed: bool
    below_diagonal: bool
    row_edge: int
    column_edge: int
    row_inputs: int
    column_inputs: int

    @property
    def count(self) -> int:
        """Entries of the whole Hessian that it fills."""
        once = self.first.values.size * self.second.values.size
        return 2 * once if self.below_diagonal else once

    @property
    def dropped(self) -> float:
        """Frobenius norm of the entries left out."""
        lost = self.first.lost * (self.second.kept + self.second.lost) + self.first.kept * self.second.lost
        return float(np.sqrt(2.0 * lost if self.below_diagonal else lost))

    def entries(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Rows, columns and values, shape (entries,) each, on both sides of the diagonal."""
        first, second = self.first, self.second
        rows = (first.rows * self.row_inputs)[:, None] + second.rows
        if self.crossed:
            columns = first.columns[:, None] + second.columns * self.column_inputs
        else:
            columns = (first.columns * self.column_inputs)[:, None] + second.columns
        at, beside = rows.ravel() + self.row_edge, columns.ravel() + self.column_edge
        values = np.outer(first.values, second.values).ravel()
        if self.below_diagonal:
            return np.concatenate((at, beside)), np.concatenate((beside, at)), np.concatenate((values, values))
        return at, beside, values


def kronecker_products(moments: Moments, weights: Sequence[FloatArray]) -> list[KroneckerProduct]:
    """The Hessian (P, P) without decay as Kronecker products of what rises above rounding."""
    edges = np.concatenate(([0], np.cumsum([weight.size for weight in weights]))).tolist()
    terms: list[tuple[KroneckerBlock, FloatArray, FloatArray, bool]] = []
    for block in kronecker_blocks(moments, weights, 0.0):
        terms.append((block, block.outer, block.inner, False))
        if block.pull is not None and block.between is not None:
            terms.append((block, block.pull, block.between, True))
    sizes = [(_largest(first), _largest(second)) for _, first, second, _ in terms]
    floor = NEGLIGIBLE * max(first * second for first, second in sizes) * float(np.sqrt(edges[-1]))
    return [
        KroneckerProduct(
            _factor(first, floor / max(sizes[index][1], 1e-300)),
            _factor(second, floor / max(sizes[index][0], 1e-300)),
            crossed,
            block.lower < block.upper,
            edges[block.upper],
            edges[block.lower],
            weights[block.upper].shape[1],
            weights[block.lower].shape[1],
        )
        for index, (block, first, second, crossed) in enumerate(terms)
    ]


def _largest(matrix: FloatArray) -> float:
    return float(np.max(np.abs(matrix), initial=0.0))


def _factor(matrix: FloatArray, floor: float) -> SplitFactor:
    rows, columns = np.nonzero(np.abs(matrix) > floor)
    values = matrix[rows, columns]
    others = matrix.copy()
    others[rows, columns] = 0.0
    return SplitFactor(rows, columns, values, float(np.sum(values * values)), float(np.sum(others * others)))
