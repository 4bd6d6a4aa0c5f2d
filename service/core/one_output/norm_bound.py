"""Lower bounds of the reduced one-output problem by branch and bound on the norm of the map.

The problem is taken as it is given, its numbers as exact: a bound for data that were rounded comes from a problem below
theirs (`service.core.ground.enclosures`).  Losses are counted from the undecayed minimum, so that a small one loses no
digits.  Statement, proof and the rounding allowance: ``docs/theory/norm-bound.md``.
"""

from dataclasses import dataclass
from math import exp
from typing import Final

import numpy as np

from service.core.ground.numbers.spectrum import EPSILON
from service.core.one_output.reduced import ReducedProblem
from service.core.one_output.shells import EXACT, Drift, ShellProblem, subdivide

GAP_TOLERANCE: Final = 1e-9
"""Relative gap between the bounds of a one-output minimum below which they are said to meet."""


@dataclass(frozen=True, slots=True)
class NormBound:
    """Bounds of the minimal loss.

    Attributes
    ----------
    lower : float
        All maps have at least this reduced loss; the allowance is already taken off.
    reached : float
        Smallest reduced loss met on the way.
    allowance : float
        How much was taken off for rounding.
    nodes : int
        Shells that were bounded.
    gain : float
        By how much a map was found to beat the zero map.
    possible_gain : float
        No map beats the zero map by more.
    """

    lower: float
    reached: float
    allowance: float
    nodes: int
    gain: float = 0.0
    possible_gain: float = 0.0


def norm_bound(
    reduced: ReducedProblem, tolerance: float, target: float, hint: float | None = None, drift: Drift = EXACT
) -> NormBound:
    """Bound the minimal loss from below, to ``tolerance`` where double precision allows.

    Parameters
    ----------
    reduced : ReducedProblem
    tolerance : float
        Absolute width of the gap to close.
    target : float
        A loss that is known to be reached; subdivision stops once no shell can be better by more.
    hint : float, optional
        Norm of a map near which to subdivide first; validity does not depend on it.
    drift : Drift
        How far the data may be from the numbers of the reduced problem, whose eigenvalues are then all positive.

    Returns
    -------
    NormBound

    Notes
    -----
    O(nodes * d); some 60 nodes with a good hint.
    """
    shrink = exp(-reduced.log_factor)
    undecayed = reduced.undecayed_loss
    if not reduced.values.size:
        return NormBound(undecayed, undecayed, 0.0, 1)
    explained = reduced.explained
    if reduced.n_hidden == 0 or reduced.log_kappa == -np.inf:
        excess = reached = _convex_excess(reduced)
        allowance, nodes = 64.0 * EPSILON * excess + _convex_drift(reduced, drift), 1
    else:
        problem = ShellProblem(reduced, drift)
        per_loss = 1.0 / max(shrink, 1e-300)
        known = (target - undecayed) * per_loss
        excess, allowance, reached, nodes = subdivide(problem, hint, tolerance * per_loss, min(known, explained))
    gained = max(0.0, excess - allowance) * shrink
    base = 8.0 * EPSILON * (abs(undecayed) + gained)
    # what the allowance exceeds the excess by is no less of a change of the data
    gained -= max(0.0, allowance - excess) * shrink
    return NormBound(
        undecayed + gained - base,
        undecayed + reached * shrink,
        base + allowance * shrink,
        nodes,
        gain=(explained - reached) * shrink,
        possible_gain=max(0.0, explained - excess + allowance) * shrink,
    )


def _convex_excess(reduced: ReducedProblem) -> float:
    """No hidden layer (ridge) or an infimum without decay: one convex quadratic."""
    ridge = float(np.exp(reduced.log_kappa)) if reduced.n_hidden == 0 else 0.0
    fitted = reduced.squares / (reduced.values + ridge)
    return ridge * float(np.sum(fitted / reduced.values))


def _convex_drift(reduced: ReducedProblem, drift: Drift) -> float:
    """By how much the minimum of one convex quadratic can fall as its data move.

    Notes
    -----
    ``e ||v||^2 + 2 f ||v||`` around the minimiser, to first order there and to second in the rest of the curvature.
    """
    if drift == EXACT:
        return 0.0
    ridge = float(np.exp(reduced.log_kappa)) if reduced.n_hidden == 0 else 0.0
    length = float(np.sqrt(np.sum(reduced.squares / (reduced.values + ridge) ** 2)))
    curvature = float(reduced.values.min()) + ridge - drift.quadratic
    if curvature <= 0.0:
        return np.inf
    pull = drift.quadratic * length + drift.linear
    return drift.quadratic * length**2 + 2.0 * drift.linear * length + pull**2 / curvature
