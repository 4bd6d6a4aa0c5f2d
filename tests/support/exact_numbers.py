"""Second moments in rational numbers: every float64 that is sent is one, and nothing here rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = list[list[Fraction]]
Vector: TypeAlias = list[Fraction]


@dataclass(frozen=True)
class ExactMoments:
    """What squared loss of a linear network sees of the data.

    Attributes
    ----------
    xx : (d, d) matrix
        ``E[x x^T]``.
    xy : (d, k) matrix
        ``E[x y^T]``.
    yy : Fraction
        ``E||y||^2``.
    x_mean : (d,) vector or None
    y_mean : (k,) vector or None
    """

    xx: Matrix
    xy: Matrix
    yy: Fraction
    x_mean: Vector | None = None
    y_mean: Vector | None = None

    @property
    def inputs(self) -> int:
        """Number of inputs d."""
        return len(self.xx)

    @property
    def outputs(self) -> int:
        """Number of outputs k."""
        return len(self.xy[0])

    def centred(self) -> "ExactMoments":
        """The moments about the means, which is what a free offset of the output leaves."""
        assert self.x_mean is not None
        assert self.y_mean is not None
        p, q = self.x_mean, self.y_mean
        return ExactMoments(
            [[entry - p[i] * p[j] for j, entry in enumerate(row)] for i, row in enumerate(self.xx)],
            [[entry - p[i] * q[j] for j, entry in enumerate(row)] for i, row in enumerate(self.xy)],
            self.yy - sum(mean * mean for mean in q),
            [Fraction(0)] * len(p),
            [Fraction(0)] * len(q),
        )


def of_samples(x: Floats, y: Floats) -> ExactMoments:
    """Moments of the rows of ``x`` (n, d) and ``y`` (n, k), with their means.  O(n (d + k)^2) whole numbers."""
    n, d = len(x), int(x.shape[1])
    whole, exponents = zip(*(_integers(column) for column in np.hstack([x, y]).T), strict=True)
    sums = [Fraction(sum(column)) * _power(e) / n for column, e in zip(whole, exponents, strict=True)]

    def product(i: int, j: int) -> Fraction:
        total: int = sum(a * b for a, b in zip(whole[i], whole[j], strict=True))
        return Fraction(total) * _power(exponents[i] + exponents[j]) / n

    size = len(whole)
    entries = {(i, j): product(i, j) for i in range(size) for j in range(i, size) if i < d or i == j}
    xx = [[entries[min(i, j), max(i, j)] for j in range(d)] for i in range(d)]
    xy = [[entries[i, j] for j in range(d, size)] for i in range(d)]
    return ExactMoments(xx, xy, sum((entries[j, j] for j in range(d, size)), Fraction(0)), sums[:d], sums[d:])


def of_floats(
    xx: Floats, xy: Floats, yy: float, x_mean: Floats | None = None, y_mean: Floats | None = None
) -> ExactMoments:
    """Moments that were rounded already, taken as what they are."""
    means = [None if mean is None else _vector(mean) for mean in (x_mean, y_mean)]
    return ExactMoments(exact(xx), exact(xy), Fraction(float(yy)), *means)


def exact(matrix: Floats | Sequence[Sequence[float]]) -> Matrix:
    """A matrix of floats as one of rationals."""
    return [_vector(row) for row in matrix]


def joint_is_semidefinite(moments: ExactMoments) -> bool:
    """Whether data with these moments exist; for one output only, where ``xx``, ``xy`` and ``yy`` make one matrix."""
    assert moments.outputs == 1
    rows = [[*row, b[0]] for row, b in zip(moments.xx, moments.xy, strict=True)]
    rows.append([*(b[0] for b in moments.xy), moments.yy])
    return semidefinite(rows)


def semidefinite(matrix: Matrix) -> bool:
    """Whether a symmetric matrix has no negative eigenvalue: by elimination, whose pivots decide exactly."""
    rest = [list(row) for row in matrix]
    while rest:
        pivot, first = rest[0][0], rest[0]
        if pivot < 0 or (pivot == 0 and any(first)):
            return False
        below = rest[1:]
        rest = [
            [a - (row[0] * b / pivot if pivot else 0) for a, b in zip(row[1:], first[1:], strict=True)] for row in below
        ]
    return True


def _vector(values: Floats | Sequence[float]) -> Vector:
    return [Fraction(float(value)) for value in values]


def _integers(column: Floats) -> tuple[list[int], int]:
    """Whole numbers and the exponent e of 2 with ``column = numbers * 2^e``."""
    mantissas, exponents = np.frexp(column)
    places = exponents.astype(int) - 53
    numbers = [int(value) for value in np.ldexp(mantissas, 53)]
    used = [int(place) for place, number in zip(places, numbers, strict=True) if number]
    least = min(used, default=0)
    shifted = [number << (int(place) - least) if number else 0 for number, place in zip(numbers, places, strict=True)]
    # trailing zeros of short numbers would make every product longer than it need be
    common = 0
    for number in shifted:
        common |= number
    spare = (common & -common).bit_length() - 1 if common else 0
    return [number >> spare for number in shifted], least + spare


def _power(exponent: int) -> Fraction:
    return Fraction(1 << exponent) if exponent >= 0 else Fraction(1, 1 << -exponent)
