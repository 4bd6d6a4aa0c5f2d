"""The point where all weights are zero: its class, curvature, barrier and trapping radius.

Statements and proofs: ``docs/theory/origin.md``.
"""

import numpy as np

from service.core.ground.problems import Moments, Network
from service.core.ground.results import Origin
from service.core.one_output.branches import Branches
from service.core.one_output.reduced import ReducedProblem, centres_the_mean
from service.vocabulary import Bias, PointClass


def origin(network: Network, moments: Moments, reduced: ReducedProblem, branches: Branches, trivial: bool) -> Origin:
    """Describe the origin of a one-output network.

    Returns
    -------
    Origin
        Numbers in the core's convention, each a number or a reason.
    """
    reasons: dict[str, str] = {}
    point_class = _class(network, reduced, trivial)
    if point_class is PointClass.NOT_STATIONARY:
        reason = "no hidden layer: the zero map is not stationary"
        names = ("least_hessian_eigenvalue", "barrier_height", "escape_norm")
        return Origin(point_class, None, None, None, dict.fromkeys(names, reason))
    barrier: float | None = 0.0
    if reduced.n_hidden > 1 and reduced.values.size:
        if reduced.log_kappa == -np.inf:
            barrier, reasons["barrier_height"] = None, "a layer without decay: the minimum is not at a finite norm"
            if not np.any(network.weight_decays):
                barrier = 0.0
                del reasons["barrier_height"]
        else:
            barrier = branches.barrier
    escape = _escape_norm(network, moments, reduced, point_class, reasons)
    return Origin(point_class, _least_eigenvalue(network, reduced), barrier, escape, reasons)


def _class(network: Network, reduced: ReducedProblem, trivial: bool) -> PointClass:
    if not reduced.values.size or trivial:
        return PointClass.GLOBAL_MINIMUM
    if reduced.n_hidden == 0:
        return PointClass.NOT_STATIONARY
    if reduced.n_hidden == 1:
        return PointClass.STRICT_SADDLE
    # two decayed layers bound the product of all from below by a quadratic, one or none do not
    decayed = int(np.count_nonzero(network.weight_decays))
    return PointClass.LOCAL_MINIMUM if decayed >= 2 else PointClass.NON_STRICT_SADDLE


def _least_eigenvalue(network: Network, reduced: ReducedProblem) -> float:
    decays = network.weight_decays
    if reduced.n_hidden == 0:
        least = 2.0 * float(reduced.spectrum.values[0] + decays[0])
    elif reduced.n_hidden == 1:
        total, difference = float(decays.sum()), float(decays[0] - decays[1])
        least = total - float(np.hypot(difference, 2.0 * reduced.correlation))
    else:
        least = 2.0 * float(decays.min())
    # hidden biases do not move the output at the origin; an output bias has curvature 2 (plus its decay)
    if network.bias in (Bias.ALL, Bias.HIDDEN) and reduced.n_hidden:
        hidden = network.bias_weight_decays[:-1]
        least = min(least, 2.0 * min(hidden, default=0.0))
    if network.has_bias(network.n_layers - 1):
        least = min(least, 2.0 + 2.0 * (network.bias_weight_decays[-1] if network.bias_weight_decays else 0.0))
    return least


def _escape_norm(
    network: Network, moments: Moments, reduced: ReducedProblem, point_class: PointClass, reasons: dict[str, str]
) -> float | None:
    depth, least = reduced.n_hidden, float(network.weight_decays.min())
    if not reduced.values.size:
        reason = "the targets do not correlate with the inputs: no start is kept from the origin"
    elif depth == 0:
        reason = "no hidden layer: the objective is convex"
    elif depth == 1:
        falls = "every start falls to it" if point_class is PointClass.GLOBAL_MINIMUM else "nothing falls to it"
        reason = f"one hidden layer: the origin is the minimum or a saddle; here {falls}"
    elif least == 0.0:
        reason = "a layer without decay: nothing is proved to be trapped"
    elif network.bias is Bias.ALL or network.bias is Bias.HIDDEN or centres_the_mean(network, moments):
        reason = "a bias trains too: the trapping radius is derived for fixed biases only"
    else:
        return float(np.sqrt(depth + 1.0) * (least / reduced.correlation) ** (1.0 / (depth - 1.0)))
    reasons["escape_norm"] = reason
    return None
