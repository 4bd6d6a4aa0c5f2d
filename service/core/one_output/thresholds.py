"""Where the global minimum of a one-output network changes its nature.

Statements and proofs: ``docs/theory/thresholds.md``.
"""

from math import exp, log

import numpy as np

from service.core.ground.problems import Moments, Network
from service.core.ground.results import THRESHOLDS, Thresholds, Transition
from service.core.one_output.branches import Branches
from service.core.one_output.critical_noise import BEYOND, critical_noise
from service.core.one_output.jumps import Jump, jumps_of
from service.core.one_output.reduced import ReducedProblem


def thresholds(network: Network, moments: Moments, reduced: ReducedProblem, branches: Branches) -> Thresholds:
    """All thresholds of a one-output problem, each a number or a reason.

    Parameters
    ----------
    network, moments : the problem
    reduced : ReducedProblem
    branches : Branches

    Returns
    -------
    Thresholds
        Scales multiply the problem's own decays or noise variances.
    """
    nothing = _nothing_to_cross(reduced)
    curve = None if nothing else branches.curve
    if curve is None:
        return Thresholds.none(dict.fromkeys(THRESHOLDS, nothing))
    if reduced.n_hidden == 1:
        return _second_order(reduced)
    jumps, metastable = jumps_of(curve, branches.survey)
    reasons: dict[str, str] = {}
    critical_log_kappa = jumps[-1].log_kappa
    variance, scale = critical_noise(network, moments, reduced, critical_log_kappa, reasons)
    return Thresholds(
        critical_decay_scale=_scale(reduced, critical_log_kappa, "critical_decay_scale", reasons),
        metastable_up_to_decay_scale=_scale(reduced, metastable, "metastable_up_to_decay_scale", reasons),
        critical_noise_variance=variance,
        critical_noise_scale=scale,
        transition_order=1,
        transitions=tuple(_transition(reduced, jump) for jump in jumps if _representable(reduced, jump.log_kappa)),
        reasons=reasons,
    )


def _nothing_to_cross(reduced: ReducedProblem) -> str:
    if not reduced.values.size:
        return "the targets do not correlate with the inputs: the zero map is always the minimum"
    if reduced.n_hidden == 0:
        return "no hidden layer: ridge regression never collapses"
    if reduced.log_kappa == -np.inf:
        return "a layer without decay: no common factor of the decays changes the minimum"
    return ""


def _second_order(reduced: ReducedProblem) -> Thresholds:
    one_layer = "one hidden layer: the collapse does not depend on the noise"
    reasons = {
        "metastable_up_to_decay_scale": "the transition is continuous: no branch outlives it",
        "critical_noise_variance": one_layer,
        "critical_noise_scale": one_layer,
    }
    scale = _scale(reduced, log(reduced.correlation), "critical_decay_scale", reasons)
    transitions = () if scale is None else (Transition(scale, 2, 0.0, 0.0),)
    return Thresholds(scale, None, None, None, 2, transitions, reasons)


def _representable(reduced: ReducedProblem, log_kappa: float) -> bool:
    """Whether the factor from the problem's decays to this one is a normal number in double precision."""
    return abs(log_kappa - reduced.log_kappa) < 700.0


def _scale(reduced: ReducedProblem, log_kappa: float, name: str, reasons: dict[str, str]) -> float | None:
    """The factor of all decays at which ``log_kappa`` is reached, or none with its reason."""
    if _representable(reduced, log_kappa):
        return exp(log_kappa - reduced.log_kappa)
    reasons[name] = BEYOND
    return None


def _transition(reduced: ReducedProblem, jump: Jump) -> Transition:
    norms = (exp(log_norm - reduced.log_factor) for log_norm in (jump.before, jump.after))
    return Transition(exp(jump.log_kappa - reduced.log_kappa), 1, *norms)
