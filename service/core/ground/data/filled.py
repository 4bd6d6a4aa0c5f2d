"""Missing values that are filled once their mean is known, in the factor: no second pass over the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor, triangle


@dataclass(frozen=True, slots=True)
class Filling:
    """A column whose missing values had a number standing in for them.

    Attributes
    ----------
    column : int
    gaps : int
        The column that is 1 where the value is missing and 0 elsewhere.
    change : float
        What is to be added where the value is missing.
    """

    column: int
    gaps: int
    change: float


def filled_factor(factor: Factor, fillings: Sequence[Filling], inputs: int, columns: Sequence[int]) -> Factor:
    """The factor of some columns of a table after ``column += change * gaps`` for each filling.

    Parameters
    ----------
    factor : Factor
        Of all columns.
    fillings : sequence of Filling
    inputs : int
        How many of the chosen columns are inputs.
    columns : sequence of int
        In the order of the result.

    Notes
    -----
    A table is its mean and an orthogonal matrix times ``r diag(scale)``; what is added to a column is added to both.
    Exact but for rounding, O(c^3) for c columns.
    """
    r, mean = factor.r.copy(), np.concatenate([factor.x_mean, factor.y_mean])
    for filling in fillings:
        r[:, filling.column] += (
            filling.change * (factor.scale[filling.gaps] / factor.scale[filling.column]) * r[:, filling.gaps]
        )
        mean[filling.column] += filling.change * mean[filling.gaps]
    taken = np.asarray(columns, dtype=np.int64)
    chosen: FloatArray = mean[taken]
    return Factor(factor.n, chosen[:inputs], chosen[inputs:], factor.scale[taken], triangle(r[:, taken]))
