"""Data after a linear change of inputs or targets: of the factor of the samples where there is one."""

import numpy as np

from service.core.ground.data.conditioned import Moments, moments_of, moments_of_factor
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor, out_of_range, powers_of_two, safe_exponents, triangle


def factor_of_rows(rows: FloatArray, n: int, x_mean: FloatArray, y_mean: FloatArray) -> Factor:
    """Factor of samples whose deviations have the same products as rows (m, d + k)."""
    exponents = safe_exponents(np.abs(rows).max(axis=0, initial=0.0))
    if exponents.any():
        rows = np.ldexp(rows, -exponents)
    scale = powers_of_two(np.sqrt(np.einsum("ij,ij->j", rows, rows) / n))
    scale, r = out_of_range(scale, triangle(rows / scale), exponents)
    return Factor(n, x_mean, y_mean, scale, r)


def weighted_moments(x: FloatArray, y: FloatArray, weights: FloatArray) -> Moments:
    """Moments of samples ``x`` (n, d) and ``y`` (n, k) under weights (n,) whose mean is one.

    Notes
    -----
    Weighted means are taken off in two passes before anything is squared, as for samples that count alike.
    """
    if float(np.ptp(weights)) == 0.0:
        return moments_of(x, y)
    table = np.concatenate((x, y), axis=1)
    constant = (table == table[0]).all(axis=0)
    share = weights / float(weights.sum())
    mean = share @ table
    deviations = table - mean
    rest = share @ deviations
    mean = np.where(constant, table[0], mean + rest)
    deviations = np.where(constant, 0.0, deviations - rest)
    inputs = x.shape[1]
    rows = deviations * np.sqrt(weights)[:, None]
    return moments_of_factor(factor_of_rows(rows, len(x), mean[:inputs], mean[inputs:]))


def _rows(factor: Factor) -> tuple[FloatArray, FloatArray]:
    """Deviations of inputs and targets, as rows of the factor."""
    rows = factor.r * factor.scale
    return rows[:, : factor.inputs], rows[:, factor.inputs :]


def with_input_noise(data: Moments, variance: float, *, centre: bool) -> Moments:
    """Data whose second moments contain independent noise on each input; about the means if ``centre``.

    Parameters
    ----------
    data : Moments
    variance : float
        Of mean-one factors on the inputs: it adds ``variance diag(E[x x'])``, which sees the means in any case.
    centre : bool
    """
    seen = data.central if centre else data
    if variance == 0.0:
        return seen
    added = variance * data.xx.diagonal()
    if seen.factor is None:
        return Moments(seen.xx + np.diag(added), seen.xy, seen.yy, data.n, seen.x_mean, seen.y_mean, sizes=seen.sizes)
    factor = seen.factor
    x, y = _rows(factor)
    noise = np.concatenate((np.diag(np.sqrt(factor.n * added)), np.zeros((factor.inputs, factor.outputs))), axis=1)
    rows = np.concatenate((np.concatenate((x, y), axis=1), noise))
    return moments_of_factor(factor_of_rows(rows, factor.n, factor.x_mean, factor.y_mean))


def with_inputs(data: Moments, matrix: FloatArray) -> Moments:
    """Data with ``matrix x`` in the place of the inputs, for a matrix (p, d)."""
    if data.factor is None:
        second = matrix @ data.xx @ matrix.T
        mean = None if data.x_mean is None else matrix @ data.x_mean
        return Moments(0.5 * (second + second.T), matrix @ data.xy, data.yy, data.n, mean, data.y_mean)
    factor = data.factor
    x, y = _rows(factor)
    rows = np.concatenate((x @ matrix.T, y), axis=1)
    return moments_of_factor(factor_of_rows(rows, factor.n, matrix @ factor.x_mean, factor.y_mean))


def with_inputs_taken_off(data: Moments) -> Moments:
    """Data with ``y - x`` in the place of the targets; as many of these as inputs."""
    if data.factor is None:
        total = data.yy - 2.0 * float(np.trace(data.xy)) + float(np.trace(data.xx))
        mean = None if data.x_mean is None or data.y_mean is None else data.y_mean - data.x_mean
        return Moments(data.xx, data.xy - data.xx, max(total, 0.0), data.n, data.x_mean, mean)
    factor = data.factor
    x, y = _rows(factor)
    rows = np.concatenate((x, y - x), axis=1)
    return moments_of_factor(factor_of_rows(rows, factor.n, factor.x_mean, factor.y_mean - factor.x_mean))


def with_targets(data: Moments, columns: FloatArray) -> tuple[Moments, float]:
    """Data with ``columns' y`` in the place of the targets, for orthonormal columns (k, r), and what is left of these.

    Notes
    -----
    Moments alone do not determine what is left: it then stays in the mean square of the targets.
    """
    if data.factor is None:
        means = (data.x_mean, None if data.y_mean is None else columns.T @ data.y_mean)
        return Moments(data.xx, data.xy @ columns, data.yy, data.n, *means), 0.0
    factor = data.factor
    x, y = _rows(factor)
    kept = y @ columns
    mean = columns.T @ factor.y_mean
    rest, off = y - kept @ columns.T, factor.y_mean - columns @ mean
    left = float(np.sum(rest * rest)) / factor.n + float(off @ off)
    rows = np.concatenate((x, kept), axis=1)
    return moments_of_factor(factor_of_rows(rows, factor.n, factor.x_mean, mean)), left


def with_ridge_taken_off(data: Moments, decay: float) -> Moments:
    """Data of what a ridge regression of this decay leaves: inputs and targets less what it predicts of them.

    Notes
    -----
    Along an eigenvector of the second moments with eigenvalue s the share ``decay / (s + decay)`` is left, of the
    moments of inputs and targets alike, the decay of the regression counted in.
    """
    spectrum = data.spectrum
    values = np.maximum(spectrum.values, 0.0)
    keep = decay / (values + decay)
    roots = np.sqrt(keep * values)
    left, targets = roots[:, None] * spectrum.vectors.T, np.sqrt(keep)[:, None] * spectrum.response
    rest = spectrum.least_residual(data.yy)
    if data.factor is None:
        second = left.T @ left
        total = float(np.sum(targets * targets)) + rest
        return Moments(0.5 * (second + second.T), left.T @ targets, total, data.n)
    below = np.zeros((1, data.inputs + data.outputs))
    below[0, data.inputs] = np.sqrt(rest)
    rows = np.concatenate((np.concatenate((left, targets), axis=1), below)) * np.sqrt(data.factor.n)
    none = np.zeros_like(data.factor.x_mean), np.zeros_like(data.factor.y_mean)
    return moments_of_factor(factor_of_rows(rows, data.factor.n, *none))
