"""How curved the squared error is for certain along given directions."""

from typing import NamedTuple

import numpy as np

from service.core.ground.enclosures.sources import UNIT, Source, gamma
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import powers_of_two

LARGEST_SHARE = 0.3
"""Share of the curvature that its error may take in a direction that counts as known."""
SPARED = (1e-12, 1e-10, 1e-8, 1e-4, 0.1)
"""Shares of the curvature that known directions may give up for weak ones."""
FLOORS = (1e-10, 1e-5, 1e-3)
"""Sizes of directions, relative to the numbers that make them up, below which they are tried as weak."""


class Curvatures(NamedTuple):
    """Curvatures along a basis (d,), zero for weak directions, which may take off ``bend |B_weak|^2``."""

    values: FloatArray
    bend: float


def curvature_along(source: Source, basis: FloatArray, squares: FloatArray, precise: bool) -> tuple[Curvatures, ...]:
    """Certain curvatures (d,) along the basis (d, d); with weak directions, more for these means less for the others.

    Returns
    -------
    tuple of Curvatures
        The first leaves known directions the most, the last takes the least off for weak ones.

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
        within = 1.01 * float(np.linalg.norm(departure[~weak][:, ~weak])) + 8.0 * UNIT
        if within > LARGEST_SHARE:
            continue
        across = 1.01 * float(np.linalg.norm(departure[~weak][:, weak]))
        side = float(np.max(sides[weak], initial=0.0))
        nothing = weak | (roots == 0.0)
        if across == 0.0:
            return (Curvatures(np.where(nothing, 0.0, roots * roots * (1.0 - within)), 0.0),)
        # 2 |a||b| <= t |a|^2 + |b|^2 / t; among themselves second moments of weak directions are not negative
        return tuple(
            Curvatures(np.where(nothing, 0.0, roots * roots * (1.0 - within - spared)), side**2 * across**2 / spared)
            for spared in SPARED
        )
    # second moments are never negative
    return (Curvatures(np.zeros(inputs), 0.0),)
