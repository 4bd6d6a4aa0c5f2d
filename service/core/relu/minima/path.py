"""The minimum as a function of the decay: certified knots, chords below the curve between them and tangents above.

P is concave in beta and does not fall, and ``P' = sum |w_j|``.  One pair of errors and feature bound bounds every beta,
and one network is an upper bound at every beta, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.core.relu.dual import DualBound, dual_bound
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


def knots_of(
    objective: Objective, betas: Sequence[float], networks: Sequence[HiddenUnits], proofs: Sequence[DualBound]
) -> list[Knot]:
    """Knots at ascending ``betas``: every network and every proof, wherever it was found, counts at each of them."""
    networks = [objective.nothing, *networks]
    knots = [_knot(replace(objective, beta=beta), networks, proofs) for beta in betas]
    return [replace(knot, lower=lower) for knot, lower in zip(knots, _concave_floor(knots), strict=True)]


def _knot(objective: Objective, networks: Sequence[HiddenUnits], proofs: Sequence[DualBound]) -> Knot:
    best = min(networks, key=objective.value)
    lower = max((moved(objective, proof) for proof in proofs), default=-np.inf)
    return Knot(objective.beta, min(lower, objective.value(best)), objective.value(best), _length(best), len(best))


def moved(objective: Objective, proof: DualBound) -> float:
    """The bound that errors with a known feature bound give at the beta of this objective."""
    return dual_bound(objective, proof.errors, proof.feature_bound / objective.excess).bound


def _concave_floor(knots: Sequence[Knot]) -> list[float]:
    """Lower bounds at ascending knots, none below a chord of others."""
    betas, lower = np.array([knot.beta for knot in knots]), np.array([knot.lower for knot in knots])
    for place in range(1, len(knots) - 1):
        for left in range(place):
            for right in range(place + 1, len(knots)):
                share = (betas[place] - betas[left]) / (betas[right] - betas[left])
                lower[place] = max(lower[place], (1.0 - share) * lower[left] + share * lower[right])
    return [min(float(one), knot.upper) for one, knot in zip(lower, knots, strict=True)]


def _length(units: HiddenUnits) -> float:
    return float(units.lengths.sum())
