"""Jumps of the global minimiser of a one-output network as the decay grows, found as crossings on its curve.

As functions of the common decay the global value is concave (a minimum of lines), so the minimiser's norm
only falls, and each jump is a crossing of two branches of the curve.  Statements and proofs:
``docs/theory/thresholds.md``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.bracketed import bracketed_root
from service.core.scalar.curve import Curve
from service.core.scalar.survey import Point, Survey, survey

NEAR: Final = 1e-15
"""Distance in a logarithm at which a root is found."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A jump of the minimiser at ``log_kappa``, with log ||v|| on both sides; minus infinity is zero."""

    log_kappa: float
    before: float
    after: float = -np.inf


def collapse_log_kappa(curve: Curve) -> float:
    """log of the decay from which the zero map is a global minimum; D >= 2.

    The largest decay at which any point of the branch ties with the zero map.
    """
    return max(point.log_kappa for point in survey(curve).ties)


def jumps_of(curve: Curve, known: Survey | None = None) -> tuple[list[Jump], float]:
    """All jumps of the global minimiser as the decay grows, and the decay up to which any minimum but zero exists.

    Parameters
    ----------
    curve : Curve
        Of at least two hidden layers.
    known : Survey, optional
        Its survey, where there is one already.

    Returns
    -------
    list of Jump
        Ascending in the decay; the last one goes to zero.
    float
        log kappa of the last spinodal, at or beyond the last jump.
    """
    found = known or survey(curve)
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
    if not candidates:
        # runs that end where rounding hides their crossing: what is left is the last tie with zero
        last = max(ties, key=lambda point: point.log_kappa)
        return Jump(last.log_kappa, last.log_norm), None
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
    log_kappa = bracketed_root(lead, bottom + inset, top - inset, rounding=0.0, absolute=NEAR)
    points = np.array([_point(curve, first, log_kappa), _point(curve, second, log_kappa)])
    before, after = curve.log_norm(curve.sample(points)).tolist()
    return Jump(log_kappa, before, after)


def _point(curve: Curve, run: tuple[float, float], log_kappa: float) -> float:
    def excess(t: float) -> float:
        return float(curve.log_kappa_at(np.array([t]))[0]) - log_kappa

    low, high = run
    if excess(low) >= 0.0:
        return low
    return high if excess(high) <= 0.0 else bracketed_root(excess, low, high, rounding=0.0, absolute=NEAR)
