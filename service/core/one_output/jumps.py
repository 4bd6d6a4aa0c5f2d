"""Jumps of the global minimiser of a one-output network as the decay grows, found as crossings on its curve.

As functions of the common decay the global value is concave (a minimum of lines), so the minimiser's norm
only falls, and each jump is a crossing of two branches of the curve.  Statements and proofs:
``docs/theory/thresholds.md``.
"""

from dataclasses import dataclass
from math import exp
from typing import Final, NamedTuple

import numpy as np

from service.core.one_output.curve import Curve, Row
from service.core.one_output.newton import CONVERGED, MOST_STEPS, BracketedRoot
from service.core.one_output.survey import SpecialPoint, Survey, point_near, survey

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
    curve: Curve, runs: list[tuple[float, float]], ties: tuple[SpecialPoint, ...], current: int
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
    ends = list(curve.sample(np.array([*first, *second])).rows())
    pairs = (ends[0], ends[1]), (ends[2], ends[3])
    heights = [curve.height_at(row, -curve.offset)[0] / curve.exponent for row in ends]
    bottom, top = max(heights[0], heights[2]), min(heights[1], heights[3])
    if not bottom < top:
        return None
    inset = 1e-12 * max(1.0, abs(top))
    low, high = (_lead(curve, pairs, end) for end in (bottom + inset, top - inset))
    if low.gain <= 0.0 or high.gain >= 0.0:
        return None
    root = BracketedRoot((low.log_kappa, low.gain, low.slope), (high.log_kappa, high.gain, high.slope))
    last = np.inf
    for _ in range(MOST_STEPS):
        found = _lead(curve, pairs, root.t)
        step = root.step(found.gain, found.slope)
        if step <= NEAR or (step <= CONVERGED and step >= 0.5 * last):
            break
        last = step
    found = _lead(curve, pairs, root.t)
    return Jump(root.t, found.before, found.after)


class _Lead(NamedTuple):
    """By how much one run's point gains more than another's, its derivative in the decay, and log ||v|| of both."""

    log_kappa: float
    gain: float
    slope: float
    before: float
    after: float


def _lead(curve: Curve, pairs: tuple[tuple[Row, Row], tuple[Row, Row]], log_kappa: float) -> _Lead:
    """The lead at a decay; its derivative is the difference of the decays that are paid, as gains are greatest."""
    level, power = curve.level_of(log_kappa), 2.0 / (curve.n_hidden + 1.0)
    roots = [_bracketed(curve, low, high, level) for low, high in pairs]
    rows: list[Row] = []
    for _ in range(MOST_STEPS):
        rows = list(curve.sample(np.array([root.t for root in roots])).rows())
        steps = [root.step(*curve.height_at(row, level)) for root, row in zip(roots, rows, strict=True)]
        if max(steps) <= CONVERGED:
            break
    before, after = (point_near(curve, root.t, row, rising=True) for root, row in zip(roots, rows, strict=True))
    paid = [(curve.n_hidden + 1.0) * exp(min(log_kappa + power * point.log_norm, 700.0)) for point in (before, after)]
    return _Lead(log_kappa, before.gain - after.gain, paid[1] - paid[0], before.log_norm, after.log_norm)


def _bracketed(curve: Curve, low: Row, high: Row, level: float) -> BracketedRoot:
    """The point of a run for a decay, or the end of the run beyond which it would lie."""
    at_low, at_high = ((row[0], *curve.height_at(row, level)) for row in (low, high))
    if at_low[1] >= 0.0:
        return BracketedRoot(at_low, at_low)
    return BracketedRoot(at_high, at_high) if at_high[1] <= 0.0 else BracketedRoot(at_low, at_high)
