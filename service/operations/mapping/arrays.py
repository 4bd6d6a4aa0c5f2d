"""Nested lists of the wire as arrays, with the entry named that does not fit."""

from typing import TypeVar

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError, Location, counted

Entry = TypeVar("Entry", float, float | None)


def matrix(rows: list[list[float]], at: Location) -> FloatArray:
    """A (rows, columns) array; `InputError` at the first row whose length differs from the first one's."""
    columns = len(rows[0])
    for index, row in enumerate(rows):
        if len(row) != columns:
            raise InputError.at(
                (*at, index), f"must have {counted(columns, 'entry', 'entries')}, as many as the first row"
            )
    return np.array(rows, dtype=np.float64)


def vector_or_matrix(values: list[float] | list[list[float]], at: Location) -> FloatArray:
    """An (n,) or (rows, columns) array."""
    if isinstance(values[0], list):
        return matrix(values, at)
    return np.array(values, dtype=np.float64)


def column_or_matrix(values: list[Entry] | list[list[Entry]], at: Location) -> FloatArray:
    """An (n, k) array from n rows, or (n, 1) from n numbers; what is missing is no number."""
    array = vector_or_matrix(values, at)  # type: ignore[arg-type]  # numpy makes no number of what is None
    return array[:, np.newaxis] if array.ndim == 1 else array


def sides(shape: tuple[int, ...]) -> str:
    """A shape in words."""
    return " x ".join(map(str, shape))
