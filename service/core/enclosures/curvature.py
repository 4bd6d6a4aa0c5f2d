"""How curved the squared error is for certain along given directions."""

import numpy as np

from service.core.arrays import FloatArray
from service.core.enclosures.sources import UNIT, Source, gamma
from service.core.factor import powers_of_two

LARGEST_SHARE = 0.3
"""Share of the curvature that its error may take in a direction that counts as known."""
SPARED = 1e-8
"""Share of the curvature that known directions may give up for weak ones."""
FLOORS = (1e-10, 1e-5, 1e-3)
"""Sizes of directions, relative to the numbers that make them up, below which they are tried as weak."""


def curvature_along(source: Source, basis: FloatArray, squares: FloatArray, precise: bool) -> tuple[FloatArray, float]:
    """Certain curvatures along the basis, zero for weak directions, and what these may take off.

    Notes
    -----
    In units of their square roots the second moments along the basis are the identity but for an error, whose norm is
    the share by which every curvature may be less.  Directions are weak where they are so small beside the numbers that
    make them up that this share would not be below a third; what lies across to them is charged to them.
    """
    inputs = len(squares)
    roots = np.sqrt(np.maximum(squares, 0.0))
    spans = source.sizes @ np.abs(basis)
    first = 20.0 * inputs * gamma(inputs + 8.0)
    units = powers_of_two(np.maximum(roots, first * spans))
    gram, error = source.second(basis, units, precise)
    for floor in sorted((first, 4.0 * np.sqrt(first), *FLOORS)):
        weak = roots < floor * spans
        sides = np.where(weak, floor * spans, roots)
        scale = np.where(sides > 0.0, units / np.where(sides > 0.0, sides, 1.0), 0.0)
        diagonal = (roots / np.where(sides > 0.0, sides, 1.0)) ** 2
        departure = np.abs(gram * scale * scale[:, None] - np.diag(diagonal))
        departure += (error + 8.0 * UNIT * np.abs(gram)) * scale * scale[:, None]
        within = float(np.linalg.norm(departure[~weak][:, ~weak]))
        across = float(np.linalg.norm(departure[~weak][:, weak]))
        # 2 |a||b| <= t |a|^2 + |b|^2 / t, with t such that known directions lose next to nothing
        weight = max(within, SPARED) / across if across > 0.0 else 1.0
        share = 1.01 * (within + across * weight) + 8.0 * UNIT
        if share <= LARGEST_SHARE:
            lost = float(np.linalg.norm(departure[weak][:, weak])) + (across / weight if across > 0.0 else 0.0)
            bend = 1.01 * lost * float(np.max(sides[weak], initial=0.0)) ** 2
            return np.where(weak | (roots == 0.0), 0.0, roots * roots * (1.0 - share)), bend
    # second moments are never negative
    return np.zeros(inputs), 0.0
