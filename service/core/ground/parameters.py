"""Weights and biases of a network in factored form: a width of a million costs two numbers a column."""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class UniformColumn:
    """A column of ``length`` equal entries ``value``; a width of 10^6 costs two numbers."""

    value: float
    length: int

    def dense(self) -> FloatArray:
        """The column as a (length, 1) array."""
        return np.full((self.length, 1), self.value)


@dataclass(frozen=True, slots=True)
class FactoredMatrix:
    """The matrix ``left diag(values) right^T``.

    Attributes
    ----------
    left : (rows, r) array or UniformColumn
    values : (r,) array
    right : (columns, r) array or UniformColumn
    """

    left: FloatArray | UniformColumn
    values: FloatArray
    right: FloatArray | UniformColumn

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return _rows(self.left), _rows(self.right)

    def dense(self) -> FloatArray:
        """All entries, shape (rows, columns)."""
        product: FloatArray = (columns_of(self.left) * self.values) @ columns_of(self.right).T
        return product


def columns_of(factor: FloatArray | UniformColumn) -> FloatArray:
    """A factor as a dense (rows, r) array."""
    return factor.dense() if isinstance(factor, UniformColumn) else factor


def squared_norm(weight: FactoredMatrix) -> float:
    """Squared Frobenius norm."""
    left, right = columns_of(weight.left) * weight.values, columns_of(weight.right)
    return float(np.sum((left.T @ left) * (right.T @ right)))


def _rows(factor: FloatArray | UniformColumn) -> int:
    return factor.length if isinstance(factor, UniformColumn) else int(factor.shape[0])


@dataclass(frozen=True, slots=True)
class Parameters:
    """Weights and biases of a network in factored form.

    Attributes
    ----------
    weights : tuple of FactoredMatrix
    biases : tuple of FactoredMatrix or None
        A bias is a factored (width, 1) matrix; ``None`` for a layer without one.
    skips : tuple of FactoredMatrix or None
        Weights of the skips; ``None`` for one that has none.
    """

    weights: tuple[FactoredMatrix, ...]
    biases: tuple[FactoredMatrix | None, ...]
    skips: tuple[FactoredMatrix | None, ...] = ()

    @property
    def norm(self) -> float:
        """Norm of all weights, those of the skips included, without the biases."""
        return float(np.sqrt(sum(squared_norm(own) for own in (*self.weights, *self.skips) if own is not None)))
