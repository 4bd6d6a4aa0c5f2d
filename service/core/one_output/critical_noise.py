"""The hidden noise at which a one-output network collapses to the zero map."""

from math import exp, expm1, log
from typing import Final

import numpy as np

from service.core.ground.numbers.bracketed import bracketed_root
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Moments, Network
from service.core.one_output.curve import Curve
from service.core.one_output.jumps import NEAR, collapse_log_kappa
from service.core.one_output.reduced import ReducedProblem, noise_changes_form, reduce

BEYOND: Final = "outside the range of double precision"
LARGEST_UNSHARED: Final = 256
"""Inputs up to which the critical noise is searched where each noise needs its own eigendecomposition."""


def critical_noise(
    network: Network, moments: Moments, reduced: ReducedProblem, critical_log_kappa: float, reasons: dict[str, str]
) -> tuple[float | None, float | None]:
    """Common variance and common factor of the noise at which the network collapses."""
    names = ("critical_noise_variance", "critical_noise_scale")
    log_factor = _critical_log_factor(network, moments, reduced, critical_log_kappa)
    if isinstance(log_factor, str):
        reasons.update(dict.fromkeys(names, log_factor))
        return None, None
    hidden = network.layers[:-1]
    variance = _spread(log_factor, [1.0 / layer.width for layer in hidden])
    noisy = [layer.noise_variance / layer.width for layer in hidden if layer.noise_variance > 0.0]
    # a denormal variance may have no rate; no factor below the largest float makes anything of it
    rates = [rate for rate in noisy if rate > 0.0]
    scale = _spread(log_factor, rates) if rates else None
    if variance is None:
        reasons["critical_noise_variance"] = BEYOND
    if scale is None:
        reasons["critical_noise_scale"] = BEYOND if noisy else "no hidden layer has noise"
    return variance, scale


def _critical_log_factor(
    network: Network, moments: Moments, reduced: ReducedProblem, critical_log_kappa: float
) -> float | str:
    """log C at which the zero map takes over, or why there is none."""
    depth = reduced.n_hidden
    trivial = "the zero map is the global minimum without any noise"
    if not noise_changes_form(network, moments):
        log_factor = (critical_log_kappa - reduced.log_decay) * (depth + 1) / (depth - 1)
        return log_factor if log_factor > 0.0 else trivial
    if moments.inputs > LARGEST_UNSHARED:
        return f"not searched above {LARGEST_UNSHARED} inputs where a bias centres the mean but not the noise"

    def excess(log_factor: float) -> float:
        varied = reduce(network, moments, log_factor)
        if not varied.values.size:
            # the noise has outgrown every correlation by more than double precision holds
            return -1.0
        curve = Curve(varied.values, varied.squares, depth)
        return collapse_log_kappa(curve) - varied.log_kappa

    if excess(0.0) <= 0.0:
        return trivial
    high = 1.0
    while excess(high) > 0.0:
        high *= 2.0
        if high > 600.0:
            return BEYOND
    log_factor = bracketed_root(excess, 0.0, high, rounding=0.0, absolute=NEAR)
    # at the threshold itself the root is zero to rounding, and so is the noise
    return log_factor if log_factor > 0.0 else trivial


def _spread(log_factor: float, rates: list[float]) -> float | None:
    """The x > 0 with ``sum log(1 + x rate_i) = log_factor``; None if it overflows.  Many at once: `common_variance`."""
    share = log_factor / len(rates)
    # log(expm1(share)) without overflow
    middle = share + log(-expm1(-share))
    if middle - log(min(rates)) > 690.0:
        return None
    # the answer if every rate were the largest, and if every rate were the smallest
    low, high = middle - log(max(rates)), middle - log(min(rates))
    if low == high:
        return exp(low)
    logs = np.log(rates)

    def excess(log_x: float) -> float:
        return float(np.logaddexp(0.0, log_x + logs).sum()) - log_factor

    rounding = 4.0 * EPSILON * len(rates) * (log_factor + abs(low) + abs(high))
    return exp(bracketed_root(excess, low, high, rounding, absolute=NEAR))
