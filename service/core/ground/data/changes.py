"""Data after a linear change of inputs or targets: of the factor of the samples where there is one."""

import numpy as np

from service.core.ground.data.conditioned import Moments, moments_of_factor
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor, powers_of_two, triangle


def factor_of_rows(rows: FloatArray, n: int, x_mean: FloatArray, y_mean: FloatArray) -> Factor:
    """Factor of samples whose deviations have the same products as rows (m, d + k)."""
    scale = powers_of_two(np.sqrt(np.einsum("ij,ij->j", rows, rows) / n))
    return Factor(n, x_mean, y_mean, scale, triangle(rows / scale))


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
