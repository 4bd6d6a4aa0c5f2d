"""Searches for the largest correlation of errors and of their negative, which go on from each other's cones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.relu.cones import SimplicialCones
from service.core.relu.networks import Objective
from service.core.relu.planar import PLANE, largest_on_plane
from service.core.relu.rows import Span
from service.core.relu.search import ConeSearch, Largest

SIGNS: Final = (1.0, -1.0)
ENOUGH: Final = 100
"""Missing units that end a search early, since the network changes anyway."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What searches of both signs know when they end.

    Attributes
    ----------
    bound : float
        No unit of length one is correlated with the errors by more.
    directions : (m, d) array
        Units of length one that are missing.
    signs : (m,) array
    complete : bool
        Whether every cone was closed.
    """

    bound: float
    directions: FloatArray
    signs: FloatArray
    complete: bool


@dataclass(slots=True)
class BothSigns:
    """What one search has split is not split again by the next.

    Attributes
    ----------
    objective : Objective
    span : Span
        Of its inputs, with at least one dimension.
    cones : int
        Bounded so far.
    """

    objective: Objective
    span: Span
    cones: int = 0
    _leaves: list[SimplicialCones | None] = field(default_factory=lambda: [None, None], init=False, repr=False)

    def run(self, errors: FloatArray, slack: float, missing: float, most: int) -> Searched:
        """Search with errors (n,), until ``most`` cones were bounded in all.

        Cones are closed at ``beta (1 + slack)``, units above ``missing`` are kept.
        """
        rows = self.span.with_errors(errors, self.objective.slope)
        sides = (rows, rows.reversed)
        if self.span.dimension <= PLANE:
            return _joined([largest_on_plane(one, missing) for one in sides])
        target = self.objective.beta * (1.0 + slack)
        searches = [
            ConeSearch(one, target, missing=missing, rtol=slack, cones=leaves)
            for one, leaves in zip(sides, self._leaves, strict=True)
        ]
        # half of the effort for the first, the rest for the second, and what that leaves for the first again
        for search, share in ((searches[0], 2), (searches[1], 1), (searches[0], 1)):
            before = search.examined
            search.run(enough=ENOUGH, most=before + max(1, (most - self.cones) // share), stop=should_stop)
            self.cones += search.examined - before
        self._leaves = [search.leaves for search in searches]
        return _joined([search.result() for search in searches])


def _joined(results: Sequence[Largest]) -> Searched:
    return Searched(
        max(result.bound for result in results),
        np.concatenate([result.directions for result in results]),
        np.repeat(SIGNS, [len(result.values) for result in results]),
        all(result.complete for result in results),
    )
