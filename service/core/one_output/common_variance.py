"""The common variance, or the common factor of all variances, at which noise has a given effect on the curve."""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray


def common_variance(log_factors: FloatArray, rates: FloatArray) -> FloatArray:
    """The log x with ``sum_i log(1 + x rate_i) = log_factor``, row by row; NaN where there is none.

    Parameters
    ----------
    log_factors : (m,) array
        Positive, or NaN.
    rates : (m, n) array
        Not negative; a row of zeros has no such x.

    Notes
    -----
    In ``log x`` the left side is increasing and convex, so Newton's method from above falls to the root: it needs no
    bracket, and a start that rounding has put below the root is one that a step puts above.
    """
    log_x = np.full(log_factors.size, np.nan)
    some = np.isfinite(log_factors) & np.any(rates > 0.0, axis=1)
    log_x[some] = _newton(log_factors[some], rates[some])
    return log_x


def _newton(log_factors: FloatArray, rates: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        log_rates = np.log(rates)
    least = np.min(np.where(rates > 0.0, log_rates, np.inf), axis=1)
    share = log_factors / np.count_nonzero(rates, axis=1)
    # the answer if every rate were the least; log(expm1(s)) without overflow
    log_x: FloatArray = share + np.log(-np.expm1(-share)) - least
    for _ in range(200):
        grown = log_x[:, None] + log_rates
        value = np.logaddexp(0.0, grown).sum(axis=1) - log_factors
        slope = np.exp(-np.logaddexp(0.0, -grown)).sum(axis=1)
        step = value / slope
        log_x = log_x - step
        if not np.any(np.abs(step) > 1e-15 * np.maximum(1.0, np.abs(log_x))):
            break
    return log_x
