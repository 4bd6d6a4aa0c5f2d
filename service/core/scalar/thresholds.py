"""Where the global minimum of a one-output network changes its nature.

As functions of the common decay the global value is concave (a minimum of lines), so the minimiser's norm
only falls, and each jump is a crossing of two branches of the curve.  Statements and proofs:
``docs/theory/thresholds.md``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, expm1, log, log1p

import numpy as np
from scipy.optimize import brentq

from service.core.problems import Moments, Network
from service.core.results import Thresholds, Transition
from service.core.scalar.branches import Branches
from service.core.scalar.curve import Curve
from service.core.scalar.reduced import ReducedProblem, noise_changes_form, reduce
from service.core.scalar.survey import Point, Survey, survey

BEYOND = "outside the range of double precision"
LARGEST_UNSHARED = 256
"""Inputs up to which the critical noise is searched where each noise needs its own eigendecomposition."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A jump of the minimiser at ``log_kappa``, with log ||v|| on both sides; minus infinity is zero."""

    log_kappa: float
    before: float
    after: float = -np.inf


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
        names = (
            "critical_decay_scale",
            "metastable_up_to_decay_scale",
            "critical_noise_variance",
            "critical_noise_scale",
            "transition_order",
        )
        return Thresholds(None, None, None, None, None, (), dict.fromkeys(names, nothing))
    if reduced.n_hidden == 1:
        return _second_order(reduced)
    found = branches.survey or survey(curve)
    jumps = _jumps(curve, found)
    reasons: dict[str, str] = {}
    critical_log_kappa = jumps[-1].log_kappa
    metastable = max(point.log_kappa for point in found.spinodals)
    variance, scale = _critical_noise(network, moments, reduced, critical_log_kappa, reasons)
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


def collapse_log_kappa(curve: Curve) -> float:
    """log of the decay from which the zero map is a global minimum; D >= 2.

    The largest decay at which any point of the branch ties with the zero map.
    """
    return max(point.log_kappa for point in survey(curve).ties)


def jumps_of(curve: Curve) -> tuple[list[Jump], float]:
    """All jumps of the global minimiser as the decay grows, and the decay up to which any minimum but zero exists.

    Parameters
    ----------
    curve : Curve
        Of at least two hidden layers.

    Returns
    -------
    list of Jump
        Ascending in the decay; the last one goes to zero.
    float
        log kappa of the last spinodal, at or beyond the last jump.
    """
    found = survey(curve)
    return _jumps(curve, found), max(point.log_kappa for point in found.spinodals)


def _jumps(curve: Curve, found: Survey) -> list[Jump]:
    """All jumps of the global minimiser as the decay grows, the last one to zero."""
    runs = _minimum_runs(found)
    ties = found.ties
    if len(runs) == 1:
        last = max(ties, key=lambda point: point.log_kappa)
        return [Jump(last.log_kappa, last.log_norm)]
    jumps: list[Jump] = []
    current = 0
    while True:
        jump, following = _next_jump(curve, runs, ties, current)
        jumps.append(jump)
        if following is None:
            return jumps
        current = following


def _minimum_runs(found: Survey) -> list[tuple[float, float]]:
    """Intervals of t on which the height rises, that is on which the point is a local minimum."""
    ends = [point.t for point in found.spinodals]
    starts = [ends[0] - 200.0, *ends[1::2]]
    return list(zip(starts, ends[0::2], strict=True))


def _next_jump(
    curve: Curve, runs: list[tuple[float, float]], ties: tuple[Point, ...], current: int
) -> tuple[Jump, int | None]:
    """The first decay at which another local minimum, or zero, overtakes the run ``current``."""
    low, high = runs[current]
    own = [point for point in ties if low < point.t < high]
    candidates: list[tuple[Jump, int | None]] = []
    if own:
        candidates.append((Jump(own[0].log_kappa, own[0].log_norm), None))
    for later in range(current + 1, len(runs)):
        crossing = _crossing(curve, runs[current], runs[later])
        if crossing is not None:
            candidates.append((crossing, later))
    return min(candidates, key=lambda candidate: candidate[0].log_kappa)


def _crossing(curve: Curve, first: tuple[float, float], second: tuple[float, float]) -> Jump | None:
    """Where two runs have equal loss; at most once, since the one of larger norm loses faster."""
    bottom = max(float(curve.log_kappa_at(np.array([end]))[0]) for end in (first[0], second[0]))
    top = min(float(curve.log_kappa_at(np.array([end]))[0]) for end in (first[1], second[1]))
    if not bottom < top:
        return None

    def lead(log_kappa: float) -> float:
        points = np.array([_point(curve, first, log_kappa), _point(curve, second, log_kappa)])
        gains = curve.gain(curve.sample(points))
        return float(gains[0] - gains[1])

    inset = 1e-12 * max(1.0, abs(top))
    if lead(bottom + inset) <= 0.0 or lead(top - inset) >= 0.0:
        return None
    log_kappa = _root(lead, bottom + inset, top - inset)
    points = np.array([_point(curve, first, log_kappa), _point(curve, second, log_kappa)])
    before, after = curve.log_norm(curve.sample(points)).tolist()
    return Jump(log_kappa, before, after)


def _point(curve: Curve, run: tuple[float, float], log_kappa: float) -> float:
    def excess(t: float) -> float:
        return float(curve.log_kappa_at(np.array([t]))[0]) - log_kappa

    low, high = run
    if excess(low) >= 0.0:
        return low
    return high if excess(high) <= 0.0 else _root(excess, low, high)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-15, rtol=8.9e-16, maxiter=200))


def _critical_noise(
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
    scale = _spread(log_factor, noisy) if noisy else None
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
    return _root(excess, 0.0, high)


def _spread(log_factor: float, rates: list[float]) -> float | None:
    """The x > 0 with ``sum log(1 + x rate_i) = log_factor``; None if it overflows."""
    share = log_factor / len(rates)
    if share - log(min(rates)) > 690.0:
        return None
    # the answer if every rate were the largest, and if every rate were the smallest
    middle = log(expm1(share))
    low, high = middle - log(max(rates)), middle - log(min(rates))
    if low == high:
        return exp(low)

    def excess(log_x: float) -> float:
        x = exp(log_x)
        return sum(log1p(x * rate) for rate in rates) - log_factor

    return exp(_root(excess, low - 1e-9, high + 1e-9))
