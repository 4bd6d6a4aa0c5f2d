"""The truth in rational numbers: least squares, ridge, and the objective at given weights.

Independent of the service's mathematics: only `fractions` and Gaussian elimination, where every decision about a rank
is exact.  Meant for at most some dozen inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tests.support.exact_numbers import ExactMoments, Floats, Matrix, Vector, exact


@dataclass(frozen=True)
class LeastSquares:
    """A minimum over all linear maps.

    Attributes
    ----------
    loss : Fraction
        ``min E||W x + b - y||^2 + penalty ||W||^2``.
    map : (k, d) matrix
        A minimiser W; where there are several, one that is zero at the inputs that depend on earlier ones.
    offset : (k,) vector
        Its b, zero without intercept.
    rank : int
        Of the inputs, centred if there is an intercept.
    """

    loss: Fraction
    map: Matrix
    offset: Vector
    rank: int


def least_squares(moments: ExactMoments, *, intercept: bool = False, penalty: float | Fraction = 0.0) -> LeastSquares:
    """The least loss and a map that attains it.

    Parameters
    ----------
    moments : ExactMoments
    intercept : bool
        Whether a free offset is added to the outputs, which needs the means.
    penalty : float or Fraction
        Weight decay p >= 0 of a single layer.
    """
    data = moments.centred() if intercept else moments
    d, k = data.inputs, data.outputs
    charge = Fraction(penalty)
    rows = [
        [entry + charge * (i == j) for j, entry in enumerate(row)] + list(data.xy[i]) for i, row in enumerate(data.xx)
    ]
    pivots = _eliminate(rows, d)
    solution = [[Fraction(0)] * d for _ in range(k)]
    for row, column in enumerate(pivots):
        for output in range(k):
            solution[output][column] = rows[row][d + output]
    explained = sum((solution[j][i] * data.xy[i][j] for i in range(d) for j in range(k)), Fraction(0))
    offset = [Fraction(0)] * k
    if intercept and moments.x_mean is not None and moments.y_mean is not None:
        offset = [moments.y_mean[j] - _dot(solution[j], moments.x_mean) for j in range(k)]
    return LeastSquares(data.yy - explained, solution, offset, len(pivots))


def _eliminate(rows: Matrix, columns: int) -> list[int]:
    """Bring the first columns to reduced echelon form in place; where the pivots stand."""
    pivots: list[int] = []
    for column in range(columns):
        at = len(pivots)
        found = next((row for row in range(at, len(rows)) if rows[row][column]), None)
        if found is None:
            continue
        rows[at], rows[found] = rows[found], rows[at]
        head = rows[at][column]
        rows[at] = [entry / head for entry in rows[at]]
        for row, entries in enumerate(rows):
            if row != at and entries[column]:
                factor = entries[column]
                rows[row] = [a - factor * b if b else a for a, b in zip(entries, rows[at], strict=True)]
        pivots.append(column)
    return pivots


def objective(
    moments: ExactMoments,
    weights: Sequence[Floats],
    decays: Sequence[float],
    biases: Sequence[Floats | None] | None = None,
    noise: Sequence[float] = (),
) -> Fraction:
    """``J`` at given weights of a chain of linear layers, whose biases are not decayed.

    Parameters
    ----------
    moments : ExactMoments
        With means, if there are biases.
    weights : sequence of (width, inputs) arrays
        From the first layer to the last.
    decays : sequence of float
        One for each layer.
    biases : sequence of ((width,) array or None), optional
        With noise, of the output only.
    noise : sequence of float
        Variance of the factor of mean one on every neuron of each hidden layer; empty for none.
    """
    layers = [exact(weight) for weight in weights]
    chain, offset = _composed(layers, biases or [None] * len(layers))
    decay = Fraction(0)
    for rate, layer in zip(decays, layers, strict=True):
        decay += Fraction(rate) * sum((entry * entry for row in layer for entry in row), Fraction(0))
    return mean_square(moments, chain, offset) + _spread(moments, layers, noise) + decay


def _spread(moments: ExactMoments, layers: Sequence[Matrix], noise: Sequence[float]) -> Fraction:
    """Mean variance of the outputs under noise: with it less without it, of the second moments passed through."""
    if not any(noise):
        return Fraction(0)
    noisy = plain = moments.xx
    for index, layer in enumerate(layers):
        noisy, plain = (_through(layer, each) for each in (noisy, plain))
        if index < len(noise):
            raised = 1 + Fraction(noise[index])
            noisy = [[entry * (raised if i == j else 1) for j, entry in enumerate(row)] for i, row in enumerate(noisy)]
    return sum((noisy[j][j] - plain[j][j] for j in range(len(noisy))), Fraction(0))


def _through(layer: Matrix, second: Matrix) -> Matrix:
    images = [[_dot(row, column) for column in second] for row in layer]
    return [[_dot(image, row) for row in layer] for image in images]


def composed(weights: Sequence[Floats], biases: Sequence[Floats | None] | None = None) -> tuple[Matrix, Vector]:
    """The map and the offset of a chain of linear layers."""
    return _composed([exact(weight) for weight in weights], biases or [None] * len(weights))


def mean_square(moments: ExactMoments, chain: Matrix, offset: Vector) -> Fraction:
    """``E||M x + b - y||^2``."""
    total = moments.yy
    for j, row in enumerate(chain):
        image = [_dot(row, column) for column in moments.xx]
        total += _dot(row, image) - 2 * sum(a * moments.xy[i][j] for i, a in enumerate(row))
        if offset[j]:
            assert moments.x_mean is not None
            assert moments.y_mean is not None
            total += offset[j] * (offset[j] + 2 * _dot(row, moments.x_mean) - 2 * moments.y_mean[j])
    return total


def _composed(layers: Sequence[Matrix], biases: Sequence[Floats | None]) -> tuple[Matrix, Vector]:
    chain, offset = layers[0], _offset(biases[0], len(layers[0]))
    for layer, bias in zip(layers[1:], biases[1:], strict=True):
        columns = list(zip(*chain, strict=True))
        chain = [[_dot(row, column) for column in columns] for row in layer]
        own = _offset(bias, len(layer))
        offset = [_dot(row, offset) + shift for row, shift in zip(layer, own, strict=True)]
    return chain, offset


def _offset(bias: Floats | None, width: int) -> Vector:
    return [Fraction(0)] * width if bias is None else [Fraction(float(value)) for value in bias]


def _dot(left: Sequence[Fraction], right: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(left, right, strict=True) if a and b), Fraction(0))
