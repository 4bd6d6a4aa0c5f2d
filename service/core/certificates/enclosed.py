"""Upper bounds: the loss of given weights with a bound on every rounding in it.

The squared error is enclosed at the end-to-end map of the weights, whose own rounding is charged by the slope there.
Noise and decay are sums of terms of one sign.  Derivation: ``docs/theory/enclosures.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.enclosures.of_problem import prediction_source
from service.core.enclosures.sources import gamma
from service.core.problems import Problem
from service.core.results import Terms

POSITIVE = 256.0
"""Roundings of a sum of terms of one sign that come from a few products each."""


@dataclass(frozen=True, slots=True)
class EnclosedLoss:
    """The loss of weights.

    Attributes
    ----------
    terms : Terms
        Nearest values; the fit is a sum of squares, or clipped at zero.
    error : float
        The exact loss differs from ``terms.loss`` by this at most.
    pull : float
        Size of the terms that cancel in the slope of the squared error, to which its rounding is relative.
    """

    terms: Terms
    error: float
    pull: float

    @property
    def upper(self) -> float:
        """No less than the exact loss."""
        return self.terms.loss + self.error


def enclosed_loss(
    problem: Problem,
    end_to_end_map: FloatArray,
    map_error: FloatArray,
    offset: FloatArray,
    noise: float,
    decay: float,
    precise: bool = False,
) -> EnclosedLoss:
    """Enclose the loss of weights with a given end-to-end map.

    Parameters
    ----------
    problem : Problem
    end_to_end_map : (k, d) array
        Product of the weights.
    map_error : (d,) array
        Bound on the norm of the error of each of its columns.
    offset : (k,) array
        Mean prediction at x = 0.
    noise, decay : float
        Sums of terms of one sign, from the weights; the second moments in ``noise`` are differences at worst.
    precise : bool
    """
    data = problem.data
    centre = bool(problem.network.bias_layers) and data.x_mean is not None and data.y_mean is not None
    source = prediction_source(problem, centre)
    local = source.near(end_to_end_map, np.zeros_like(end_to_end_map), precise)
    reach = float(source.sizes @ map_error)
    steepness = np.linalg.norm(local.slope, axis=0)
    fit, error = local.value, local.value_error + 2.0 * float(steepness @ map_error) + reach * reach
    span = float(source.sizes @ np.linalg.norm(end_to_end_map, axis=0))
    if centre and data.x_mean is not None and data.y_mean is not None:
        missed = offset + end_to_end_map @ data.x_mean - data.y_mean
        terms = np.abs(offset) + np.abs(end_to_end_map) @ np.abs(data.x_mean) + np.abs(data.y_mean)
        off = float(np.linalg.norm(gamma(data.inputs + 8.0) * terms)) + float(np.abs(data.x_mean) @ map_error)
        size = float(np.linalg.norm(missed))
        fit += size * size
        error += off * (2.0 * size + off)
    if noise > 0.0:
        # second moments of a prediction of size r from terms of size s are off by gamma s^2
        square = max(data.mean_square(end_to_end_map), 1e-300)
        error += gamma(8.0 * data.inputs + POSITIVE) * noise * max(1.0, span * span / square)
    error += gamma(POSITIVE) * (noise + decay) + gamma(8.0) * abs(fit)
    terms_size = float(np.sqrt(max(data.yy, 0.0))) + span
    return EnclosedLoss(
        Terms(max(fit, 0.0), noise, decay), 1.01 * error, float(np.linalg.norm(source.sizes)) * terms_size
    )
