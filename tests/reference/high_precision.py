"""The reduced one-output problem in 60 digits, written from the statement and sharing no code with the service."""

from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp  # type: ignore[import-untyped]  # it has no stubs
import numpy as np

from service.core.problems import Problem

DIGITS = 60


@dataclass(frozen=True)
class Exact:
    """Least loss and the number of stationary norms."""

    loss: mp.mpf
    roots: int


def exact_minimum(problem: Problem) -> Exact:
    """Least loss of a bias-free one-output network on full-rank inputs, its moments taken as exact numbers."""
    with mp.workdps(DIGITS):
        return _minimum(problem)


def _minimum(problem: Problem) -> Exact:
    network, data = problem.network, problem.data
    depth = network.n_hidden
    factor = mp.mpf(1)
    for width, variance in zip(network.hidden_widths, network.noise_variances, strict=True):
        factor *= 1 + mp.mpf(float(variance)) / width
    mean_log = sum(mp.log(mp.mpf(float(decay))) for decay in network.weight_decays) / (depth + 1)
    xx = data.xx + np.zeros_like(data.xx)
    matrix = mp.matrix(xx.tolist())
    for index in range(data.inputs):
        matrix[index, index] *= 1 + mp.mpf(network.input_noise_variance)
    values, vectors = mp.eigsy(factor * matrix)
    projections = vectors.T * mp.matrix(data.xy.tolist())
    pairs = [(values[i], projections[i] ** 2) for i in range(data.inputs) if projections[i] != 0]
    yy = mp.mpf(data.yy)
    decay = mp.exp(mean_log)
    if depth == 0:
        return Exact(yy - sum(a / (c + decay) for c, a in pairs), 1)
    power = mp.mpf(depth + 1) / depth
    level = power * mean_log

    def height(t: mp.mpf) -> mp.mpf:
        rho = mp.exp(t)
        return power * t + mp.log(sum(a / (c + rho) ** 2 for c, a in pairs)) - level

    best, roots = yy, _roots(height, pairs, depth, level, power)
    for t in roots:
        rho = mp.exp(t)
        loss = yy - sum(a * (c - (depth - 1) * rho) / (c + rho) ** 2 for c, a in pairs)
        best = min(best, loss)
    return Exact(best, len(roots))


def _roots(
    height: Callable[[mp.mpf], mp.mpf], pairs: list[tuple[mp.mpf, mp.mpf]], depth: int, level: mp.mpf, power: mp.mpf
) -> list[mp.mpf]:
    """All sign changes of a dense scan, refined by bisection and secants."""
    inverse = mp.log(sum(a / c**2 for c, a in pairs))
    low = float((level - inverse) / power) - 1.0
    high = float(mp.log(max(c for c, _ in pairs))) + 3.0
    # phi < rho^(p-2) ||a||^2 bounds the roots from above; one hidden layer has its only root below the last term
    norm = mp.log(sum(a for _, a in pairs))
    high = high + 60.0 if depth == 1 else max(high, float((norm - level) / (2 - power)) + 1.0)
    count = int((high - low) / 0.01) + 2
    # a scan in double precision shows where to look
    grid = np.linspace(low, high, count)
    c = np.array([float(value) for value, _ in pairs])
    log_a = np.array([float(mp.log(square)) for _, square in pairs])
    exponents = log_a - 2.0 * np.logaddexp(np.log(c), grid[:, None])
    top = exponents.max(axis=1)
    values = float(power) * grid + top + np.log(np.exp(exponents - top[:, None]).sum(axis=1)) - float(level)
    at = np.flatnonzero((values[1:] >= 0.0) != (values[:-1] >= 0.0))
    return [
        mp.findroot(height, (mp.mpf(grid[i]), mp.mpf(grid[i + 1])), solver="anderson", tol=mp.mpf(10) ** -90)
        for i in at
    ]
