"""The expected loss in rational arithmetic: what a loss near a bound is worth when double precision cannot say."""

from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters

Exact: TypeAlias = npt.NDArray[Any]
"""Entries are fractions, of any size."""


def exact(array: npt.ArrayLike) -> Exact:
    """The same numbers as fractions; every double is one."""
    return np.frompyfunc(Fraction, 1, 1)(np.asarray(array, dtype=float))  # type: ignore[no-any-return]  # numpy types ufuncs of objects as Any


def exact_loss(problem: Problem, parameters: DenseParameters) -> Fraction:
    """Expected objective of a linear network without any rounding; moments and weights are taken as they are.

    Notes
    -----
    The recursion of ``docs/theory/second-moments.md``, written down a second time.
    """
    network, moments = problem.network, problem.data
    second, target = exact(moments.xx), exact(moments.xy)
    x_mean = np.zeros(moments.inputs) if moments.x_mean is None else moments.x_mean
    y_mean = exact(np.zeros(moments.outputs) if moments.y_mean is None else moments.y_mean)
    mean = exact(x_mean)
    total: Fraction = Fraction(moments.yy)
    second = _noisy(second, network.input_noise_variance)
    for index, (layer, weight, bias) in enumerate(
        zip(network.layers, map(exact, parameters.weights), parameters.biases, strict=True)
    ):
        total += Fraction(layer.weight_decay) * np.sum(weight * weight)
        second, target, mean = weight.dot(second).dot(weight.T), weight.dot(target), weight.dot(mean)
        if bias is not None:
            shift = exact(bias)
            cross = np.outer(mean, shift)
            second = second + cross + cross.T + np.outer(shift, shift)
            target, mean = target + np.outer(shift, y_mean), mean + shift
            total += Fraction(network.bias_weight_decays[index]) * np.sum(shift * shift)
        second = _noisy(second, layer.noise_variance)
    total += second.diagonal().sum() - 2 * target.diagonal().sum()
    return total


def _noisy(second: Exact, variance: float) -> Exact:
    """``M + v diag(M)``."""
    result = second.copy()
    result[np.diag_indices_from(result)] *= 1 + Fraction(variance)
    return result
