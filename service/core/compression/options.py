"""What can be done with one layer: each rank, or the matrix as it is, with what it costs and what it misses."""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray

DENSE = -1
"""Stands for the matrix as it is, in the place of a rank."""


@dataclass(frozen=True)
class LayerOptions:
    """Options of a layer, none of which is as good as another one at no more numbers.

    Attributes
    ----------
    ranks : (m,) array of int
        Ascending; `DENSE`, if it is an option, stands last.
    numbers : (m,) array
        That the option stores: ascending.
    errors : (m,) array
        Descending.
    hull : (h,) array of int
        Options on the lower convex hull of (numbers, errors), ascending.
    """

    ranks: IntArray
    numbers: FloatArray
    errors: FloatArray
    hull: IntArray


def options_of(errors: FloatArray, shape: tuple[int, int], least: int, *, dense: bool) -> LayerOptions:
    """The options of a layer of this shape (outputs, inputs).

    Parameters
    ----------
    errors : (p + 1,) array
        Squared error at ranks 0 to p.
    shape : (int, int)
    least : int
        Least rank.
    dense : bool
        Whether the matrix may stay as it is: then a rank is an option only where its factors have fewer numbers.
    """
    outputs, inputs = shape
    step, whole = outputs + inputs, outputs * inputs
    if not dense:
        least = min(least, errors.size - 1)
    # up to the first rank without an error: more numbers are of no use
    most = min(max(int(np.argmax(errors <= 0.0)), least), errors.size - 1)
    if dense:
        most = min(most, (whole - 1) // step)
    ranks: IntArray = np.arange(least, most + 1)
    numbers: FloatArray = step * ranks.astype(np.float64)
    missed = errors[least : most + 1]
    if not dense or (ranks.size and missed[-1] <= 0.0):
        return LayerOptions(ranks, numbers, missed, np.arange(ranks.size))
    hull: IntArray = np.arange(ranks.size)
    if ranks.size:
        # the line from the dense matrix that no option is below touches the spectrum here
        hull = hull[: int(np.argmin(missed / (whole - numbers))) + 1]
    return LayerOptions(
        np.append(ranks, DENSE),
        np.append(numbers, float(whole)),
        np.append(missed, 0.0),
        np.append(hull, ranks.size),
    )
