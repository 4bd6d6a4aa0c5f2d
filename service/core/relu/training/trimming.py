"""Fewer units at no greater cost: without those that vanished, with equal ones joined, and no more than samples."""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.networks import HiddenUnits, Objective

_VANISHED: Final = 1e-7
_NEAR: Final = 0.9
_DEPENDENT: Final = 1e-10


def pruned(units: HiddenUnits) -> HiddenUnits:
    """Without units that are tiny beside the largest."""
    lengths = units.lengths
    return units.chosen(lengths > _VANISHED * lengths.max(initial=0.0))


def merged(objective: Objective, units: HiddenUnits, loose: float) -> HiddenUnits:
    """With neighbours of one sign joined where the objective rises by less than a share ``loose`` of itself."""
    units = pruned(units)
    if len(units) < 2:
        return units
    features = objective.features(units.w)
    f = objective.predictions(units)
    fit = objective.loss.value(f)
    allowed = loose * abs(fit + objective.decay(units))
    w, signs, lengths = units.w.copy(), units.signs, units.lengths
    kept = np.ones(len(w), dtype=bool)
    cosines = (w @ w.T) / np.outer(lengths, lengths)
    pairs = np.argwhere(np.triu((cosines > _NEAR) & (signs[:, None] == signs), 1))
    for a, b in pairs[np.argsort(-cosines[pairs[:, 0], pairs[:, 1]], kind="stable")]:
        if not (kept[a] and kept[b]):
            continue
        together = w[a] + w[b]
        feature = objective.features(together[None])[:, 0]
        other = f + signs[a] * (feature - features[:, a] - features[:, b])
        length = float(np.sqrt(together @ together))
        other_fit = objective.loss.value(other)
        gain = fit - other_fit + objective.beta * (lengths[a] + lengths[b] - length)
        if gain >= -allowed:
            w[a], features[:, a], lengths[a] = together, feature, length
            kept[b], f, fit = False, other, other_fit
    return HiddenUnits(w[kept], signs[kept], units.free)


def narrowed(objective: Objective, units: HiddenUnits) -> HiddenUnits:
    """With linearly independent features: at most as many units as samples, at equal predictions and no greater cost.

    If ``sum_j alpha_j s_j phi(w_j) = 0``, moving the lengths along alpha changes no prediction, and the decay by a
    linear function, until a unit vanishes.
    """
    units = pruned(units)
    while len(units):
        columns = np.concatenate([objective.features(units.w) * units.signs, objective.free], axis=1)
        scale = np.sqrt(np.square(columns).sum(axis=0))
        _, values, rows = np.linalg.svd(columns / np.where(scale > 0.0, scale, 1.0), full_matrices=True)
        rank = int((values > _DEPENDENT * values.max(initial=0.0)).sum())
        if rank == columns.shape[1]:
            return units
        null = rows[-1] / np.where(scale > 0.0, scale, 1.0)
        if null[: len(units)] @ units.lengths > 0.0:
            null = -null
        alpha = null[: len(units)]
        if not alpha.min() < 0.0:
            return units
        last = alpha.argmin()
        factors = np.maximum(1.0 - alpha / alpha[last], 0.0)
        factors[last] = 0.0
        moved = HiddenUnits(units.w * factors[:, None], units.signs, units.free - null[len(units) :] / alpha[last])
        moved = moved.chosen(factors > 0.0)
        if objective.value(moved) > objective.value(units) * (1.0 + 1e-12):
            return units
        units = moved
    return units


def distinct(objective: Objective, directions: FloatArray, cosine: float, most: int) -> FloatArray:
    """The first directions (m, d), at most so many, no two of whose features on the samples are nearer than a cosine.

    Features and not directions: where a bias costs nothing, units of one direction may be active on other samples.
    """
    features = objective.features(directions).T
    lengths = np.sqrt(np.einsum("ij,ij->i", features, features))
    features = features / np.where(lengths > 0.0, lengths, 1.0)[:, None]
    kept: list[int] = []
    for place in np.flatnonzero(lengths > 0.0):
        if len(kept) == most:
            break
        if not kept or float((features[kept] @ features[place]).max()) < cosine:
            kept.append(int(place))
    return directions[kept]
