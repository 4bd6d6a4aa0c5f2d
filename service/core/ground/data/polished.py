"""Eigenpairs of badly scaled second moments, corrected in twice the working precision.

A root of moments is right to the rounding of the largest of them; small eigenvalues and what the targets have along
their directions then lack digits that the moments hold.  One step of first-order perturbation theory brings them back.
"""

import numpy as np

from service.core.ground.enclosures.second_moments import SecondMoments
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.spectrum import Spectrum
from service.core.ground.numbers.twofold import product

APART = 1e-3
"""Relative distance of eigenvalues below which vectors are not turned towards one another."""


def polished(spectrum: Spectrum, xx: FloatArray, xy: FloatArray, yy: float) -> Spectrum:
    """Eigenpairs (absent directions left as they are) of ``xx`` (d, d) nearer to those of the numbers as they stand.

    Notes
    -----
    With V' xx V = L + E a vector v_i turns by ``E_ji / (L_i - L_j)`` towards v_j, its eigenvalue moves by E_ii.  The
    squared error that no map removes is evaluated at the least-squares map.  O(d^3) products in twice the precision.
    """
    seen = np.flatnonzero(spectrum.active)
    if not seen.size:
        return spectrum
    source = SecondMoments(xx, xy, yy)
    vectors, values = spectrum.vectors[:, seen], spectrum.values[seen]
    units = powers_of_two(np.sqrt(values))
    scaled, _ = source.second(vectors, units, precise=True)
    inside = scaled * units * units[:, None]
    apart = values[None, :] - values[:, None]
    near = np.abs(apart) <= APART * np.maximum(values[None, :], values[:, None])
    turn = np.where(near, 0.0, inside / np.where(near, 1.0, apart))
    sharper = np.diagonal(inside) + np.sum(np.where(near, 0.0, inside * turn), axis=0)
    if not np.all(sharper > 0.5 * values):
        # nothing is left of an eigenvalue: the moments are those of no data along it, and the root decides
        return spectrum
    turned = vectors + vectors @ turn
    along = _products(turned, xy)
    response = along / np.sqrt(sharper)[:, None]
    best = (turned @ (along / sharper[:, None])).T
    local = source.near(best, np.zeros_like(best), precise=True)
    left = (local.slope @ turned) / np.sqrt(sharper)
    residual = max(local.value - float(np.sum(left * left)), 0.0)
    order = np.argsort(sharper, kind="stable")
    absent = len(spectrum.values) - seen.size
    padded = np.concatenate((np.zeros(absent), sharper[order]))
    full = np.concatenate((spectrum.vectors[:, :absent], turned[:, order]), axis=1)
    nothing = np.zeros((absent, xy.shape[1]))
    return Spectrum(
        padded,
        full,
        np.concatenate((nothing, along[order])),
        0.0,
        np.concatenate((nothing, response[order])),
        residual,
    )


def _products(vectors: FloatArray, xy: FloatArray) -> FloatArray:
    """``vectors' xy``, rounded from twice the working precision; inputs may have any units."""
    rows = powers_of_two(np.abs(xy).max(axis=1, initial=0.0))
    found = product(np.ascontiguousarray((vectors * rows[:, None]).T), xy / rows[:, None])
    return found.rounded()
