"""Where another minimum may be the global one without some sample, so that a step from this one would not find it.

Losses of fixed maps without a sample are known exactly; what a minimum gains by following the data is estimated, and
counted twice where it would change the order.  Derivation: ``docs/theory/selection.md``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.asked.selection.response import Minimisers
from service.core.asked.selection.shown import Shown
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray

CANDIDATES: Final = 32
"""Maps along the curve of candidates that are compared with the zero map."""
MOST_LEVERAGE: Final = 0.95
WIDEST: Final = 1e-4
"""Least ridge of a candidate, relative to the largest eigenvalue: a minimum that wins over zero has a larger map."""
SAFETY: Final = 2.0


@dataclass(frozen=True)
class Rival:
    """The second best local minimum: by how much its loss is higher (m,), infinite where there is none."""

    minimisers: Minimisers
    excess: FloatArray


def may_change_places(
    shown: Shown, found: Minimisers, missed: FloatArray, noise: FloatArray, rival: Rival
) -> BoolArray:
    """Values (m,) at which some sample decides which of two minima is the global one.

    Parameters
    ----------
    shown : Shown
    found : Minimisers
        Of networks with two hidden layers or more.
    missed : (m, n) array
        What their mean predictions are off by.
    noise : (m,) array
        C - 1.
    rival : Rival
    """
    changes = np.zeros(found.norms.size, dtype=np.bool_)
    places = np.flatnonzero(~found.stuck & np.isfinite(rival.excess))
    if places.size:
        apart = _apart(shown, found.taken(places), missed[places], noise[places], rival, places)
        changes[places] = apart.min(axis=1) <= 0.0
    zero = np.flatnonzero(found.stuck)
    if zero.size and found.values.shape[1]:
        changes[zero] = _leaves_zero(shown, found.taken(zero), noise[zero])
    return changes


def _apart(
    shown: Shown, found: Minimisers, missed: FloatArray, noise: FloatArray, rival: Rival, places: IntArray
) -> FloatArray:
    """By how much the second best minimum is worse without each sample (m, n), as far as is known."""
    other, excess = rival.minimisers.taken(places), rival.excess[places]
    away = other.norms > 0.0
    lost = shown.losses(found.maps, noise, missed)
    lost -= shown.losses(other.maps, noise, shown.missed(other.maps)) if away.any() else shown.y**2
    shift = excess * (shown.kept if shown.held.summed else 1.0)
    if not shown.held.summed:
        shift -= shown.weight * np.mean(lost, axis=1)
    lost *= shown.weight
    lost += shift[:, None]
    if away.any():
        gained = _gains(shown, other.values, other.ridges, shown.missed(other.maps), noise)
        lost -= SAFETY * np.where(away[:, None], gained, 0.0)
    return lost


def _leaves_zero(shown: Shown, found: Minimisers, noise: FloatArray) -> BoolArray:
    """Whether a map of the curve of candidates beats the zero map without some sample."""
    changes = np.zeros(found.norms.size, dtype=np.bool_)
    layers = 2.0 / found.power
    penalty = layers * found.decays * (shown.kept if shown.held.summed else 1.0)
    target = shown.target
    # values that share a quadratic form share the curve
    for factor in np.unique(noise):
        group = np.flatnonzero(noise == factor)
        values = found.values[group[0]]
        largest = float(values.max())
        if not largest > 0.0:
            continue
        ridges = largest * np.geomspace(WIDEST, 4.0, CANDIDATES)
        maps = np.where(values > 0.0, target / (values + ridges[:, None]), 0.0)
        repeated = np.full(CANDIDATES, factor)
        missed = shown.missed(maps)
        losses = shown.losses(maps, repeated, missed) - shown.y**2
        without = shown.kept * np.mean(losses, axis=1)[:, None] - shown.weight * losses
        spread = np.repeat(values[None, :], CANDIDATES, axis=0)
        without -= SAFETY * _gains(shown, spread, ridges, missed, repeated)
        paid = penalty[group][:, None] * np.linalg.norm(maps, axis=1) ** found.power
        changes[group] = (without.min(axis=1) + paid).min(axis=1) <= 0.0
    return changes


def _gains(shown: Shown, values: FloatArray, ridges: FloatArray, missed: FloatArray, noise: FloatArray) -> FloatArray:
    """By how much a map's loss falls when it follows the data without each sample, to first order (m, n)."""
    denominators = shown.kept * values + ridges[:, None]
    reciprocal = np.where(denominators > 0.0, 1.0 / np.where(denominators > 0.0, denominators, 1.0), 0.0)
    leverage = reciprocal @ shown.own.T + (1.0 / shown.kept if shown.free else 0.0)
    leverage *= shown.weight * (1.0 + noise)[:, None]
    share = np.minimum(leverage, MOST_LEVERAGE)
    gains: FloatArray = shown.weight * missed**2 * share / (1.0 - share)
    return gains
