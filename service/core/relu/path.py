"""The minimum as a function of the decay: certified knots, chords below the curve between them and tangents above.

P is concave in beta and does not fall, and ``P' = sum |w_j|``.  One pair of errors and feature bound bounds every beta,
and one network is an upper bound at every beta, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.relu.dual import DualBound, dual_bound
from service.core.relu.minimum import CertifiedLoop
from service.core.relu.networks import HiddenUnits, Objective


@dataclass(frozen=True, slots=True)
class Knot:
    """What is known at one decay.

    Attributes
    ----------
    beta : float
    lower, upper : float
        Bounds of the minimum.
    length : float
        Sum of the lengths of the units of the best network: the slope of its line in beta.
    units : int
    """

    beta: float
    lower: float
    upper: float
    length: float
    units: int


def knots_of(objective: Objective, betas: Sequence[float], tolerance: float, most: int, seed: int) -> list[Knot]:
    """Certified knots at ascending ``betas``: every network and every proof counts at each of them."""
    networks: list[HiddenUnits] = [objective.nothing]
    proofs: list[DualBound] = []
    start: HiddenUnits | None = None
    # from much decay to little: each network is a start for the next
    for beta in sorted(betas, reverse=True):
        if should_stop() and proofs:
            break
        one = replace(objective, beta=beta)
        found = CertifiedLoop(one, tolerance, most, seed, start).run()
        start = found.units
        networks.append(found.units)
        proofs.append(found.dual)
    return [_knot(replace(objective, beta=beta), networks, proofs) for beta in sorted(betas)]


def _knot(objective: Objective, networks: Sequence[HiddenUnits], proofs: Sequence[DualBound]) -> Knot:
    best = min(networks, key=objective.value)
    lower = max((moved(objective, proof) for proof in proofs), default=-np.inf)
    return Knot(objective.beta, min(lower, objective.value(best)), objective.value(best), _length(best), len(best))


def moved(objective: Objective, proof: DualBound) -> float:
    """The bound that errors with a known feature bound give at the beta of this objective."""
    return dual_bound(objective, proof.errors, proof.feature_bound / objective.excess).bound


def bracket(knots: Sequence[Knot], beta: float) -> tuple[float, float]:
    """Lower and upper bound of the minimum at a beta between the first and the last knot."""
    betas = np.array([knot.beta for knot in knots])
    lower = float(np.interp(beta, betas, _concave_floor(knots)))
    upper = min(knot.upper + (beta - knot.beta) * knot.length for knot in knots)
    return lower, upper


def _concave_floor(knots: Sequence[Knot]) -> FloatArray:
    """Lower bounds (m,) at the knots, none below a chord of others."""
    betas, lower = np.array([knot.beta for knot in knots]), np.array([knot.lower for knot in knots])
    for place in range(1, len(knots) - 1):
        for left in range(place):
            for right in range(place + 1, len(knots)):
                share = (betas[place] - betas[left]) / (betas[right] - betas[left])
                lower[place] = max(lower[place], (1.0 - share) * lower[left] + share * lower[right])
    return lower


def _length(units: HiddenUnits) -> float:
    return float(units.lengths.sum())
