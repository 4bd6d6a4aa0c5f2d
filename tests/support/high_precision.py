"""One output with weight decay in many digits, written from the statement and sharing no code with the service.

The least loss of a linear network with D hidden layers and one output is that of its map w under
``w' C w - 2 b' w + yy + (D + 1) G |w|^(2 / (D + 1))``, where G is the geometric mean of the decays and C the second
moments of the inputs times the factors by which noise raises them.  Every stationary w is ``(C + rho)^-1 b``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import mpmath as mp  # type: ignore[import-untyped]  # it has no stubs
import numpy as np

from tests.support.exact_numbers import ExactMoments
from tests.support.exact_truth import least_squares

DIGITS = 100
"""Twice the digits of the answer, and those that an eigenvalue 1e-30 below the largest one loses."""
NULL = 70
"""Eigenvalues this many decades below the largest are zero: columns of equal units leave none there."""
STEP = 0.01
"""Of the scan in the logarithm of rho, within which the height may change its sign once."""


@dataclass(frozen=True)
class Exact:
    """A minimum in many digits.

    Attributes
    ----------
    loss : mpf
    roots : int
        Number of stationary maps other than zero.
    multiplier : float
        rho at the minimum, by which its map is the ridge solution; infinite where the map is zero.
    """

    loss: mp.mpf
    roots: int
    multiplier: float


def exact_minimum(
    moments: ExactMoments,
    decays: Sequence[float],
    noise: Iterable[tuple[float, int]] = (),
    input_noise: float = 0.0,
) -> Exact:
    """Least loss of a network with one output, its moments taken as exact numbers.

    Parameters
    ----------
    moments : ExactMoments
        Centred already, if the output has a free offset.
    decays : sequence of float
        Positive, one for each of the D + 1 layers.
    noise : iterable of (float, int)
        Variance and width of each hidden layer with noise.
    input_noise : float
        Variance of the noise on the inputs.
    """
    with mp.workdps(DIGITS + spread(moments)):
        factor = mp.mpf(1)
        for variance, width in noise:
            factor *= 1 + mp.mpf(float(variance)) / width
        pairs = spectrum(moments, factor, input_noise)
        depth = len(decays) - 1
        mean_log = mp.fsum(mp.log(mp.mpf(float(decay))) for decay in decays) / (depth + 1)
        return _minimum(pairs, number(moments.yy), depth, mean_log)


def least_loss_within(moments: ExactMoments, norm: float) -> mp.mpf:
    """Least loss of maps with ``|w| <= norm``, without decay; for any number of outputs."""
    with mp.workdps(DIGITS + spread(moments)):
        pairs = spectrum(moments, mp.mpf(1), 0.0)
        bound, yy = mp.mpf(float(norm)), number(moments.yy)
        free = mp.fsum(a / c**2 for c, a in pairs)
        if free <= bound**2:
            return yy - mp.fsum(a / c for c, a in pairs)
        if bound == 0:
            return yy

        def excess(t: mp.mpf) -> mp.mpf:
            return mp.log(mp.fsum(a / (c + mp.exp(t)) ** 2 for c, a in pairs)) - 2 * mp.log(bound)

        # |w| falls from its free value to at most |b| / rho
        high = mp.log(mp.sqrt(mp.fsum(a for _, a in pairs)) / bound) + 1
        low = mp.log(min(c for c, _ in pairs)) - 300
        while high - low > STEP:
            middle = (low + high) / 2
            low, high = (middle, high) if excess(middle) > 0 else (low, middle)
        rho = mp.exp(_root(excess, low, high))
        return yy - mp.fsum(a * (c + 2 * rho) / (c + rho) ** 2 for c, a in pairs)


def least_loss_of_rank(moments: ExactMoments, rank: int) -> mp.mpf:
    """Least loss of maps of at most this rank, without decay.

    What the best map explains is the trace of ``xy' xx^+ xy``, of which the largest eigenvalues can be had
    (Eckart and Young, in coordinates where the inputs are white).
    """
    columns = list(zip(*moments.xy, strict=True))
    products = [
        [sum((a * b for a, b in zip(row, column, strict=True)), Fraction(0)) for column in columns]
        for row in least_squares(moments).map
    ]
    with mp.workdps(DIGITS):
        values = mp.eigsy(mp.matrix([[number(entry) for entry in row] for row in products]), eigvals_only=True)
        return number(moments.yy) - mp.fsum(sorted(values, reverse=True)[:rank])


def spectrum(moments: ExactMoments, factor: mp.mpf, input_noise: float) -> list[tuple[mp.mpf, mp.mpf]]:
    """Eigenvalues of C and the squares of what the correlations have along each, without what is zero."""
    size = moments.inputs
    # noise on the inputs multiplies their own squares only
    own = 1 + Fraction(float(input_noise))
    rows = [[number(entry * (own if i == j else 1)) for j, entry in enumerate(row)] for i, row in enumerate(moments.xx)]
    values, vectors = mp.eigsy(factor * mp.matrix(rows))
    largest = max(abs(values[i]) for i in range(size))
    projections = vectors.T * mp.matrix([[number(entry) for entry in row] for row in moments.xy])
    squares = [mp.fsum(projections[i, j] ** 2 for j in range(moments.outputs)) for i in range(size)]
    null = largest * mp.mpf(10) ** -(NULL + spread(moments))
    return [(values[i], squares[i]) for i in range(size) if values[i] > null and squares[i] != 0]


def spread(moments: ExactMoments) -> int:
    """Decades between the largest and the smallest mean square of an input that is not zero."""
    squares = [moments.xx[i][i] for i in range(moments.inputs) if moments.xx[i][i] > 0]
    return len(str(int(max(squares) / min(squares)))) if squares else 0


def scaled_condition(moments: ExactMoments) -> float:
    """Ratio of the extreme singular values of the samples after their columns were scaled to unit norm.

    Inputs that are zero throughout are left out; infinite where the others are dependent.
    """
    with mp.workdps(DIGITS):
        used = [i for i in range(moments.inputs) if moments.xx[i][i] > 0]
        if not used:
            return 1.0
        norms = {i: mp.sqrt(number(moments.xx[i][i])) for i in used}
        rows = [[number(moments.xx[i][j]) / (norms[i] * norms[j]) for j in used] for i in used]
        values = mp.eigsy(mp.matrix(rows), eigvals_only=True)
        least, largest = min(values), max(values)
        return float(mp.sqrt(largest / least)) if least > largest * mp.mpf(10) ** -NULL else float("inf")


def number(value: Fraction) -> mp.mpf:
    """A rational number in the digits at work."""
    return mp.mpf(value.numerator) / value.denominator


def _minimum(pairs: list[tuple[mp.mpf, mp.mpf]], yy: mp.mpf, depth: int, mean_log: mp.mpf) -> Exact:
    decay = mp.exp(mean_log)
    if depth == 0:
        return Exact(yy - mp.fsum(a / (c + decay) for c, a in pairs), 1, float(decay))
    if not pairs:
        return Exact(yy, 0, float("inf"))
    power = mp.mpf(depth + 1) / depth

    def height(t: mp.mpf) -> mp.mpf:
        rho = mp.exp(t)
        return power * (t - mean_log) + mp.log(mp.fsum(a / (c + rho) ** 2 for c, a in pairs))

    best, multiplier, roots = yy, float("inf"), _roots(height, pairs, depth, power * mean_log, power)
    for t in roots:
        rho = mp.exp(t)
        loss = yy - mp.fsum(a * (c - (depth - 1) * rho) / (c + rho) ** 2 for c, a in pairs)
        if loss < best:
            best, multiplier = loss, float(rho)
    return Exact(best, len(roots), multiplier)


def _roots(
    height: Callable[[mp.mpf], mp.mpf], pairs: list[tuple[mp.mpf, mp.mpf]], depth: int, level: mp.mpf, power: mp.mpf
) -> list[mp.mpf]:
    """Changes of sign on a dense grid in double precision, refined in full precision."""
    logs = [np.array([float(mp.log(pair[side])) for pair in pairs]) for side in (0, 1)]
    low = float((level - mp.log(mp.fsum(a / c**2 for c, a in pairs))) / power) - 1.0
    # below: rho^p |b|^2 / (c + rho)^2 <= rho^(p - 2) |b|^2; one hidden layer has a root below every bound of that kind
    high = float(logs[0].max()) + 60.0
    if depth > 1:
        high = max(high, float((mp.log(mp.fsum(a for _, a in pairs)) - level) / (2 - power)) + 1.0)
    if low >= high:
        return []
    grid = np.linspace(low, high, int((high - low) / STEP) + 2)
    exponents = logs[1] - 2.0 * np.logaddexp(logs[0], grid[:, None])
    top = exponents.max(axis=1)
    heights = float(power) * grid + top + np.log(np.exp(exponents - top[:, None]).sum(axis=1)) - float(level)
    at = np.flatnonzero((heights[1:] >= 0.0) != (heights[:-1] >= 0.0))
    return [_root(height, mp.mpf(grid[i]), mp.mpf(grid[i + 1])) for i in at]


def _root(function: Callable[[mp.mpf], mp.mpf], low: mp.mpf, high: mp.mpf) -> mp.mpf:
    """A change of sign in an interval of a `STEP`; losses are stationary there, so half the digits would do."""
    return mp.findroot(function, (low, high), solver="anderson", tol=mp.mpf(10) ** -70)
